/**
 * One anchor of a running client: its files, its record, what is dirty, and its turns.
 *
 * @module
 */
import type { Transfer } from "../core/channel_protocol.ts";
import type { Load, Standing } from "../core/client.ts";
import { type AnchorConfig, treePathOf } from "../core/config.ts";
import type { Entry, Found } from "../core/entry.ts";
import {
  type ExcludeRules,
  isExcluded,
  parseExcludes,
} from "../core/excludes.ts";
import { nameOf, OWN_NAME, type RelativePath } from "../core/path.ts";
import { conflictPath } from "../core/reconcile.ts";
import {
  newSettleState,
  noteSettle,
  type SettleEvent,
  type SettleState,
  settleWakeMs,
  takeSettled,
} from "../core/settle.ts";
import { utcText } from "../core/stamp.ts";
import type { AnchorStore } from "../io/base_store.ts";
import type { Channel } from "../io/channel.ts";
import { AnchorDisk } from "../io/client_disk.ts";
import { lstatIfAny } from "../io/files.ts";
import { logger } from "../io/log.ts";
import { lookAtRoot, scanTree } from "../io/scan.ts";
import { Sweep } from "../io/sweep.ts";
import { clientLine } from "../io/turn_lines.ts";
import type { ClientLine, Edits } from "../ports.ts";
import { AnchorEdits } from "../turn/edits.ts";
import {
  type ClientTurnEnd,
  finishClientIntent,
  takeTurn,
} from "../turn/take_turn.ts";
import { describe, Faults } from "./faults.ts";
import { Timers } from "../io/timers.ts";

/** How long the server may think between two messages. */
const SILENCE_MS = 180_000;
const ALMOST_NOTHING_MS = 1;

const log = logger("anchor");

/** What an anchor needs of its client. */
export interface AnchorPorts {
  readonly config: AnchorConfig;
  readonly store: AnchorStore;
  readonly clientName: string;
  readonly runDirectory: string;
  /** What is dirty changed. */
  readonly onEdited: (anchor: Anchor) => void;
  /** The anchor became usable, or stopped being so. */
  readonly onUsable: (anchor: Anchor) => void;
  /** A named pipe appeared, which may stop the watcher. */
  readonly onPipe: () => void;
}

/** Why an anchor waits for a person, and what that person can do. */
export interface Hold {
  readonly reason: string;
  readonly fix: string;
  readonly paths: readonly string[];
}

/** One anchor, from scan to turn. */
export class Anchor implements AsyncDisposable {
  readonly config: AnchorConfig;
  readonly root: string;
  readonly only: string | undefined;
  readonly rules: ExcludeRules;
  readonly treePath: string;
  readonly store: AnchorStore;
  readonly faults = new Faults();
  readonly edits: AnchorEdits;
  readonly #disk: AnchorDisk;
  readonly #ports: AnchorPorts;
  readonly #settle: SettleState;
  readonly #timers = new Timers();
  readonly #stop = new AbortController();
  readonly #sweep: Sweep;
  #work: Promise<void> = Promise.resolve();
  #trouble: Hold | undefined;
  #acceptRoot = false;
  #ready = false;
  #pipes = 0;

