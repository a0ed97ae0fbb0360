/**
 * Scanning: everything in an anchor as it is on the disk now. The scan decides what changed; watch
 * events only say where to look.
 *
 * The synchronous calls are five times as fast as the asynchronous ones (100,000 files in about a
 * second), so they run in slices, and between two slices the event loop gets its turn.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Found } from "../core/entry.ts";
import type { ExcludeRules } from "../core/excludes.ts";
import { isExcluded } from "../core/excludes.ts";
import type { RelativePath } from "../core/path.ts";
import { isOwn, type OwnPaths } from "../core/own_places.ts";
import { ancestorsOf, nameOf, OWN_NAME, parentOf } from "../core/path.ts";
import { isOwnPlace } from "./own_places.ts";
import { causeOf, findPath, lookAt, mayBeLossyName, missing } from "./look.ts";
export { findPath, type Look } from "./look.ts";

/** A path and why it is not in the scan as it should be; the cause reads on after the path. */
export interface ScanFault {
  readonly path: string;
  readonly cause: string;
}

/** The anchor's directory itself. A scan of a root that is not present says nothing about its files. */
export type ScanRoot =
  | {
    readonly kind: "present";
    readonly device: number;
    readonly inode: number;
    readonly ctimeS: number;
  }
  | { readonly kind: "missing" }
  | { readonly kind: "not-a-directory" }
  | { readonly kind: "unreadable"; readonly cause: string };

/** What a scan found. A directory that cannot be listed is in `unreadable` and, as itself, in `found`. */
export interface Scan {
  readonly found: Map<RelativePath, Found>;
  readonly unreadable: ScanFault[];
  readonly uncarriable: ScanFault[];
  readonly root: ScanRoot;
}

/** What to scan. */
export interface ScanOptions {
  readonly rules: ExcludeRules;
  /** A single-file anchor: just this name in the root. */
  readonly only: string | undefined;
  /** Just this path and what is below it. */
  readonly below?: RelativePath;
  /** What of the anchor is sinkd's own; directories that turn out to be so are added. */
  readonly own?: OwnPaths;
  /** Why nothing below a directory is looked at; the words read on after its path. */
  readonly bars?:
    | ((directory: RelativePath, info: Deno.FileInfo) => string | undefined)
    | undefined;
  readonly signal?: AbortSignal;
}

/** Longest time without giving the event loop its turn, in milliseconds. */
const SLICE_MS = 12;
/** Entries between two looks at the clock. */
const ENTRIES_PER_CHECK = 64;
/** Directories of more bytes than this are listed on another thread: they may hold many thousand names. */
const LARGE_DIRECTORY_BYTES = 256 * 1024;

/**
 * Scans an anchor, or a part of it. Links are not followed, except that the root itself may be one.
 * What vanishes meanwhile is absent. Throws only when `signal` aborts.
 */
export async function scanTree(
  root: string,
  options: ScanOptions,
): Promise<Scan> {
  const found = new Map<RelativePath, Found>();
  const walk: Walk = {
    root,
    options,
    scan: { found, unreadable: [], uncarriable: [] },
    directories: [],
    sliceEndMs: performance.now() + SLICE_MS,
    entries: 0,
  };
  const before = lookAtRoot(root);
  if (before.kind !== "present") return { ...walk.scan, root: before };
  if (options.only !== undefined) {
    visitOnly(walk, options.only);
    return { ...walk.scan, root: before };
  }
  if (options.below === undefined) {
    const unlisted = await list(walk, undefined);
    if (unlisted !== undefined) return { ...walk.scan, root: unlisted };
  } else visitBelow(walk, options.below);
  for (
    let directory = walk.directories.pop();
    directory !== undefined;
    directory = walk.directories.pop()
  ) await list(walk, directory);
  return { ...walk.scan, root: after(before, lookAtRoot(root)) };
}

interface Walk {
  readonly root: string;
  readonly options: ScanOptions;
  readonly scan: Omit<Scan, "root">;
  /** Found, not listed yet. */
  readonly directories: RelativePath[];
  sliceEndMs: number;
  entries: number;
}

/** What the root is now. It may be a link to a directory, as the user named it. */
export function lookAtRoot(root: string): ScanRoot {
  try {
    const info = Deno.statSync(root);
    if (!info.isDirectory) return { kind: "not-a-directory" };
    return {
      kind: "present",
      device: info.dev,
      inode: info.ino ?? 0,
      ctimeS: Math.floor((info.ctime?.getTime() ?? 0) / 1000),
    };
  } catch (error) {
    if (missing(error)) return { kind: "missing" };
    return { kind: "unreadable", cause: causeOf(error) };
  }
}

/** A root that was unmounted or replaced during the scan must not look like one whose files are deleted. */
function after(before: ScanRoot, now: ScanRoot): ScanRoot {
  if (before.kind !== "present" || now.kind !== "present") return now;
  return before.device === now.device && before.inode === now.inode
    ? now
    : { kind: "unreadable", cause: "was replaced during the scan" };
}

function visitOnly(walk: Walk, name: string): void {
  const { below, rules } = walk.options;
  if (below !== undefined && below !== name) return;
  const path = name as RelativePath;
  if (isExcluded(rules, path, false)) return;
  const look = visit(walk, path);
  if (look !== "directory") return;
  walk.scan.found.delete(path);
  walk.directories.length = 0;
  const cause = "is a directory where the anchor is a single file";
  walk.scan.uncarriable.push({ path, cause });
}

