/**
 * One anchor on real files with a scripted server: a turn that brings it up to date runs through the
 * product's own code, and only rsync and the channel are played by the test.
 *
 * @module
 */
import type { Transfer } from "../../lib/core/channel_protocol.ts";
import type {
  ClientMessage,
  IncomingChange,
  ServerMessage,
} from "../../lib/core/channel_protocol.ts";
import type { Entry, Found } from "../../lib/core/entry.ts";
import { IncomingGuard } from "../../lib/turn/incoming_guard.ts";
import {
  MUNGED_PREFIX,
  type RelativePath,
  relativePath,
} from "../../lib/core/path.ts";
import { conflictPath } from "../../lib/core/reconcile.ts";
import type { AnchorStore } from "../../lib/io/base_store.ts";
import { AnchorDisk } from "../../lib/io/client_disk.ts";
import type {
  ClientCommitResult,
  ClientIntent,
  ClientLine,
  Edits,
} from "../../lib/ports.ts";
import { makeLinks } from "../../lib/io/rsync_serve.ts";
import { type ClientTurnEnd, takeTurn } from "../../lib/turn/take_turn.ts";
import { type Planned, tempDirectory, type Tree } from "./temp.ts";
import { ENDLESS_ROOM } from "../sim/endless_room.ts";

/** The epoch of the scripted server. */
export const EPOCH = "00000000000000aa";
/** How rsync is to be called: plainly. */
export const PLAIN: Transfer = {
  compress: false,
  partial: false,
  checksum: false,
};
const NOON = "20260102120000";

/** The entry of what a test planned. */
export function entryOf(planned: Planned): Entry {
  switch (planned.kind) {
    case "file": {
      const size = new TextEncoder().encode(planned.text).length;
      const { mtimeMs, mode } = planned;
      return { kind: "file", size, mtimeMs, mode };
    }
    case "directory":
    case "link":
      return planned;
  }
}

/** A disk that dies after `steps` steps of its next commit. */
export class DyingDisk extends AnchorDisk {
  steps = Infinity;
  /** The last instant between plan and steps. */
  lastInstant: () => void = () => {};

  override async apply(intent: ClientIntent): Promise<ClientCommitResult> {
    this.lastInstant();
    if (this.steps >= intent.steps.length) return await super.apply(intent);
    const steps = intent.steps.slice(0, this.steps);
    await super.apply({ ...intent, steps });
    throw new Error(`died after ${this.steps} steps`);
  }
}

/** Opens the disk of an anchor at `root`; every conflict copy is of the same noon. */
export function openDisk(
  root: string,
  options: { nowMs?: () => number } = {},
): DyingDisk {
  const { nowMs = Date.now } = options;
  return new DyingDisk({
    root,
    passesOver: () => false,
    copyName: (path) => copyName(root, path),
    nowMs,
    assertRoot: () => {},
    makeLinks: async (places, paths) => {
      await using run = tempDirectory();
      await makeLinks({ ...places, runDirectory: run.path }, paths);
    },
  });
}

/** A free conflict name. */
export function copyName(root: string, path: RelativePath): string {
  return conflictPath(path, {
    client: "rig",
    timeText: NOON,
    taken: (copy) => exists(`${root}/${copy}`),
  });
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory
    ) return false;
    throw error;
  }
}

/** What an anchor's disk shows now, by path. */
export function foundAt(
  disk: AnchorDisk,
  path: RelativePath,
): Found | undefined {
  const look = disk.look(path);
  return look.kind === "found" ? look.found : undefined;
}

/** The server's side of one update: what changed, and all that it has, to stage from. */
export interface Update {
  readonly changes: readonly IncomingChange[];
  readonly content: Tree;
  readonly complete?: boolean;
  /** How the calls of rsync end. */
  readonly code?: number;
  readonly epoch?: string;
  readonly cycle?: number;
  /** Called with the number of paths in each of the client's requests. */
  readonly onWant?: (count: number) => void;
  /** Paths that do not arrive. */
  readonly missing?: readonly string[];
}

