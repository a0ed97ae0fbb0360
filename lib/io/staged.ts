/**
 * Where the staged version of a path lies: in the anchor's own directory, where rsync put it, or on
 * the file system of the path, where it was brought so that a rename can put it in place.
 *
 * @module
 */
import type { Entry } from "../core/entry.ts";
import { OWN_NAME, type RelativePath } from "../core/path.ts";
import type { FileAreas } from "./file_areas.ts";
import { lstatIfAny, makeParents } from "./files.ts";

/** Directories of staged files and of true links, relative to the anchor's root. */
export interface Stages {
  readonly files: string;
  readonly links: string;
}

/** Where to look for what is staged. */
export interface StagedPlaces {
  readonly root: string;
  readonly stages: Stages;
  readonly areas: FileAreas;
}

/** A path and what is staged for it. */
export interface StagedPath {
  readonly path: RelativePath;
  readonly kind: Entry["kind"];
}

/** Where rsync, or the call that makes links, put it; absolute. */
export function stagedHere(
  { path, kind }: StagedPath,
  { root, stages }: StagedPlaces,
): string {
  return `${root}/${kind === "link" ? stages.links : stages.files}/${path}`;
}

/** Where it belongs on the file system of its path; absolute. */
export function stagedThere(
  { path, kind }: StagedPath,
  { areas }: StagedPlaces,
): string {
  const name = kind === "link" ? "links" : "incoming";
  return `${areas.own(path)}/${name}/${path}`;
}

/** Where it is now; absolute. */
export function stagedPlace(item: StagedPath, places: StagedPlaces): string {
  const here = stagedHere(item, places);
  if (isOwnOfRoot(item.path, places)) return here;
  const there = stagedThere(item, places);
  return lstatIfAny(there) === undefined ? here : there;
}

/**
 * The staged version from where a rename takes it to its path. When nobody knew before that the path
 * is on another file system, a file is copied there now.
 */
export function broughtPlace(item: StagedPath, places: StagedPlaces): string {
  const now = stagedPlace(item, places);
  const late = now === stagedHere(item, places) &&
    !isOwnOfRoot(item.path, places) && lstatIfAny(now) !== undefined;
  if (!late) return now;
  if (item.kind === "link") {
    throw new Error("its file system was not known yet; it is fetched again");
  }
  const there = stagedThere(item, places);
  const part = partOf(there);
  makeParents(there, 0o700);
  Deno.copyFileSync(now, part);
  finish(now, part);
  {
    using file = Deno.openSync(part);
    file.syncDataSync();
  }
  Deno.renameSync(part, there);
  Deno.removeSync(now);
  return there;
}

/**
 * Copies a staged file to `to`, on another file system: whole and written through before it has that
 * name, with the time of the original, which then goes.
 */
export async function bringOver(from: string, to: string): Promise<void> {
  const part = partOf(to);
  makeParents(to, 0o700);
  await Deno.copyFile(from, part);
  finish(from, part);
  {
    using file = await Deno.open(part);
    await file.syncData();
  }
  Deno.renameSync(part, to);
  Deno.removeSync(from);
}

/** The name of a copy that is not whole yet. */
function partOf(there: string): string {
  return `${there.slice(0, there.indexOf("/incoming/"))}/part`;
}

function finish(from: string, part: string): void {
  const { mtime, atime } = Deno.lstatSync(from);
  if (mtime !== null) Deno.utimeSync(part, atime ?? mtime, mtime);
}

function isOwnOfRoot(
  path: RelativePath,
  { root, areas }: StagedPlaces,
): boolean {
  return areas.own(path) === `${root}/${OWN_NAME}`;
}
