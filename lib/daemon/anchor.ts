/**
 * One anchor of a running client: its files, its record, what is dirty, and its turns.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { Load, Standing } from "../core/client_state.ts";
import { type AnchorConfig, treePathOf } from "../core/config.ts";
import { type ExcludeRules, parseExcludes } from "../core/excludes.ts";
import { ownPathsIn, withOwnPaths } from "../core/own_places.ts";
import { counted } from "../core/plural.ts";
import { nameOf, type RelativePath } from "../core/path.ts";
import { conflictPath } from "../core/reconcile.ts";
import type { SettleEvent } from "../core/settle.ts";
import { isBeyond, passesOver } from "../core/selection.ts";
import { utcText } from "../core/stamp.ts";
import type { LeftOut } from "../core/status.ts";
import type { AnchorStore } from "../io/base_store.ts";
import type { Channel } from "../io/channel.ts";
import { AnchorDisk } from "../io/client_disk.ts";
import type { DiskRooms } from "../io/disk_room.ts";
import { lstatIfAny } from "../io/files.ts";
import type { Leftover } from "../io/leftovers.ts";
import { logger } from "../io/log.ts";
import { anchorLine } from "../io/other_name_line.ts";
import { realPathOf } from "../io/own_places.ts";
import { makeLinks } from "../io/rsync_serve.ts";
import { AnchorEdits } from "../turn/edits.ts";
import {
  meteredClientLine,
  type Progress,
  TransferMeter,
} from "../turn/transfer_meter.ts";
import {
  type ClientTurnEnd,
  deleteHeld,
  finishClientIntent,
  takeTurn,
} from "../turn/take_turn.ts";
import type { ProofLine } from "../turn/prove.ts";
import { IncomingGuard } from "../turn/incoming_guard.ts";
import type { Position } from "../ports.ts";
import { Timers } from "../io/timers.ts";
import { AnchorChecks } from "./anchor_checks.ts";
import { restateEdits } from "./anchor_problems.ts";
import { leftOutOf } from "./anchor_left_out.ts";
import { AnchorMounts } from "./anchor_mounts.ts";
import { type LinkedFile, linkedFiles, namesOf } from "./hard_links.ts";
import { shapeAt } from "./anchor_records.ts";
import { decidedHere, heldHere } from "./anchor_held.ts";
import { AnchorRoot, type Hold, parentDirectory } from "./anchor_root.ts";
import { ALMOST_NOTHING_MS, AnchorScans } from "./anchor_scans.ts";
import { fetchApart, suspectBytes, suspectRecords } from "./anchor_suspects.ts";
import { guardedEdits, noteTurn, transferOf } from "./anchor_turn.ts";
import { describe, Faults } from "./faults.ts";
import { FirstKind } from "./first_kind.ts";
import { meteredChannel } from "./metered_channel.ts";
import { PendingSince } from "./pending_since.ts";

/** How long the server may think between two messages. */
const SILENCE_MS = 180_000;

/** Key of the fault of a scan: no path in an anchor. */
const SCAN_FAULT = "/scan";

const log = logger("anchor");