  constructor(ports: AnchorPorts) {
    const { config, store } = ports;
    this.#ports = ports;
    this.config = config;
    this.store = store;
    this.treePath = treePathOf(config);
    const isFile = lstatIfAny(config.path)?.isFile === true;
    this.root = isFile ? parentDirectory(config.path) : config.path;
    this.only = isFile ? nameOf(config.path) : undefined;
    this.#sweep = new Sweep(this.root);
    const parsed = parseExcludes(config.excludes);
    if (!parsed.ok) throw new Error(`Cannot use excludes: ${parsed.reason}`);
    this.rules = parsed.rules;
    this.#settle = newSettleState(config.intervalMs);
    const copyName = (path: RelativePath) => this.#copyName(path);
    this.#disk = new AnchorDisk({
      root: this.root,
      copyName,
      nowMs: Date.now,
      passesOver: (path, entry) => this.#passesOver(path, entry),
      assertRoot: () => this.#assertRoot(),
    });
    this.edits = new AnchorEdits({
      base: store,
      disk: this.#disk,
      nowMs: Date.now,
      rest: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      defer: (path) => this.note({ kind: "deferred", path }),
      scan: (path) => this.note({ kind: "appeared", path }),
    });
  }

  /** True when the anchor may be announced: scanned, not paused, its root as it was. */
  get usable(): boolean {
    return this.#ready && this.#trouble === undefined && !this.store.paused();
  }

  /** What is to be handed in. */
  load(): Load {
    const changes = this.edits.count();
    return { changes, bytes: changes === 0 ? 0 : this.edits.bytes() };
  }

  position(): Standing {
    return this.store.position();
  }

  /** Why the anchor waits for a person, if it does. */
  hold(): Hold | undefined {
    if (this.store.paused()) {
      return {
        reason: "paused",
        fix: `sinkd resume ${this.config.path}`,
        paths: [],
      };
    }
    if (this.#trouble !== undefined) return this.#trouble;
    const paths = this.edits.heldPaths();
    if (paths.length === 0) return undefined;
    return {
      reason: `${paths.length} paths were deleted here at once`,
      fix:
        `sinkd approve ${this.config.path} to delete them everywhere, or sinkd reject ${this.config.path} to bring them back`,
      paths,
    };
  }

  /** Finishes what a crash left, scans, and becomes usable. */
  open(): Promise<void> {
    return this.#serially(async () => {
      this.#makeFirstRoot();
      if (this.#checkRoot()) {
        const copies = await this.#disk.asides.recover();
        await finishClientIntent(this.store, this.#disk, this.edits);
        if (copies.length > 0) {
          log.warn`Kept as conflict copies after a crash: ${copies.join(", ")}`;
        }
      }
      this.#compareSelection();
      await this.#scan(undefined);
      this.#ready = true;
      this.#ports.onUsable(this);
    });
  }

  /** Takes what the watcher (or a turn) tells. */
  note(event: SettleEvent): void {
    noteSettle(this.#settle, event, performance.now());
    this.#scheduleSettle();
  }

  /** One turn over an open data channel. */
  turn(channel: Channel): Promise<ClientTurnEnd> {
    return this.#serially(async () => {
      if (!this.#checkRoot()) {
        throw new Error(`Cannot take a turn: ${this.#trouble?.reason}`);
      }
      await finishClientIntent(this.store, this.#disk, this.edits);
      const line = clientLine(channel, {
        root: this.root,
        only: this.only,
        runDirectory: this.#ports.runDirectory,
        silenceMs: SILENCE_MS,
      });
      try {
        const end = await this.#takeTurn(line);
        this.#recordTurn(end);
        return end;
      } finally {
        this.#scheduleAsides();
      }
    });
  }

  /** Lets held deletions go, or takes a replaced root for what it is now. */
  approve(): string | undefined {
    if (this.#trouble !== undefined) {
      this.#acceptRoot = true;
      void this.rescan("approved");
      return "the directory is taken as it is now; nothing is deleted anywhere";
    }
    const count = this.edits.heldPaths().length;
    if (count === 0) return undefined;
    this.edits.approve();
    this.#ports.onEdited(this);
    return `${count} deletions go to the server`;
  }

  /** Brings held deletions back. */
  reject(): string | undefined {
    if (this.#trouble !== undefined) return this.approve();
    if (this.edits.heldPaths().length === 0) return undefined;
    const paths = this.edits.reject();
    this.#ports.onUsable(this);
    return `${paths.length} paths come back from the server`;
  }

  setPaused(paused: boolean): void {
    this.store.setPaused(paused);
    if (!paused) void this.rescan("resumed");
    this.#ports.onUsable(this);
  }

  /** Scans everything; a failure is noted. */
  async rescan(cause: string): Promise<void> {
    try {
      await this.#serially(() => this.#scan(undefined));
      log.debug`Scanned ${this.root}: ${cause}`;
    } catch (error) {
      log.debug`Not scanned (${cause}): ${describe(error)}`;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#timers[Symbol.dispose]();
    await this.#work;
    this.#timers[Symbol.dispose]();
  }

  /** One piece of work at a time; a failure is noted and does not end the anchor. */
  #serially<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.then(() => {}, (error) => {
      if (this.#stop.signal.aborted) return;
      this.faults.note("", {
        path: this.config.path,
        cause: describe(error),
        fix: "sinkd tries again by itself",
      });
    });
    return done;
  }

  #takeTurn(line: ClientLine): Promise<ClientTurnEnd> {
    const { rsync } = this.config;
    const transfer: Transfer = {
      compress: rsync.compress,
      partial: rsync.partial,
      checksum: rsync.checksum,
      ...(rsync.bwlimit === undefined ? {} : { bwlimit: rsync.bwlimit }),
    };
    const edits: Edits = {
      count: () => this.edits.count(),
      again: (paths) => this.edits.again(paths),
      done: (paths) => this.edits.done(paths),
      collect: async (limits) => {
        this.#assertRoot();
        const batch = await this.edits.collect(limits);
        this.#assertRoot();
        return batch;
      },
    };
    return takeTurn({
      line,
      base: this.store,
      disk: this.#disk,
      edits,
      transfer,
      single: this.only !== undefined,
      copyName: (path) => this.#copyName(path),
    });
  }

  #recordTurn(end: ClientTurnEnd): void {
    this.faults.clear("");
    for (const { path, reason } of end.left) {
      this.faults.note(path, {
        path: `${this.root}/${path}`,
        cause: `the server's version could not be brought in: ${reason}`,
        fix: "mend the cause; sinkd tries again by itself",
      });
    }
    if (end.left.length === 0) this.#clearLeft();
    for (const copy of end.copies) {
      log.warn`Conflict copy: ${this.root}/${copy}`;
    }
    if (!end.behind && this.edits.pending() === 0) {
      this.store.setLastSync(Date.now());
    }
  }

  #clearLeft(): void {
    for (const { path } of this.faults.list()) {
      if (path.startsWith(`${this.root}/`)) {
        this.faults.clear(path.slice(this.root.length + 1));
      }
    }
  }

  #scheduleSettle(): void {
    const wakeMs = settleWakeMs(this.#settle);
    if (wakeMs === undefined || this.#stop.signal.aborted) return;
    const delayMs = Math.max(wakeMs - performance.now(), ALMOST_NOTHING_MS);
    this.#timers.set("settle", delayMs, () => void this.#settled());
  }

  async #settled(): Promise<void> {
    const batch = takeSettled(this.#settle, performance.now());
    if (batch !== undefined && this.#ready) {
      if (batch.rescan !== undefined) {
        void this.rescan(batch.rescan);
      } else if (this.#checkRoot()) {
        this.edits.examine(batch.paths);
        this.#edited();
        for (const below of batch.scans) await this.#scanQuietly(below);
      }
    }
    this.#scheduleSettle();
  }

  /** Scans a part without waiting for turns; what it finds is looked at again before it goes. */
  async #scanQuietly(below: RelativePath): Promise<void> {
    try {
      await this.#scan(below);
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        log.warn`${this.config.path}: ${describe(error)}`;
        this.note({ kind: "deferred", path: below });
      }
    }
  }

  async #scan(below: RelativePath | undefined): Promise<void> {
    const scan = await scanTree(this.root, {
      rules: this.rules,
      only: this.only,
      ...(below === undefined ? {} : { below }),
      signal: this.#stop.signal,
    });
    if (below === undefined && scan.root.kind === "present") {
      this.#identifyRoot(scan.root, scan.found.size);
    }
    if (!this.#checkRoot()) return;
    this.edits.applyScan(scan, below);
    if (below !== undefined) this.edits.examine([below]);
    if (this.only === undefined) {
      this.#sweep.add([""]);
      this.#sweep.add(directoriesIn(scan.found));
      this.#scheduleSweep();
    }
    this.#edited();
  }

  #scheduleSweep(): void {
    if (this.#stop.signal.aborted || this.#timers.has("sweep")) return;
    this.#timers.set("sweep", this.#sweep.pauseMs, () => void this.#swept());
  }

  /** Looks at what events do not tell of: links, and names without a base. */
  async #swept(): Promise<void> {
    const swept = this.usable ? await this.#sweep.run(this.#stop.signal) : [];
    if (swept.length > 0 && this.#checkRoot()) {
      this.edits.examine(
        swept.filter(({ path, isLink }) =>
          nameOf(path) !== OWN_NAME &&
          (isLink || this.store.row(path).base === undefined)
        ).map(({ path }) => path),
      );
      this.#edited();
    }
    this.#scheduleSweep();
  }

  #edited(): void {
    const pipes = [...this.edits.faults.values()].filter((cause) =>
      cause.includes("named pipe")
    );
    if (pipes.length > this.#pipes) this.#ports.onPipe();
    this.#pipes = pipes.length;
    const judgeAtMs = this.edits.judgeAtMs();
    if (judgeAtMs !== undefined) {
      this.#timers.set(
        "judge",
        Math.max(judgeAtMs - Date.now(), 0) + ALMOST_NOTHING_MS,
        () => this.#ports.onEdited(this),
      );
    }
    if (this.#ready) this.#ports.onEdited(this);
  }

  /** With other excludes or sizes, what was passed over before may be wanted now. */
  #compareSelection(): void {
    const { excludes, rsync: { maxSize, minSize } } = this.config;
    const selection = JSON.stringify({ excludes, maxSize, minSize });
    if (this.store.selection() !== selection) this.store.select(selection);
  }

  /** Makes a directory that was never there before: a new machine starts with what the server has. */
  #makeFirstRoot(): void {
    if (
      this.store.root() !== undefined || lstatIfAny(this.root) !== undefined
    ) return;
    if (lstatIfAny(parentDirectory(this.root)) === undefined) return;
    Deno.mkdirSync(this.root);
  }

  /** Another directory under the same name is a first join when it looks alike, else waits for a person. */
  #identifyRoot(
    root: { device: number; inode: number },
    entries: number,
  ): void {
    const known = this.store.root();
    if (known?.device === root.device && known.inode === root.inode) return;
    const count = this.store.count();
    const alike = entries * 2 >= count;
    if (known === undefined || alike || this.#acceptRoot) {
      if (known !== undefined) {
        log
          .warn`${this.root} is another directory now: it joins anew, nothing is deleted`;
        this.store.forget();
      }
      this.store.setRoot({ device: root.device, inode: root.inode });
    }
    this.#acceptRoot = false;
  }

  /** True when the root is there and the one that was scanned; tells when that changed. */
  #checkRoot(): boolean {
    const before = this.#trouble?.reason;
    this.#trouble = this.#rootTrouble();
    if (before !== this.#trouble?.reason) {
      if (this.#trouble !== undefined) {
        log.warn`${this.config.path}: ${this.#trouble.reason}`;
      }
      if (this.#ready) this.#ports.onUsable(this);
    }
    return this.#trouble === undefined;
  }

  #rootTrouble(): Hold | undefined {
    const root = lookAtRoot(this.root);
    const known = this.store.root();
    switch (root.kind) {
      case "missing":
        return held(
          "the directory is not there",
          `bring ${this.root} back (mount it?), or sinkd rm it`,
        );
      case "not-a-directory":
        return held(
          "it is not a directory any more",
          `bring the directory ${this.root} back`,
        );
      case "unreadable":
        return held(
          `the directory ${root.cause}`,
          `give this account access to ${this.root}`,
        );
      case "present": {
        if (known === undefined) return undefined;
        if (known.device === root.device && known.inode === root.inode) {
          return undefined;
        }
        return held(
          "another directory is in its place, and most of what was there is missing",
          `mount or bring back the right one; or sinkd approve ${this.config.path} to take this one (nothing is deleted)`,
        );
      }
    }
  }

  #assertRoot(): void {
    if (!this.#checkRoot()) {
      throw new Error(`Cannot go on: ${this.#trouble?.reason}`);
    }
  }

  #passesOver(path: RelativePath, entry: Entry | undefined): boolean {
    if (this.only !== undefined && path !== this.only) return true;
    if (nameOf(path) === OWN_NAME) return true;
    if (entry === undefined) {
      return isExcluded(this.rules, path, true) &&
        isExcluded(this.rules, path, false);
    }
    if (isExcluded(this.rules, path, entry.kind === "directory")) return true;
    if (entry.kind !== "file") return false;
    const { maxSize, minSize } = this.config.rsync;
    const large = maxSize !== undefined && entry.size > maxSize;
    return large || (minSize !== undefined && entry.size < minSize);
  }

  #copyName(path: RelativePath): string {
    return conflictPath(path, {
      client: this.#ports.clientName,
      timeText: utcText(Date.now()),
      taken: (copy) => lstatIfAny(`${this.root}/${copy}`) !== undefined,
    });
  }

  #scheduleAsides(): void {
    const dueMs = this.#disk.asides.dueMs();
    if (dueMs === undefined || this.#stop.signal.aborted) return;
    this.#timers.set(
      "asides",
      Math.max(dueMs - Date.now(), 0) + ALMOST_NOTHING_MS,
      () => {
        void this.#serially(async () => {
          const copies = await this.#disk.asides.release();
          for (const copy of copies) {
            log.warn`Conflict copy: ${this.root}/${copy}`;
          }
          this.edits.examine(copies.map((copy) => copy as RelativePath));
          this.#edited();
          this.#scheduleAsides();
        });
      },
    );
  }
}

function directoriesIn(
  found: ReadonlyMap<RelativePath, Found>,
): RelativePath[] {
  return [...found].filter(([, { entry }]) => entry.kind === "directory")
    .map(([path]) => path);
}

function held(reason: string, fix: string): Hold {
  return { reason, fix, paths: [] };
}

function parentDirectory(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
