/**
 * The watcher: tells where in the anchors something may have changed, as soon as it did.
 *
 * `Deno.watchFs` runs in a worker, where a named pipe can do no more than stop that worker. What can
 * go wrong with it (FACTS 1) ends in one of three ways: a rescan when something may have been missed,
 * a new worker when it is silent, and scanning from time to time where watching is not possible.
 *
 * @module
 */
import { FLOOD_EVENTS } from "../core/settle.ts";
import type { RelativePath } from "../core/path.ts";
import { lstatIfAny } from "./files.ts";
import { lookAtRoot } from "./scan.ts";
import { Timers } from "./timers.ts";
import { placesOf, type WatchEvent, type WatchRoot } from "./watch_events.ts";
import { WatchHost, type WatchOwner } from "./watch_host.ts";
import type { FromWatchWorker, ToWatchWorker } from "./watch_messages.ts";
import { walkWatched, wantsDirectory, WatchTree } from "./watch_tree.ts";
import {
  directoriesOf,
  type Directory,
  faultText,
  isNameFault,
  isOverflow,
  troubleOf,
  type WatchFault,
} from "./watch_root.ts";
export type { WatchEvent, WatchRoot } from "./watch_events.ts";

/** When a new directory is looked through again for more of them, in milliseconds after the last time. */
const GROW_STEPS_MS = [200, 2000];

/** Times are in milliseconds; the defaults are for use, other ones for tests. */
export interface WatcherOptions {
  /** A directory for nothing else, in the state directory; it is made when it is missing. */
  readonly canaryDirectory: string;
  /** How often the watcher is put to the test, and how long it has for the answer: 30 s and 5 s. */
  readonly canaryEveryMs?: number;
  readonly canaryWithinMs?: number;
  /** How often a missing root is looked for: 1 s. */
  readonly missingPollMs?: number;
  /** How often a rescan is asked for where watching is not possible: 15 s. */
  readonly scanEveryMs?: number;
  /** When watching is tried again after it failed: 5 min. */
  readonly retryMs?: number;
  /** How long a watch may take to begin before the worker counts as hung: 2 min. */
  readonly startWithinMs?: number;
}

/** A running watcher. */
export interface Watcher extends AsyncDisposable {
  /** Settles when each root is watched or known not to be: scan the anchors after that. */
  readonly ready: Promise<void>;
  /** Looks at once whether the watcher still hears: a named pipe was seen, which may stop it. */
  doubt(): void;
  /** Watches a root anew, and has it scanned: a file system was mounted in it, which makes no event. */
  rewatch(root: string, cause: string): void;
}

/** Watches the anchors until it is disposed; throws when the canary directory cannot be made. */
export function openWatcher(
  roots: readonly WatchRoot[],
  onEvent: (event: WatchEvent) => void,
  options: WatcherOptions,
): Watcher {
  return new WorkerWatcher(roots, onEvent, {
    canaryEveryMs: 30_000,
    canaryWithinMs: 5000,
    missingPollMs: 1000,
    scanEveryMs: 15_000,
    retryMs: 300_000,
    startWithinMs: 120_000,
    ...options,
  });
}

class WorkerWatcher implements Watcher, WatchOwner {
  readonly ready: Promise<void>;
  readonly directories: readonly string[];
  readonly #onEvent: (event: WatchEvent) => void;
  readonly #options: Required<WatcherOptions>;
  readonly #directories: Directory[];
  readonly #byWatch = new Map<number, Directory>();
  readonly #timers = new Timers();
  readonly #host: WatchHost;
  readonly #becomeReady: () => void;
  #closed = false;
  #told = "";
  #window = { startMs: -Infinity, events: 0 };

