/**
 * Steps of a server's commit at a path that is on another file system than the user's own directory (an
 * administrator mounted a disk in the tree): what no rename can carry is copied, written through, and
 * then put in place by a rename, so that nothing is ever half there.
 *
 * @module
 */
import { dirname } from "node:path";
import type { RelativePath } from "../core/path.ts";
import type { ServerStep } from "../core/server_commit.ts";
import type { FileAreas } from "./file_areas.ts";
import { blockedAt, lstatIfAny, makeParents, removeIfEmpty } from "./files.ts";
import { dressStaged, setMode } from "./modes.ts";
import {
  DIRECTORY_MODE,
  diskMode,
  freeInHistory,
  giveMode,
  type Places,
} from "./server_places.ts";
import { bringOver } from "./staged.ts";

/** Makes copies, munged as they are, of links in `from` below `to`. */
export type CopyLinks = (
  places: { readonly from: string; readonly to: string },
  paths: readonly RelativePath[],
) => Promise<void>;

/** What the steps work with beside their places. */
export interface Across {
  readonly places: Places;
  readonly areas: FileAreas;
  readonly copyLinks: CopyLinks;
  /** Path of the step in the user's directory. */
  readonly path: RelativePath;
}

/** Carries out one step; may be repeated. */
export async function applyAcross(
  step: ServerStep,
  across: Across,
): Promise<void> {
  const { places } = across;
  const full = `${places.live}/${step.path}`;
  switch (step.do) {
    case "archive":
      if (lstatIfAny(full)?.isDirectory === false) {
        await keep(step.path, across);
        Deno.removeSync(full);
      }
      return;
    case "removeDirectory":
      if (!removeIfEmpty(full)) moveAway(full, across);
      return;
    case "makeDirectory":
      await openWay(step.path, across);
      if (lstatIfAny(full)?.isDirectory === false) {
        await keep(step.path, across);
        Deno.removeSync(full);
      }
      Deno.mkdirSync(full, { recursive: true, mode: DIRECTORY_MODE });
      return setMode(full, diskMode(step.mode));
    case "place":
      return await place(step, across);
    case "mode":
      return giveMode(full, step);
  }
}

async function place(
  step: Extract<ServerStep, { do: "place" }>,
  across: Across,
): Promise<void> {
  const { places } = across;
  const full = `${places.live}/${step.path}`;
  const staged = await bring(step, across);
  if (staged === undefined) {
    if (lstatIfAny(full) !== undefined) return;
    throw new Error(
      `Cannot commit '${full}': neither it nor its staged version is there`,
    );
  }
  await openWay(step.path, across);
  if (step.entry.kind === "file") {
    dressStaged(staged, full, step.entry.mode | 0o600);
  }
  const before = lstatIfAny(full);
  if (before?.isDirectory === true) moveAway(full, across);
  else if (before !== undefined) await keep(step.path, across);
  Deno.renameSync(staged, full);
  tidy(staged, across);
}

/** The staged version on the file system of its path; `undefined` when it is nowhere any more. */
async function bring(
  { path, entry }: Extract<ServerStep, { do: "place" }>,
  across: Across,
): Promise<string | undefined> {
  const { places, areas, copyLinks } = across;
  const to = `${areas.own(across.path)}/incoming`;
  const [here, there] = [`${places.stage}/${path}`, `${to}/${path}`];
  if (lstatIfAny(here) !== undefined) {
    if (entry.kind === "file") await bringOver(here, there);
    else {
      makeParents(`${to}/any`, 0o700);
      await copyLinks({ from: places.stage, to }, [path]);
      Deno.removeSync(here);
    }
  }
  return lstatIfAny(there) === undefined ? undefined : there;
}

/** Copies what is at a path into history, unless a crash came after that. */
async function keep(
  path: RelativePath,
  { places, copyLinks }: Across,
): Promise<void> {
  const full = `${places.live}/${path}`;
  const info = Deno.lstatSync(full);
  const kept = lstatIfAny(`${places.history}/${path}`);
  const isKept = kept !== undefined && kept.size === info.size &&
    kept.isFile === info.isFile &&
    kept.mtime?.getTime() === info.mtime?.getTime();
  if (isKept) return;
  const to = freeInHistory(path, places);
  if (info.isSymlink) {
    const below = to.slice(0, to.length - path.length - 1);
    return await copyLinks({ from: places.live, to: below }, [path]);
  }
  const part = `${to}.${crypto.randomUUID()}`;
  await Deno.copyFile(full, part);
  if (info.mtime !== null) Deno.utimeSync(part, info.mtime, info.mtime);
  {
    using file = await Deno.open(part);
    await file.syncData();
  }
  Deno.renameSync(part, to);
}

/** What sinkd does not know, and what stands in the way, stays on its file system: beside history. */
function moveAway(full: string, { areas, path }: Across): void {
  for (let number = 1;; number++) {
    const to = `${areas.own(path)}/kept/${number}/${path}`;
    if (lstatIfAny(to) !== undefined) continue;
    makeParents(to, 0o700);
    return Deno.renameSync(full, to);
  }
}

async function openWay(path: RelativePath, across: Across): Promise<void> {
  const { places } = across;
  for (
    let blocked = blockedAt(places.live, path);
    blocked !== undefined;
    blocked = blockedAt(places.live, path)
  ) {
    await keep(blocked, across);
    Deno.removeSync(`${places.live}/${blocked}`);
  }
  makeParents(`${places.live}/${path}`, DIRECTORY_MODE);
}

/** Removes the empty directories that a staged version lay in. */
function tidy(staged: string, { areas, path }: Across): void {
  const own = areas.own(path);
  let directory = dirname(staged);
  while (directory.startsWith(own) && removeIfEmpty(directory)) {
    directory = dirname(directory);
  }
  if (directory === dirname(own)) removeIfEmpty(directory);
}
