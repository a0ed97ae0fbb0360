/**
 * Turns between a real record with real files and a real journal with a real tree, in one process:
 * what the programs run, with queues for the channel and plain copies for rsync.
 *
 * @module
 */
import type {
  ClientMessage,
  ServerMessage,
} from "../../lib/core/channel_protocol.ts";
import { type AnchorConfig, treePathOf } from "../../lib/core/config.ts";
import { parseExcludes } from "../../lib/core/excludes.ts";
import {
  nameOf,
  type RelativePath,
  relativePath,
} from "../../lib/core/path.ts";
import { conflictPath } from "../../lib/core/reconcile.ts";
import { passesOver } from "../../lib/core/selection.ts";
import { AnchorRoot, parentDirectory } from "../../lib/daemon/anchor_root.ts";
import type { AnchorStore } from "../../lib/io/base_store.ts";
import { AnchorDisk } from "../../lib/io/client_disk.ts";
import { lstatIfAny } from "../../lib/io/files.ts";
import { openJournal, type SqliteJournal } from "../../lib/io/journal.ts";
import { scanTree } from "../../lib/io/scan.ts";
import { openServerTree } from "../../lib/io/server_tree.ts";
import type { ClientLine, ServerLine, ServerTree } from "../../lib/ports.ts";
import { AnchorEdits } from "../../lib/turn/edits.ts";
import type { IncomingGuard } from "../../lib/turn/incoming_guard.ts";
import { serveTurn } from "../../lib/turn/serve_turn.ts";
import {
  type ClientTurnEnd,
  deleteHeld,
  finishClientIntent,
  takeTurn,
} from "../../lib/turn/take_turn.ts";
import { ENDLESS_ROOM } from "../sim/endless_room.ts";

const TRANSFER = { compress: false, partial: false, checksum: false };

/** One user's part of a server. */
export class DirectServer implements Disposable {
  readonly root: string;
  readonly journal: SqliteJournal;
  readonly tree: ServerTree;

  constructor(root: string, epoch: string) {
    Deno.mkdirSync(`${root}/.sinkd`, { recursive: true });
    this.root = root;
    this.journal = openJournal(":memory:", () => epoch);
    this.tree = openServerTree(root, () => Promise.resolve());
  }

  [Symbol.dispose](): void {
    this.journal[Symbol.dispose]();
  }
}

/** An anchor as the daemon has it, without watcher and channel. */
export class DirectAnchor {
  readonly edits: AnchorEdits;
  readonly #guard: IncomingGuard;
  readonly #config: AnchorConfig;
  readonly #root: string;
  readonly #only: string | undefined;
  readonly #store: AnchorStore;
  readonly #disk: AnchorDisk;
  readonly #directory: AnchorRoot;
  readonly #copyName: (path: RelativePath) => string;