/** Runs one turn that brings the anchor at `root` up to date; its edits are not asked for. */
export async function updateAnchor(
  { edits = NO_EDITS, ...places }: {
    root: string;
    store: AnchorStore;
    disk: AnchorDisk;
    edits?: Edits;
  },
  update: Update,
): Promise<ClientTurnEnd> {
  return await takeTurn({
    line: scriptedLine(places.root, update),
    base: places.store,
    disk: places.disk,
    edits,
    guard: new IncomingGuard(() => performance.now()),
    room: ENDLESS_ROOM,
    transfer: PLAIN,
    single: false,
    copyName: (path) => copyName(places.root, path),
  });
}

/** No edits, and no interest in any. */
export const NO_EDITS: Edits = {
  count: () => 0,
  collect: () => Promise.resolve({ changes: [], found: [], more: false }),
  again: () => {},
  clashing: () => [],
  renewed: () => {},
  done: () => {},
};

function scriptedLine(root: string, update: Update): ClientLine {
  const { changes, content, complete = false, epoch = EPOCH, cycle = 1 } =
    update;
  const to = { date: 20260102, cycle };
  const inbox: ServerMessage[] = [{ kind: "welcome", epoch, head: to }];
  let staging: { paths: RelativePath[]; verify: boolean }[] = [];
  const wanted = { plain: [] as number[], verify: [] as number[] };
  const says = (message: ServerMessage) => inbox.push(message);

  function answer(message: ClientMessage): void {
    switch (message.kind) {
      case "have":
        says({
          kind: "changes",
          complete,
          count: changes.length,
          to,
          more: false,
        });
        if (changes.length > 0) {
          says({ kind: "entries", changes: [...changes] });
        }
        return;
      case "want": {
        update.onWant?.(message.plain.length + message.verify.length);
        wanted.plain.push(...message.plain);
        wanted.verify.push(...message.verify);
        if (!message.last) return;
        const pathsOf = (indexes: readonly number[]) =>
          indexes.map((index) => relativePath(changes[index]?.path ?? ""));
        staging = [
          { paths: pathsOf(wanted.plain), verify: false },
          { paths: pathsOf(wanted.verify), verify: true },
        ].filter(({ paths }) => paths.length > 0);
        for (const _ of staging) {
          says({
            kind: "rsync",
            direction: "update",
            password: "0".repeat(32),
          });
          says({ kind: "rsyncDone", code: update.code ?? 0 });
        }
        says({ kind: "staged", detail: "" });
        return;
      }
      case "applied":
        says({ kind: "bye", stamp: to });
        return;
      default:
        throw new Error(`Cannot script an answer to '${message.kind}'`);
    }
  }

  return {
    send(message) {
      answer(message);
      return Promise.resolve();
    },
    receive() {
      const message = inbox.shift();
      if (message === undefined) throw new Error("the script is over");
      return Promise.resolve(message);
    },
    serveRsync() {
      const call = staging.shift();
      for (const path of call?.paths ?? []) {
        const planned = content[path];
        if (planned === undefined || update.missing?.includes(path)) continue;
        stageAs(root, { path, planned, verify: call?.verify === true });
      }
      return Promise.resolve();
    },
  };
}

/** Stages one path as rsync does: 0600, munged, and not at all when the live bytes are the same. */
function stageAs(
  root: string,
  item: { path: RelativePath; planned: Planned; verify: boolean },
): void {
  const { path, planned, verify } = item;
  if (
    planned.kind === "file" && isEqualLive(`${root}/${path}`, planned, verify)
  ) {
    return;
  }
  const full = `${root}/.sinkd/incoming/${path}`;
  Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
  if (planned.kind === "link") {
    Deno.symlinkSync(MUNGED_PREFIX + planned.target, full);
  } else if (planned.kind === "file") {
    Deno.writeTextFileSync(full, planned.text, { createNew: true });
    Deno.chmodSync(full, 0o600);
    Deno.utimeSync(full, planned.mtimeMs / 1000, planned.mtimeMs / 1000);
  }
}

function isEqualLive(
  full: string,
  planned: Extract<Planned, { kind: "file" }>,
  verify: boolean,
): boolean {
  if (!exists(full)) return false;
  const info = Deno.lstatSync(full);
  const { size } = entryOf(planned) as Extract<Entry, { kind: "file" }>;
  if (!info.isFile || info.size !== size) return false;
  if (info.mtime?.getTime() !== planned.mtimeMs) return false;
  return !verify || Deno.readTextFileSync(full) === planned.text;
}
