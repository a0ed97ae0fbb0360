/**
 * The worker that holds `Deno.watchFs`. A named pipe in a watched tree can stop it for ever (Deno
 * opens what it hears of), so it must not run on the main thread, and does nothing but pass on.
 *
 * It imports no code of ours: the permission to read this one file is enough to start it.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type {
  FromWatchWorker,
  RawPath,
  ToWatchWorker,
} from "./watch_messages.ts";

/** Time for which the events of a burst are gathered, in milliseconds. */
const GATHER_MS = 2;
/** More paths in one message are a burst. */
const FEW_PATHS = 8;
/** Paths on the way to the main thread above which events are dropped and a rescan is asked for. */
const MAX_UNSEEN_PATHS = 50_000;
/** Errors in a row after which a watch is given up. */
const MAX_ERRORS = 10_000;

/** Fewest directories that are new together before they join the others. */
const FEW_DIRECTORIES = 64;

/** How long nothing has to come from a watcher that ends, until all that it had was read, in ms. */
const DRAIN_MS = 25;
/** Longest time for that; then a rescan is asked for. */
const LONGEST_DRAIN_MS = 1000;

/** A watcher that is read. */
interface Source {
  readonly watcher: Deno.FsWatcher;
  /** How many events, or errors, were read. */
  reads: number;
  over: boolean;
  /** Settles when the last read has ended. */
  ended: Promise<void>;
}

interface Watch {
  readonly directory: string;
  source: Source;
  /** All directories that are watched. */
  readonly directories: Set<string>;
  /** Holds those that are new; what happens in them is read from `source`, which has their root. */
  extra:
    | { readonly watcher: Deno.FsWatcher; readonly paths: string[] }
    | undefined;
  /** True when directories are held that are gone or elsewhere. */
  stale: boolean;
  paths: Map<string, Set<Deno.FsEvent["kind"]>>;
  events: number;
  closed: boolean;
  dropped: boolean;
}

const watches = new Map<number, Watch>();
/** Watches begin and end one after the other. */
let turn = Promise.resolve();
let unseenPaths = 0;
let planned = false;
let busy = false;

/** The few members of a worker's global scope that are used. */
interface WorkerScope {
  postMessage(message: FromWatchWorker): void;
  addEventListener(
    type: "message",
    listener: (event: MessageEvent<ToWatchWorker>) => void,
  ): void;
}
const scope = globalThis as unknown as WorkerScope;

scope.addEventListener("message", ({ data }) => {
  switch (data.kind) {
    case "watch":
      turn = turn.then(() => open(data));
      break;
    case "cover":
      turn = turn.then(() => cover(data));
      break;
    case "unwatch":
      turn = turn.then(() => close(data.watch));
      break;
    case "seen":
      unseenPaths -= data.paths;
      reportDropped();
      break;
  }
});

function open(
  { watch, directory, directories }: Extract<
    ToWatchWorker,
    { kind: "watch" }
  >,
): void {
  let source;
  try {
    source = sourceOf(watchEach(directory, directories));
  } catch (error) {
    scope.postMessage({ kind: "failed", watch, ...told(error) });
    return;
  }
  const opened: Watch = {
    directory,
    source,
    directories: new Set(directories),
    extra: undefined,
    stale: false,
    paths: new Map(),
    events: 0,
    closed: false,
    dropped: false,
  };
  watches.set(watch, opened);
  scope.postMessage({ kind: "watching", watch });
  source.ended = read(watch, opened, source);
}

function sourceOf(watcher: Deno.FsWatcher): Source {
  return { watcher, reads: 0, over: false, ended: Promise.resolve() };
}

/**
 * Watches directories one by one. `root` comes first: for each event Deno looks for a path of the list
 * that holds it, and opens every one until then. One that vanished meanwhile is left out.
 */
function watchEach(
  root: string,
  directories: Iterable<string>,
): Deno.FsWatcher {
  let paths = [...directories].filter((path) => path !== root);
  for (let tries = 0;; tries++) {
    try {
      return Deno.watchFs([root, ...paths], { recursive: false });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || tries === 5) throw error;
      paths = paths.filter(isDirectory);
    }
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false; // whatever the reason, it is not watched
  }
}

/**
 * Deno counts who watches a path: one that was moved or made anew is watched again only after all have
 * let go of it. So what is gone goes before what is new comes.
 */