function visitBelow(walk: Walk, below: RelativePath): void {
  if (below.split("/").includes(OWN_NAME)) return;
  const parent = parentOf(below);
  if (parent !== undefined) {
    const look = findPath(walk.root, parent);
    if (look.kind === "unreadable") {
      walk.scan.unreadable.push({ path: below, cause: look.cause });
    }
    if (look.kind !== "found" || look.found.entry.kind !== "directory") return;
    if (isExcluded(walk.options.rules, parent, true)) return;
    for (const above of ancestorsOf(below)) {
      if (isBarred(walk, above, statDirectory(walk.root, above))) return;
    }
  }
  if (
    walk.options.own !== undefined && isOwn(walk.options.own, below, undefined)
  ) return;
  const look = findPath(walk.root, below);
  const directory = look.kind === "found" &&
    look.found.entry.kind === "directory";
  if (look.kind === "absent") return;
  if (isExcluded(walk.options.rules, below, directory)) return;
  visit(walk, below);
}

/** Records what is at `path`; a directory is put on the list of those to look into. */
function visit(
  walk: Walk,
  path: RelativePath,
): Found["entry"]["kind"] | undefined {
  const look = lookAt(`${walk.root}/${path}`, path);
  switch (look.kind) {
    case "found":
      walk.scan.found.set(path, look.found);
      if (look.found.entry.kind === "directory") walk.directories.push(path);
      return look.found.entry.kind;
    case "uncarriable":
      walk.scan.uncarriable.push({ path, cause: look.cause });
      return undefined;
    case "unreadable":
      walk.scan.unreadable.push({ path, cause: look.cause });
      return undefined;
    case "absent":
      // The listing shows a name that is not UTF-8 with U+FFFD in it, and nothing is found under that.
      if (mayBeLossyName(nameOf(path))) {
        walk.scan.uncarriable.push({ path, cause: "has a name not in UTF-8" });
      }
      return undefined;
  }
}

/** Looks into a directory (`undefined`: the root). The answer, why it could not, is for the root only. */
async function list(
  walk: Walk,
  directory: RelativePath | undefined,
): Promise<ScanRoot | undefined> {
  const prefix = directory === undefined ? "" : `${directory}/`;
  let listing;
  try {
    const info = statDirectory(walk.root, directory);
    if (isBarred(walk, directory, info)) return undefined;
    listing = await readDirectory(walk.root, directory, info);
  } catch (error) {
    return unlisted(walk, directory, error);
  }
  if (turnsOutOwn(walk, directory, listing)) return undefined;
  for (const item of listing) {
    if (++walk.entries % ENTRIES_PER_CHECK === 0) await giveWay(walk);
    if (item.name === OWN_NAME) continue;
    const path = prefix + item.name as RelativePath;
    if (isExcluded(walk.options.rules, path, item.isDirectory)) continue;
    visit(walk, path);
  }
  await giveWay(walk);
  return undefined;
}

/** Notes a directory that is sinkd's own by what lies in it; it is in no scan, nor is what is below it. */
function turnsOutOwn(
  { root, options: { own }, scan }: Walk,
  directory: RelativePath | undefined,
  listing: readonly Deno.DirEntry[],
): boolean {
  if (own === undefined || directory === undefined) return false;
  const names = new Set(listing.map(({ name }) => name));
  if (!isOwnPlace(`${root}/${directory}`, names)) return false;
  own.found.add(directory);
  scan.found.delete(directory);
  return true;
}

/** Notes a directory into which nothing may be looked. */
function isBarred(
  { options: { bars }, scan }: Walk,
  directory: RelativePath | undefined,
  info: Deno.FileInfo,
): boolean {
  if (directory === undefined) return false;
  const cause = bars?.(directory, info);
  if (cause !== undefined) scan.unreadable.push({ path: directory, cause });
  return cause !== undefined;
}

function fullPathOf(
  root: string,
  directory: RelativePath | undefined,
): string {
  return directory === undefined ? root : `${root}/${directory}`;
}

function statDirectory(
  root: string,
  directory: RelativePath | undefined,
): Deno.FileInfo {
  const fullPath = fullPathOf(root, directory);
  const info = directory === undefined
    ? Deno.statSync(fullPath)
    : Deno.lstatSync(fullPath);
  if (info.isDirectory) return info;
  throw new Deno.errors.NotADirectory(`Cannot list "${fullPath}"`);
}

/** A large directory is read by Deno's own thread, in one go; a small one at once. */
async function readDirectory(
  root: string,
  directory: RelativePath | undefined,
  info: Deno.FileInfo,
): Promise<Deno.DirEntry[]> {
  const fullPath = fullPathOf(root, directory);
  return info.size <= LARGE_DIRECTORY_BYTES
    ? [...Deno.readDirSync(fullPath)]
    : await Array.fromAsync(Deno.readDir(fullPath));
}

function unlisted(
  walk: Walk,
  directory: RelativePath | undefined,
  error: unknown,
): ScanRoot | undefined {
  if (directory === undefined) {
    return missing(error)
      ? { kind: "missing" }
      : { kind: "unreadable", cause: causeOf(error) };
  }
  if (!missing(error)) {
    walk.scan.unreadable.push({ path: directory, cause: causeOf(error) });
    return undefined;
  }
  // It vanished, or something else took its place since it was found.
  walk.scan.found.delete(directory);
  if (findPath(walk.root, directory).kind === "found") visit(walk, directory);
  return undefined;
}

/** Lets the event loop turn when the slice is over. */
async function giveWay(walk: Walk): Promise<void> {
  if (performance.now() < walk.sliceEndMs) return;
  // A timer of 0 ms takes 1 to 3 ms here; setImmediate is a turn of the loop and no more.
  await new Promise<void>((resolve) => setImmediate(resolve));
  walk.options.signal?.throwIfAborted();
  walk.sliceEndMs = performance.now() + SLICE_MS;
}