/** What an anchor needs of its client. */
export interface AnchorPorts {
  readonly config: AnchorConfig;
  readonly store: AnchorStore;
  readonly clientName: string;
  /** Where each child process has a working directory of its own. */
  readonly runDirectory: string;
  /** Absolute paths of what is sinkd's own on this machine. */
  readonly ownPlaces: readonly string[];
  /** Space on disks, for all anchors. */
  readonly rooms: DiskRooms;
  /** The client's state database, and the one of digests. */
  readonly stateFile: string;
  readonly digests: DatabaseSync;
  /** In which time every file is read through about once; 0: only when asked to. */
  readonly checksumIntervalMs: number;
  /** Compares with the server over a channel of its own. */
  readonly talk: <T>(work: (line: ProofLine) => Promise<T>) => Promise<T>;
  /** The server's head, once it is known. */
  readonly head: () => Position | undefined;
  /** What is dirty changed. */
  readonly onEdited: (anchor: Anchor) => void;
  /** The anchor became usable, or stopped being so. */
  readonly onUsable: (anchor: Anchor) => void;
  /** Files that have several names were written to. */
  readonly onLinked: (files: readonly LinkedFile[]) => void;
  /** Other file systems are mounted in the anchor now: it is to be watched and scanned anew. */
  readonly onMounts: (anchor: Anchor, cause: string) => void;
  /** A named pipe appeared, which may stop the watcher. */
  readonly onPipe: () => void;
  /** It was taken for a directory, and is a single file, as now can be seen. */
  readonly onOther: () => void;
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
  readonly checks: AnchorChecks;
  readonly #disk: AnchorDisk;
  readonly #ports: AnchorPorts;
  readonly #timers = new Timers();
  readonly #stop = new AbortController();
  readonly #scans: AnchorScans;
  readonly #directory: AnchorRoot;
  readonly #firstKind: FirstKind;
  readonly #mounts: AnchorMounts;
  readonly #incoming = new IncomingGuard(() => performance.now());
  #work: Promise<void> = Promise.resolve();
  #ready = false;
  #retired = false;
  #inTurn = false;
  #pipes = 0;
  #meter: TransferMeter | undefined;
  readonly #waiting = new PendingSince();