  constructor(
    config: AnchorConfig,
    store: AnchorStore,
    { client, guard }: { client: string; guard: IncomingGuard },
  ) {
    this.#guard = guard;
    const single = store.identity()?.single === true;
    this.#config = config;
    this.#store = store;
    this.#root = single ? parentDirectory(config.path) : config.path;
    this.#only = single ? nameOf(config.path) : undefined;
    this.#directory = new AnchorRoot({
      root: this.#root,
      path: config.path,
      store,
      isDirectory: () => true,
      onChange: () => {},
    });
    this.#copyName = (path) =>
      conflictPath(path, {
        client,
        timeText: "20260102030405",
        taken: (copy) => lstatIfAny(`${this.#root}/${copy}`) !== undefined,
      });
    const { minSize, maxSize } = config.rsync;
    const selection = {
      rules: this.#rules(),
      only: this.#only,
      minSize,
      maxSize,
    };
    this.#disk = new AnchorDisk({
      root: this.#root,
      copyName: this.#copyName,
      nowMs: () => performance.now(),
      passesOver: (path, entry) => passesOver(selection, path, entry),
      assertRoot: () => this.#directory.assert(),
      makeLinks: () => Promise.reject(new Error("no links here")),
    });
    this.edits = new AnchorEdits({
      base: store,
      disk: this.#disk,
      nowMs: Date.now,
      steadyMs: () => performance.now(),
      rest: () => Promise.resolve(),
      defer: () => {},
      scan: () => {},
      scanAll: () => {},
      fetch: () => {},
    });
  }

  /** Opens it, and takes turns until nothing is left to do; `undefined` when its root is not there. */
  async sync(server: DirectServer): Promise<ClientTurnEnd | undefined> {
    this.#directory.makeFirst();
    if (this.#directory.check()) {
      await this.#disk.asides.recover();
      await finishClientIntent(this.#store, this.#disk, this.edits);
    }
    let end: ClientTurnEnd | undefined;
    for (let turns = 0; turns < 20; turns++) {
      if (!await this.#scan()) return undefined;
      const { stamp, epoch } = server.journal.head();
      const at = this.#store.position();
      const isAt = at.epoch === epoch && at.stamp.date === stamp.date &&
        at.stamp.cycle === stamp.cycle;
      if (end !== undefined && isAt && this.edits.count() === 0) return end;
      end = await this.#turn(server);
    }
    throw new Error(`Cannot bring ${this.#config.path} up to date`);
  }

  /** Deletes here what was deleted elsewhere and waited. */
  async deleteHeld(): Promise<void> {
    this.#directory.check();
    const left = await deleteHeld({
      base: this.#store,
      disk: this.#disk,
      edits: this.edits,
      copyName: this.#copyName,
    });
    if (left.length > 0) throw new Error(JSON.stringify(left));
  }

  async #scan(): Promise<boolean> {
    const scan = await scanTree(this.#root, {
      rules: this.#rules(),
      only: this.#only,
    });
    if (scan.root.kind === "present") {
      this.#directory.identify(scan.root, scan.found);
    }
    if (!this.#directory.check()) return false;
    this.edits.applyScan(scan);
    return true;
  }

  async #turn(server: DirectServer): Promise<ClientTurnEnd> {
    const { client, server: served } = directLines(this.#root);
    const [end] = await Promise.all([
      takeTurn({
        room: ENDLESS_ROOM,
        line: client,
        base: this.#store,
        disk: this.#disk,
        edits: this.edits,
        guard: this.#guard,
        transfer: TRANSFER,
        single: this.#only !== undefined,
        copyName: this.#copyName,
      }),
      serveTurn({
        room: ENDLESS_ROOM,
        path: relativePath(treePathOf(this.#config)),
        stageName: "stage",
        exclusive: true,
        line: served,
        journal: server.journal,
        tree: server.tree,
        today: () => 20260101,
        onCommit: () => {},
      }),
    ]);
    return end;
  }

  #rules() {
    const parsed = parseExcludes(this.#config.excludes);
    if (!parsed.ok) throw new Error(parsed.reason);
    return parsed.rules;
  }
}

/** Both ends of a channel; a call of rsync copies what is listed. */
function directLines(root: string): { client: ClientLine; server: ServerLine } {
  const toClient = new Queue<ServerMessage>();
  const toServer = new Queue<ClientMessage>();
  return {
    client: {
      send: (message) => toServer.put(message),
      receive: () => toClient.take(),
      serveRsync: () => Promise.resolve(),
    },
    server: {
      send: (message) => toClient.put(message),
      receive: () => toServer.take(),
      rsync: async ({ direction, local, remote, paths }) => {
        const there = `${root}/${remote}`.replace(/\/$/, "");
        const [from, into] = direction === "edits"
          ? [there, local]
          : [local, there];
        await toClient.put({ kind: "rsync", direction, password: "" });
        for (const path of paths) copy(`${from}/${path}`, `${into}/${path}`);
        await toClient.put({ kind: "rsyncDone", code: 0 });
        return { code: 0, stderr: "" };
      },
    },
  };
}

function copy(from: string, into: string): void {
  const { mtime, atime } = Deno.statSync(from);
  Deno.mkdirSync(parentDirectory(into), { recursive: true });
  Deno.copyFileSync(from, into);
  Deno.chmodSync(into, 0o600);
  Deno.utimeSync(into, atime ?? 0, mtime ?? 0);
}

class Queue<T> {
  readonly #messages: T[] = [];
  #wake: (() => void) | undefined;

  put(message: T): Promise<void> {
    this.#messages.push(message);
    this.#wake?.();
    return Promise.resolve();
  }

  async take(): Promise<T> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}