async function cover(
  { watch, drop, add }: Extract<ToWatchWorker, { kind: "cover" }>,
): Promise<void> {
  const opened = watches.get(watch);
  if (opened === undefined) return;
  const { directory, directories } = opened;
  try {
    for (const path of drop) {
      if (directories.delete(path)) opened.stale = true;
    }
    if (add.length === 0) return;
    if (opened.stale) await renew(watch, opened);
    for (const path of add) directories.add(path);
    const paths = [...opened.extra?.paths ?? [], ...add];
    if (paths.length > Math.max(FEW_DIRECTORIES, directories.size / 2)) {
      return await renew(watch, opened);
    }
    const extra = { watcher: watchEach(directory, paths), paths };
    opened.extra?.watcher.close();
    opened.extra = extra;
  } catch (error) {
    scope.postMessage({ kind: "missed", watch, ...told(error) });
  }
}

/**
 * One watcher for all. What happens while the new one begins comes from the old one alone, which ends
 * when all that it had was read.
 */
async function renew(watch: number, opened: Watch): Promise<void> {
  const before = opened.source;
  opened.source = sourceOf(watchEach(opened.directory, opened.directories));
  opened.source.ended = read(watch, opened, opened.source);
  opened.extra?.watcher.close();
  opened.extra = undefined;
  opened.stale = false;
  if (!await isDrained(before)) {
    const message = "more changes at once than could be read";
    scope.postMessage({ kind: "missed", watch, name: "Overflow", message });
  }
  before.over = true;
  before.watcher.close();
  await before.ended;
}

/** Waits until nothing more comes from a watcher; false when that takes too long. */
async function isDrained(source: Source): Promise<boolean> {
  const endMs = performance.now() + LONGEST_DRAIN_MS;
  while (performance.now() < endMs) {
    const { reads } = source;
    await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
    // After a busy moment the timer may come before what is to be read: two turns of the loop more.
    for (let turns = 0; turns < 2; turns++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    if (source.reads === reads) return true;
  }
  return false;
}

/** Reads until the watch is closed. An error of `next()` is one event that was missed; reading goes on. */
async function read(
  watch: number,
  opened: Watch,
  source: Source,
): Promise<void> {
  const { watcher } = source;
  const events = watcher[Symbol.asyncIterator]();
  const isOver = () => opened.closed || source.over;
  let last: unknown = new Error("Cannot watch: the events have ended");
  for (let errors = 0; errors < MAX_ERRORS && !isOver();) {
    try {
      const next = await events.next();
      source.reads++;
      if (next.done === true) break;
      errors = 0;
      take(watch, opened, next.value);
    } catch (error) {
      source.reads++;
      errors++;
      last = error;
      if (!isOver()) {
        scope.postMessage({ kind: "missed", watch, ...told(error) });
      }
    }
  }
  if (isOver()) return;
  watches.delete(watch);
  watcher.close();
  scope.postMessage({ kind: "failed", watch, ...told(last) });
}

/** A new watch of the same directory would see nothing before the last read of the old one has ended. */
async function close(watch: number): Promise<void> {
  const opened = watches.get(watch);
  if (opened === undefined) return;
  watches.delete(watch);
  opened.closed = true;
  opened.extra?.watcher.close();
  opened.source.watcher.close();
  await opened.source.ended;
}

function take(watch: number, opened: Watch, event: Deno.FsEvent): void {
  if (event.flag === "rescan") {
    const message = "more changes at once than the watcher can hold";
    scope.postMessage({ kind: "missed", watch, name: "Overflow", message });
    return;
  }
  opened.events++;
  if (unseenPaths + opened.paths.size > MAX_UNSEEN_PATHS) {
    opened.dropped = true;
    return;
  }
  for (const path of event.paths) {
    const kinds = opened.paths.get(path);
    if (kinds === undefined) opened.paths.set(path, new Set([event.kind]));
    else kinds.add(event.kind);
  }
  if (planned) return;
  planned = true;
  // A timer takes 2 ms and more: one edit does not wait for it, a burst does.
  if (busy) setTimeout(flush, GATHER_MS);
  else setImmediate(flush);
}

function flush(): void {
  planned = false;
  let sent = 0;
  for (const [watch, opened] of watches) {
    if (opened.paths.size === 0) continue;
    const paths: RawPath[] = [];
    for (const [path, kinds] of opened.paths) paths.push([path, [...kinds]]);
    scope.postMessage({ kind: "events", watch, paths, events: opened.events });
    sent += paths.length;
    opened.paths = new Map();
    opened.events = 0;
  }
  unseenPaths += sent;
  busy = sent > FEW_PATHS;
}

/** Says that events were dropped once the main thread keeps up again. */
function reportDropped(): void {
  if (unseenPaths > MAX_UNSEEN_PATHS / 2) return;
  for (const [watch, opened] of watches) {
    if (!opened.dropped) continue;
    opened.dropped = false;
    const message = "more changes at once than could be looked at";
    scope.postMessage({ kind: "missed", watch, name: "Overflow", message });
  }
}

function told(error: unknown): { name: string; message: string } {
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: "Error", message: String(error) };
}