  constructor(ports: AnchorPorts) {
    const { config, store } = ports;
    this.#ports = ports;
    this.config = config;
    this.store = store;
    this.treePath = treePathOf(config);
    const isFile = store.identity()?.single === true;
    this.root = isFile ? parentDirectory(config.path) : config.path;
    this.only = isFile ? nameOf(config.path) : undefined;
    this.#firstKind = new FirstKind({
      ...ports,
      onDirectory: () => {
        if (this.#stop.signal.aborted) return;
        this.#directory.makeFirst();
        void this.rescan("the server has no file there");
      },
      onFile: ports.onOther,
    });
    this.#directory = new AnchorRoot({
      root: this.root,
      path: config.path,
      store,
      isDirectory: () => this.#firstKind.isDirectory(),
      onChange: () => {
        if (this.#ready) ports.onUsable(this);
        if (this.#directory.trouble !== undefined) return this.#compareKind();
        this.note({ kind: "rescan", cause: "its directory is back" });
      },
    });
    const parsed = parseExcludes(config.excludes);
    if (!parsed.ok) throw new Error(`Cannot use excludes: ${parsed.reason}`);
    const own = ownPathsIn([this.root, realPathOf(this.root)], ports.ownPlaces);
    this.rules = withOwnPaths(parsed.rules, own);
    const { minSize, maxSize } = config.rsync;
    const { rules, only } = this;
    const selection = { rules, only, minSize, maxSize, own };
    const copyName = (path: RelativePath) => this.#copyName(path);
    this.#mounts = new AnchorMounts({
      root: this.root,
      store,
      onMount: (path) => this.#onMount(path),
      onTrouble: (path) => this.#onTrouble(path),
      onReset: () => {
        if (this.#ready) ports.onUsable(this);
      },
      onChange: (cause) => ports.onMounts(this, cause),
    });
    this.#disk = new AnchorDisk({
      root: this.root,
      copyName,
      nowMs: () => performance.now(),
      passesOver: (path, entry) =>
        this.#mounts.masks(path) || passesOver(selection, path, entry),
      isBeyond: (path, entry) => isBeyond(selection, path, entry),
      assertRoot: () => this.#directory.assert(),
      blocks: (path, look) => this.#mounts.blocks(path, look),
      makeLinks: (places, paths) =>
        makeLinks({ ...places, runDirectory: ports.runDirectory }, paths),
    });
    this.edits = new AnchorEdits({
      base: store,
      disk: this.#disk,
      nowMs: Date.now,
      steadyMs: () => performance.now(),
      rest: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      defer: (path, leastMs) => this.note({ kind: "deferred", path, leastMs }),
      scan: (path) => this.note({ kind: "appeared", path }),
      scanAll: (cause) => this.note({ kind: "rescan", cause }),
      fetch: (path) => this.#suspect(fetchApart, [path]),
    });
    this.#scans = new AnchorScans({
      root: this.root,
      path: config.path,
      only: this.only,
      rules: this.rules,
      own,
      intervalMs: config.intervalMs,
      store,
      directory: this.#directory,
      edits: this.edits,
      timers: this.#timers,
      signal: this.#stop.signal,
      ready: () => this.#ready,
      usable: () => this.usable,
      onScanned: (scan, below) => this.#mounts.settle(scan, below),
      onWritten: (paths) => {
        const files = linkedFiles(this.root, paths);
        if (files.length > 0) ports.onLinked(files);
      },
      onSweep: () => {
        this.#mounts.check();
        if (this.#disk.obstacles.lifted()) ports.onUsable(this);
      },
      onLooked: () => this.#edited(),
      onRescan: (cause) => void this.rescan(cause),
    });
    this.checks = new AnchorChecks({
      anchor: {
        path: config.path,
        root: this.root,
        treePath: this.treePath,
        excludes: config.excludes,
        selection,
      },
      file: ports.stateFile,
      digests: ports.digests,
      intervalMs: ports.checksumIntervalMs,
      usable: () => this.usable && !this.#mounts.waiting,
      quiet: () => this.edits.pending() === 0,
      position: () => store.position(),
      held: () => store.held(),
      baseOf: (path) => store.row(path).base,
      examine: (path) => this.note({ kind: "deferred", path }),
      suspect: (paths) => this.#suspect(suspectBytes, paths),
      rejoin: (paths) => this.#suspect(suspectRecords, paths),
      talk: ports.talk,
    });
  }

  /** True when the anchor may be announced: scanned, not paused, its root as it was. */
  get usable(): boolean {
    return this.#ready && this.#directory.trouble === undefined &&
      !this.store.paused();
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
        kind: "paused",
        reason: "paused",
        fix: `sinkd resume ${this.config.path}`,
        paths: [],
      };
    }
    const missing = this.#directory.trouble ?? this.#mounts.hold();
    if (missing?.kind === "asking") return undefined;
    if (missing !== undefined) return missing;
    const paths = this.edits.heldPaths();
    if (paths.length === 0) {
      return this.store.held().size === 0
        ? undefined
        : heldHere(this.config, this.store.heldSince());
    }
    return {
      kind: "deletions",
      reason: `${counted(paths.length, "path")} ${
        paths.length === 1 ? "was" : "were"
      } deleted here at once`,
      fix:
        `sinkd approve ${this.config.path} to delete them everywhere, or sinkd reject ${this.config.path} to bring them back`,
      paths,
      ages: this.edits.heldAges(),
    };
  }

  /** Since when changes wait, when that is long. */
  pendingSince(): string | undefined {
    this.#waiting.note(this.edits.pending());
    return this.#waiting.report();
  }

  /** What is on its way now. */
  progress(): Progress | undefined {
    return this.#meter?.progress();
  }

  /** What is knowingly not the same here and on the server. */
  leftOut(): LeftOut[] {
    const { root, store } = this;
    return leftOutOf({
      root,
      limits: this.config.rsync,
      aparts: store.aparts(),
      outside: this.edits.outside,
      disk: this.#disk,
    });
  }

  /** True when a file system that was at this path waits for a person. */
  waitsAt(full: string): boolean {
    return this.#mounts.waitsAt(full);
  }

  /** What is wrong now, beside what is held. */
  problems(): Faults {
    restateEdits(this.edits, this.root, this.faults);
    return this.faults;
  }

  /** Finishes what a crash left, scans, and becomes usable; what fails is tried again by itself. */
  async open(): Promise<void> {
    await this.rescan("start");
  }

  /** Takes what the watcher (or a turn) tells. */
  note(event: SettleEvent): void {
    this.#scans.note(event);
  }

  /** One turn over an open data channel. */
  turn(channel: Channel): Promise<ClientTurnEnd> {
    return this.#serially("turn", async () => {
      if (!this.#directory.check()) {
        throw new Error(
          `Cannot transfer: ${this.#directory.trouble?.reason}`,
        );
      }
      await finishClientIntent(this.store, this.#disk, this.edits);
      const meter = this.#meter = new TransferMeter(() => performance.now());
      const metered = meteredChannel(channel, meter, "client");
      const line = await anchorLine(metered, {
        root: this.root,
        only: this.only,
        treePath: this.treePath,
        runDirectory: this.#ports.runDirectory,
        silenceMs: SILENCE_MS,
      });
      this.#inTurn = true;
      try {
        const end = await takeTurn({
          line: meteredClientLine(line, meter),
          base: this.store,
          disk: this.#disk,
          room: this.#ports.rooms.below(this.root),
          edits: guardedEdits(this.edits, {
            assertRoot: () => this.#directory.assert(),
            retired: () => this.#retired,
          }),
          guard: this.#incoming,
          transfer: transferOf(this.config),
          single: this.only !== undefined,
          copyName: (path) => this.#copyName(path),
        });
        noteTurn(end, this.root, this.faults);
        this.#waiting.moved();
        if (!end.behind && this.edits.pending() === 0) {
          this.store.setLastSync(Date.now());
        }
        return end;
      } finally {
        this.#inTurn = false;
        this.checks.touch();
        this.#scheduleAsides();
      }
    });
  }

  /** Collects no more edits: another configuration is to hold for them. */
  retire(): void {
    this.#retired = true;
  }

  /** What a broken turn left in the anchor, when no turn and no unfinished commit needs it. */
  leftover(): Leftover | undefined {
    const needed = this.#inTurn || this.store.intent() !== undefined;
    return needed ? undefined : this.#disk.leftover();
  }

  /** Lets held deletions go, or takes a replaced root for what it is now. */
  approve(): string | undefined {
    if (this.#directory.trouble !== undefined) {
      this.#directory.acceptAny();
      void this.rescan("approved");
      return "the directory is taken as it is now; nothing is deleted anywhere";
    }
    const taken = this.#mounts.approve();
    if (taken !== undefined) return taken;
    const count = this.edits.heldPaths().length;
    if (count === 0) return this.#decideHere("approve");
    this.edits.approve();
    this.#ports.onEdited(this);
    return `${counted(count, "deletion")} ${
      count === 1 ? "goes" : "go"
    } to the server`;
  }

  /** Brings held deletions back. */
  reject(): string | undefined {
    const missing = this.#directory.trouble !== undefined;
    if (missing || this.#mounts.waiting) return this.approve();
    if (this.edits.heldPaths().length === 0) return this.#decideHere("reject");
    const paths = this.edits.reject();
    this.#ports.onUsable(this);
    return `${counted(paths.length, "path")} ${
      paths.length === 1 ? "comes" : "come"
    } back from the server`;
  }

  /** Does what was deleted elsewhere here, too, or sends it again. */
  #decideHere(decision: "approve" | "reject"): string | undefined {
    const count = this.store.held().size;
    if (count === 0) return undefined;
    void this.#serially("release", async () => {
      this.#directory.assert();
      if (decision === "reject") this.edits.keepHeld();
      else {
        const left = await deleteHeld({
          base: this.store,
          disk: this.#disk,
          edits: this.edits,
          copyName: (path) => this.#copyName(path),
        });
        for (const { path, reason } of left) log.warn`${path}: ${reason}`;
        this.#scheduleAsides();
      }
      this.#ports.onUsable(this);
    });
    return decidedHere(decision, count);
  }

  setPaused(paused: boolean): void {
    this.store.setPaused(paused);
    if (!paused) void this.rescan("resumed");
    this.#ports.onUsable(this);
  }

  /** Looks at all names here of files that were written to through one of their names. */
  examineNames(files: readonly LinkedFile[]): void {
    if (!this.usable) return;
    const { root, store } = this;
    const known = (inode: number) => store.filesWith(inode);
    const names = namesOf(files, { root, known });
    if (names.length === 0) return;
    this.edits.examine(names);
    this.#edited();
  }

  /** What could not be put in place is tried again, whatever stood in its way. */
  retry(): void {
    this.#disk.obstacles.forget();
    this.#ports.onUsable(this);
  }

  /** Scans everything; gives why it could not, and then it is tried again by itself. */
  rescan(cause: string): Promise<string | undefined> {
    return this.#serially("scan", async () => {
      try {
        if (!this.#ready) await this.#recover();
        await this.#scans.scan(undefined);
        this.faults.clear(SCAN_FAULT);
        log.debug`Scanned ${this.root}: ${cause}`;
        this.#becomeReady();
        this.checks.touch();
        return undefined;
      } catch (error) {
        if (this.#stop.signal.aborted) return undefined;
        const reason = describe(error);
        log.error`${this.config.path} is not scanned (${cause}): ${reason}`;
        this.faults.note(SCAN_FAULT, {
          path: this.config.path,
          cause: reason,
          fix:
            `sinkd retries by itself; at once: sinkd rescan ${this.config.path}`,
        });
        this.#scans.failed();
        return reason;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.checks[Symbol.asyncDispose]();
    this.#timers[Symbol.dispose]();
    await this.#work;
    this.#timers[Symbol.dispose]();
  }

  /** What a crash left of sinkd's own on a file system is looked after when it is there. */
  #onMount(path: RelativePath): void {
    const added = this.#addAreas(path);
    if (added.length === 0) return;
    void this.#serially("release", async () => {
      for (const area of added) {
        this.edits.examine(
          (await this.#disk.asides.recoverArea(area)).map((copy) =>
            copy as RelativePath
          ),
        );
      }
    });
  }

  #onTrouble(path: RelativePath): void {
    this.#disk.areas.drop(path);
    this.edits.release(path);
    if (this.#ready) this.#ports.onEdited(this);
  }

  #addAreas(mount: RelativePath): RelativePath[] {
    const below = [...this.store.mounts.directories(mount).keys()];
    return this.#disk.areas.addOwned(mount, below as RelativePath[]);
  }

  /** Hands over what a comparison found, between two turns. */
  #suspect(
    mark: typeof suspectBytes,
    paths: readonly RelativePath[],
  ): void {
    void this.#serially("check", () => {
      const marked = mark({ base: this.store, disk: this.#disk }, paths);
      this.edits.examine(marked);
      this.#ports.onUsable(this);
      return Promise.resolve();
    });
  }

  /**
   * One piece of work at a time; a failure does not end the anchor, and is told until work of the
   * same sort goes well. (What comes of turns, the session tells.)
   */
  #serially<T>(
    sort: "scan" | "turn" | "check" | "release",
    work: () => Promise<T>,
  ): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.then(() => this.faults.clear(`work ${sort}`), (error) => {
      if (this.#stop.signal.aborted || sort === "turn") return;
      this.faults.note(`work ${sort}`, {
        kind: "work",
        path: this.config.path,
        cause: describe(error),
        fix: "sinkd retries by itself",
      });
    });
    return done;
  }

  /** What a crash left is finished before anything is compared. */
  async #recover(): Promise<void> {
    this.#directory.makeFirst();
    if (this.#directory.check()) {
      for (const path of this.#mounts.present()) this.#addAreas(path);
      const copies = await this.#disk.asides.recover();
      await finishClientIntent(this.store, this.#disk, this.edits);
      if (copies.length > 0) {
        log.warn`Kept as conflict copies after a crash: ${copies.join(", ")}`;
      }
    }
  }

  #compareKind(): void {
    if (this.only !== undefined || this.store.count() > 0) return;
    if (shapeAt(this.config.path) === "file") this.#ports.onOther();
  }

  #becomeReady(): void {
    if (this.#ready) return;
    this.#ready = true;
    this.#scans.begin();
    this.#ports.onUsable(this);
  }

  #edited(): void {
    this.#waiting.note(this.edits.pending());
    const pipes = [...this.edits.faults.values()].filter((cause) =>
      cause.includes("named pipe")
    );
    if (pipes.length > this.#pipes) this.#ports.onPipe();
    this.#pipes = pipes.length;
    const judgeAtMs = this.edits.judgeAtMs();
    if (judgeAtMs !== undefined) {
      this.#timers.set(
        "judge",
        Math.max(judgeAtMs - performance.now(), 0) + ALMOST_NOTHING_MS,
        () => this.#ports.onEdited(this),
      );
    }
    if (this.#ready) this.#ports.onEdited(this);
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
      Math.max(dueMs - performance.now(), 0) + ALMOST_NOTHING_MS,
      () => {
        void this.#serially("release", async () => {
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