  constructor(
    roots: readonly WatchRoot[],
    onEvent: (event: WatchEvent) => void,
    options: Required<WatcherOptions>,
  ) {
    this.#onEvent = onEvent;
    this.#options = options;
    this.#directories = directoriesOf(roots);
    this.directories = this.#directories.map(({ path }) => path);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#becomeReady = resolve;
    this.#host = new WatchHost(this, {
      canary: {
        directory: options.canaryDirectory,
        everyMs: options.canaryEveryMs,
        withinMs: options.canaryWithinMs,
      },
      retryMs: options.retryMs,
    });
    // Not at once: nothing is told before the caller has the watcher.
    queueMicrotask(() => {
      if (!this.#closed) this.#host.start(undefined);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#host[Symbol.asyncDispose]();
    this.#becomeReady();
  }

  doubt(): void {
    this.#host.doubt();
  }

  rewatch(root: string, cause: string): void {
    for (const directory of this.#directories) {
      if (directory.path === root) this.#watchAgain(directory, cause);
    }
  }

  // What the host asks

  begin(announce: string | undefined): void {
    for (const directory of this.#directories) {
      directory.announce = announce;
      this.#begin(directory);
    }
    this.changed();
  }

  ended(): void {
    this.#timers[Symbol.dispose]();
    this.#byWatch.clear();
    for (const directory of this.#directories) {
      directory.phase = { kind: "idle" };
    }
  }

  receive(message: FromWatchWorker): void {
    if (message.kind === "events") this.#countEvents(message.events);
    const directory = this.#byWatch.get(message.watch);
    if (directory === undefined) return;
    switch (message.kind) {
      case "watching":
        this.#watching(directory, message.watch);
        break;
      case "failed":
        this.#end(directory);
        if (message.name === "NotFound") this.#missing(directory);
        else this.#failed(directory, faultText(directory.path, message));
        break;
      case "missed":
        this.#missed(directory, message);
        break;
      case "events":
        this.#places(directory, message.paths);
        break;
    }
  }

  /** A mount or unmount makes no event. True when no watch is just starting. */
  check(): boolean {
    for (const directory of this.#directories) {
      if (directory.phase.kind !== "watched") continue;
      const root = lookAtRoot(directory.path);
      const same = root.kind === "present" &&
        `${root.device}:${root.inode}` === directory.phase.inode;
      if (!same) this.#watchAgain(directory, `${directory.path} was replaced`);
    }
    return !this.#directories.some(({ phase }) => phase.kind === "starting");
  }

  /** Tells the mode when it is another one, and keeps scanning and trying again while it has to be. */
  changed(): void {
    const { trouble, note, recovering } = this.#host;
    const unknown = this.#directories.some(({ phase }) =>
      phase.kind === "starting" ||
      phase.kind === "idle" && trouble === undefined
    );
    if (unknown || recovering) return;
    this.#becomeReady();
    const troubles = [trouble, ...this.#directories.map(troubleOf)]
      .filter((each) => each !== undefined);
    const mode = troubles.length > 0 ? "scanning" : "events";
    const detail = troubles.slice(0, 3).join("; ") || note;
    if (mode === "scanning") this.#keepScanning();
    else for (const name of ["scan", "retry"]) this.#timers.clear(name);
    if (this.#told === `${mode} ${detail}`) return;
    this.#told = `${mode} ${detail}`;
    this.#emit({ kind: "mode", mode, detail });
  }

  // The roots

  #begin(directory: Directory): void {
    const root = lookAtRoot(directory.path);
    if (root.kind === "missing" || root.kind === "not-a-directory") {
      return this.#missing(directory);
    }
    if (root.kind === "unreadable") {
      return this.#failed(directory, `${directory.path} ${root.cause}`);
    }
    if (!this.#host.running) {
      directory.phase = { kind: "idle" };
      return this.#announce(directory);
    }
    const watch = this.#host.nextWatch();
    const { path, whole } = directory;
    const inode = `${root.device}:${root.inode}`;
    directory.phase = { kind: "starting", watch, inode };
    this.#byWatch.set(watch, directory);
    directory.tree = undefined;
    if (whole) void this.#beginTree(directory, watch);
    else this.#post({ kind: "watch", watch, directory: path, directories: [] });
  }

  /** Watches each directory that syncs, and no other. */
  async #beginTree(directory: Directory, watch: number): Promise<void> {
    const { path, anchors } = directory;
    const directories = await walkWatched({ root: path, top: path, anchors });
    if (this.#byWatch.get(watch) !== directory) return;
    directory.tree = new WatchTree();
    directory.tree.add(directories);
    this.#post({ kind: "watch", watch, directory: path, directories });
  }

  #post(message: Extract<ToWatchWorker, { kind: "watch" }>): void {
    const { watch, directory } = message;
    this.#host.post(message);
    this.#timers.set(`start ${watch}`, this.#options.startWithinMs, () => {
      this.#host.recover(`it did not begin to watch ${directory}`);
    });
  }

  #end({ phase }: Directory): void {
    if (phase.kind !== "starting" && phase.kind !== "watched") return;
    this.#timers.clear(`start ${phase.watch}`);
    this.#byWatch.delete(phase.watch);
    this.#host.post({ kind: "unwatch", watch: phase.watch });
  }

  #watching(directory: Directory, watch: number): void {
    const { phase } = directory;
    if (phase.kind !== "starting") return;
    this.#timers.clear(`start ${watch}`);
    directory.phase = {
      kind: "watched",
      watch,
      inode: phase.inode,
      gap: undefined,
    };
    this.#announce(directory);
    this.changed();
  }

  #missing(directory: Directory): void {
    directory.phase = { kind: "missing" };
    this.#announce(directory);
    this.#lookForMissing();
    this.changed();
  }

  #lookForMissing(): void {
    this.#timers.set("missing", this.#options.missingPollMs, () => {
      for (const directory of this.#directories) {
        if (directory.phase.kind !== "missing") continue;
        const { kind } = lookAtRoot(directory.path);
        if (kind === "missing" || kind === "not-a-directory") {
          this.#lookForMissing();
        } else this.#watchAgain(directory, `${directory.path} is there again`);
      }
    });
  }

  #failed(directory: Directory, detail: string): void {
    directory.phase = { kind: "failed", detail };
    directory.announce ??= detail;
    this.#announce(directory);
    this.changed();
  }

  /** Watches again what may be another directory now; `close` first, or the new watch sees nothing. */
  #watchAgain(directory: Directory, cause: string): void {
    this.#end(directory);
    directory.announce = cause;
    this.#begin(directory);
  }

  // What is told

  #places(
    directory: Directory,
    paths: Extract<FromWatchWorker, { kind: "events" }>["paths"],
  ): void {
    const appeared = new Set<string>();
    for (const event of placesOf(paths, directory.anchors, Date.now())) {
      this.#emit(event);
      if (event.kind === "appeared") {
        appeared.add(`${directory.path}/${event.path}`);
      }
    }
    this.#follow(directory, paths, appeared);
    const moved = paths.some(([path, kinds]) =>
      path === directory.path &&
      (kinds.includes("remove") || kinds.includes("rename"))
    );
    if (moved) {
      this.#watchAgain(directory, `${directory.path} was moved or removed`);
    }
  }

  /** Watches directories that are new, and forgets those that are gone. */
  #follow(
    directory: Directory,
    paths: Extract<FromWatchWorker, { kind: "events" }>["paths"],
    appeared: ReadonlySet<string>,
  ): void {
    const { tree } = directory;
    if (tree === undefined) return;
    const drop = paths.flatMap(([path, kinds]) =>
      path !== directory.path && tree.has(path) &&
        kinds.some((kind) => kind !== "modify" && kind !== "access")
        ? tree.drop(path)
        : []
    );
    if (drop.length > 0) this.#cover(directory, { drop, add: [] });
    for (const top of appeared) this.#grow(directory, top, GROW_STEPS_MS);
  }

  /** Looks for directories below `top`, now and later: more may be made before it is watched. */
  #grow(directory: Directory, top: string, steps: readonly number[]): void {
    const { path: root, anchors, tree } = directory;
    void walkWatched({ root, top, anchors }).then((directories) => {
      if (this.#closed || directory.tree !== tree || tree === undefined) return;
      if (top !== root && lstatIfAny(top)?.isDirectory !== true) return;
      const add = tree.add(directories);
      if (add.length > 0) {
        this.#cover(directory, { drop: [], add });
        if (top !== root) this.#appeared(directory, top);
      }
      const [waitMs, ...later] = steps;
      if (waitMs === undefined) return;
      this.#timers.set(
        `grow ${top}`,
        waitMs,
        () => this.#grow(directory, top, later),
      );
    });
  }

  #appeared({ path: root, anchors }: Directory, full: string): void {
    const path = full.slice(root.length + 1) as RelativePath;
    for (const anchor of anchors) {
      if (!wantsDirectory([anchor], full)) continue;
      this.#emit({ kind: "appeared", anchor: anchor.id, path });
    }
  }

  #cover(
    { phase }: Directory,
    change: {
      readonly drop: readonly string[];
      readonly add: readonly string[];
    },
  ): void {
    if (phase.kind !== "starting" && phase.kind !== "watched") return;
    this.#host.post({ kind: "cover", watch: phase.watch, ...change });
  }

  #missed(directory: Directory, fault: WatchFault): void {
    const text = faultText(directory.path, fault);
    if (isNameFault(fault)) return this.#missedName(directory);
    if (!isOverflow(fault) && directory.phase.kind === "watched") {
      directory.phase = { ...directory.phase, gap: text };
      this.changed();
    }
    this.#rescan(directory, text);
  }

  /** Such a file cannot be carried, so that it is listed is all that a rescan is for: not too often. */
  #missedName(directory: Directory): void {
    const name = `name ${directory.path}`;
    if (this.#timers.has(name)) return;
    this.#timers.set(name, 1000, () => {
      this.#rescan(directory, "a name that is not valid UTF-8");
      this.#timers.set(name, this.#options.scanEveryMs, () => {});
    });
  }

  /** The kernel loses events of a flood and tells nobody; this counts what is excluded, too. */
  #countEvents(events: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#window.startMs >= 1000) {
      this.#window = { startMs: nowMs, events: 0 };
    }
    const before = this.#window.events;
    this.#window.events += events;
    if (before > FLOOD_EVENTS || this.#window.events <= FLOOD_EVENTS) return;
    for (const directory of this.#directories) {
      this.#rescan(directory, `more than ${FLOOD_EVENTS} changes in a second`);
    }
  }

  #announce(directory: Directory): void {
    const { announce } = directory;
    directory.announce = undefined;
    if (announce !== undefined) this.#rescan(directory, announce);
  }

  #rescan(directory: Directory, cause: string): void {
    // What is found by the scan is to be watched, too.
    if (directory.tree !== undefined && directory.phase.kind === "watched") {
      this.#grow(directory, directory.path, GROW_STEPS_MS);
    }
    for (const { id } of directory.anchors) {
      this.#emit({ kind: "rescan", anchor: id, cause });
    }
  }

  #emit(event: WatchEvent): void {
    if (!this.#closed) this.#onEvent(event);
  }

  #keepScanning(): void {
    if (!this.#timers.has("scan")) {
      this.#timers.set("scan", this.#options.scanEveryMs, () => {
        for (const directory of this.#directories) {
          const trouble = this.#host.trouble ?? troubleOf(directory);
          if (trouble !== undefined) this.#rescan(directory, trouble);
        }
        this.#keepScanning();
      });
    }
    if (this.#timers.has("retry")) return;
    this.#timers.set("retry", this.#options.retryMs, () => {
      this.#host.note = "";
      this.#host.start("watching was tried again");
    });
  }
}
