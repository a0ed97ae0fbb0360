/**
 * The steps of a client's commit on real files. Every step looks again before it acts: what is not
 * as the plan saw it is an edit of the last instant and is kept.
 *
 * @module
 */
import type { ClientStep } from "../core/client_commit.ts";
import { type Found, sameEntry, sameFound } from "../core/entry.ts";
import { ancestorsOf, type RelativePath } from "../core/path.ts";
import type { ClientCommitResult, LeftPath, Look } from "../ports.ts";
import type { Asides } from "./asides.ts";
import { copyMadeBefore } from "./copy_made.ts";
import { type FileAreas, isCrossDevice } from "./file_areas.ts";
import {
  inWritableParent,
  isLinkRefused,
  linkIfFree,
  lstatIfAny,
  makeParents,
  moveIfFree,
  removeIfEmpty,
} from "./files.ts";
import { findPath } from "./look.ts";
import { dressStaged, setMode } from "./modes.ts";
import { broughtPlace, type Stages } from "./staged.ts";
import { stepFault } from "./step_faults.ts";

/** Where the steps work. */
export interface StepPlaces {
  readonly root: string;
  readonly stages: Stages;
  readonly copyName: (path: RelativePath) => string;
  readonly asides: Asides;
  readonly areas: FileAreas;
  /** Throws when nothing may be done at a path: the file system that it was on is gone. */
  readonly assertThere?: (path: RelativePath) => void;
}

type Put = Extract<ClientStep, { do: "put" }>;

/** Carries out all steps; one that fails leaves its path as it is, with the reason. */
export function applySteps(
  steps: readonly ClientStep[],
  places: StepPlaces,
): ClientCommitResult {
  const left: LeftPath[] = [];
  const copies: string[] = [];
  const placed = new Map<RelativePath, number>();
  for (const step of steps) {
    try {
      const copy = applyWhereItIs(step, places, placed);
      if (copy !== undefined) copies.push(copy);
    } catch (error) {
      left.push({ path: step.path, ...stepFault(error) });
    }
  }
  return { left, copies, placed };
}

/** A step that failed because its path is on another file system is repeated from a place on that one. */
function applyWhereItIs(
  step: ClientStep,
  places: StepPlaces,
  placed: Map<RelativePath, number>,
): string | undefined {
  places.assertThere?.(step.path);
  try {
    return applyStep(step, places, placed);
  } catch (error) {
    if (!isCrossDevice(error) || !places.areas.learn(step.path)) throw error;
    return applyStep(step, places, placed);
  }
}

/** Gives the conflict copy that was made, if any. */
function applyStep(
  step: ClientStep,
  places: StepPlaces,
  placed: Map<RelativePath, number>,
): string | undefined {
  const { root } = places;
  const full = `${root}/${step.path}`;
  const look = findPath(root, step.path);
  switch (step.do) {
    case "remove":
      return remove(step, { look, full, places });
    case "removeDirectory":
      return removeDirectory(step, { look, full, places });
    case "moveAside": {
      if (look.kind === "absent" || isDirectory(look)) return undefined;
      return renameBeside(step.path, step.copy, places);
    }
    case "makeDirectory":
      if (isDirectory(look)) return undefined;
      openWay(root, step.path);
      inWritableParent(full, () => Deno.mkdirSync(full, { mode: 0o700 }));
      return undefined;
    case "put": {
      const item = { path: step.path, kind: step.entry.kind };
      const staged = broughtPlace(item, places);
      const inode = lstatIfAny(staged)?.ino;
      if (inode !== undefined && inode !== null) placed.set(step.path, inode);
      return put(step, { full, staged, places });
    }
    case "mode":
      if (look.kind === "found" && look.found.entry.kind !== "link") {
        setMode(full, step.mode);
      }
      return undefined;
  }
}

/** A staged version, where it is to go, and all the places. */
interface Placing {
  readonly full: string;
  readonly staged: string;
  readonly places: StepPlaces;
}

interface At {
  readonly look: Look;
  readonly full: string;
  readonly places: StepPlaces;
}

function remove(
  step: Extract<ClientStep, { do: "remove" }>,
  { look, full, places }: At,
): string | undefined {
  if (look.kind !== "found" || !sameFound(look.found, step.saw)) {
    return undefined;
  }
  const aside = places.asides.place(step.path, step.saw);
  inWritableParent(full, () => Deno.renameSync(full, aside));
  return places.asides.keep(step.path, aside, step.saw);
}

function removeDirectory(
  step: Extract<ClientStep, { do: "removeDirectory" }>,
  { look, full, places }: At,
): string | undefined {
  if (!isDirectory(look)) return undefined;
  if (inWritableParent(full, () => removeIfEmpty(full))) return undefined;
  if (step.copy === undefined) return undefined;
  return renameBeside(step.path, step.copy, places);
}

/** Renames what is at `path` to the planned conflict name, or to another when that was taken meanwhile. */
function renameBeside(
  path: RelativePath,
  planned: string,
  { root, copyName }: StepPlaces,
): string {
  const taken = lstatIfAny(`${root}/${planned}`) !== undefined;
  const copy = taken ? copyName(path) : planned;
  inWritableParent(
    `${root}/${path}`,
    () => Deno.renameSync(`${root}/${path}`, `${root}/${copy}`),
  );
  return copy;
}

function put(
  step: Put,
  { full, staged, places }: Placing,
): string | undefined {
  const { root } = places;
  const look = findPath(root, step.path);
  if (lstatIfAny(staged) === undefined) return putBefore(step, look);
  if (isSameFile(staged, full)) {
    // It was put here before a crash, and maybe edited since.
    inWritableParent(staged, () => Deno.removeSync(staged));
    return undefined;
  }
  openWay(root, step.path);
  if (step.entry.kind === "file") dressStaged(staged, full, step.entry.mode);
  return inWritableParent(full, () => {
    if (look.kind === "absent") {
      if (moveIfFree(staged, full)) return undefined;
      return putBeside(step, { full, staged, places });
    }
    if (look.kind !== "found") {
      throw new Error(`what is there ${look.cause}`);
    }
    // A difference was found by bytes: size and time may be the same.
    const byBytes = step.copy !== undefined || step.renew === true;
    if (!byBytes && sameEntry(look.found.entry, step.entry)) {
      Deno.removeSync(staged);
      return undefined;
    }
    const expected = isAsSeen(step, look.found, places.asides);
    if (!expected || step.copy !== undefined) {
      return putBeside(step, { full, staged, places });
    }
    return putOver(step, { full, staged, places });
  });
}

/** True when what is there is what the plan saw, also when a crash came halfway through this step. */
function isAsSeen(
  { path, saw }: Put,
  found: Found,
  asides: Asides,
): boolean {
  if (saw === undefined) return false;
  return sameFound(found, saw) ||
    asides.wasLinked(path, found.inode) && found.inode === saw.inode &&
      sameEntry(found.entry, saw.entry);
}

/** The staged version is gone: either this step was done before a crash, or it cannot be done. */
function putBefore(step: Put, look: Look): undefined {
  if (look.kind === "found" && sameEntry(look.found.entry, step.entry)) return;
  throw new Error("its staged version is gone; it is fetched again");
}

/** Keeps what is there under a conflict name, and puts the staged version in its place. */
function putBeside(
  step: Put,
  { full, staged, places }: Placing,
): string {
  let copy = step.copy ?? places.copyName(step.path);
  if (lstatIfAny(full)?.isDirectory === true) {
    copy = renameBeside(step.path, copy, places);
    return putIntoGap(staged, full, copy);
  }
  copy = copyMadeBefore(step.path, full, places.root) ?? copy;
  try {
    while (!linkIfFree(full, `${places.root}/${copy}`)) {
      // A crash may have come just after the copy was made.
      if (isSameFile(full, `${places.root}/${copy}`)) break;
      copy = places.copyName(step.path);
    }
  } catch (error) {
    if (!isLinkRefused(error)) throw error;
    while (!moveIfFree(full, `${places.root}/${copy}`)) {
      copy = places.copyName(step.path);
    }
    return putIntoGap(staged, full, copy);
  }
  Deno.renameSync(staged, full);
  return copy;
}

/** Not a rename: somebody may have made something there this very moment. */
function putIntoGap(staged: string, full: string, copy: string): string {
  if (moveIfFree(staged, full)) return copy;
  throw new Error("something new has just come there; it goes again");
}

/** Replaces what the plan saw; it stays aside for a while. */
function putOver(
  step: Put,
  { full, staged, places }: Placing,
): string | undefined {
  if (step.saw === undefined) {
    throw new Error("nothing was planned to be replaced");
  }
  const aside = places.asides.place(step.path, step.saw);
  try {
    Deno.linkSync(full, aside);
  } catch (error) {
    if (!isLinkRefused(error)) throw error;
    return putInStead(step, step.saw, { full, staged, places, aside });
  }
  try {
    Deno.renameSync(staged, full);
  } catch (error) {
    Deno.removeSync(aside); // what it names still has its own name
    throw error;
  }
  return places.asides.keep(step.path, aside, step.saw);
}

/**
 * The same where the old version can have no second name: FAT has none, and the kernel allows none of
 * another's file (`fs.protected_hardlinks`), though whoever may write to the directory may rename it.
 * So it moves aside and, for some microseconds, nothing is at the path. Whatever was written to it up
 * to then is aside with it and looked at there; what somebody makes in the gap is not replaced but
 * becomes the conflict copy. When the new version cannot go in, the old one comes back.
 */
function putInStead(
  step: Put,
  saw: Found,
  { full, staged, places, aside }: Placing & { aside: string },
): string | undefined {
  Deno.renameSync(full, aside);
  let copy: string | undefined;
  try {
    if (!moveIfFree(staged, full)) {
      copy = putBeside(step, { full, staged, places });
    }
  } catch (error) {
    if (!moveIfFree(aside, full)) places.asides.keep(step.path, aside, saw);
    throw error;
  }
  return places.asides.keep(step.path, aside, saw) ?? copy;
}

/** Makes what is missing above a path; refuses to go through anything but directories. */
function openWay(root: string, path: RelativePath): void {
  for (const above of ancestorsOf(path)) {
    const info = lstatIfAny(`${root}/${above}`);
    if (info !== undefined && !info.isDirectory) {
      throw new Error(`'${above}' is not a directory`);
    }
  }
  makeParents(`${root}/${path}`, 0o755);
}

function isSameFile(left: string, right: string): boolean {
  const [one, other] = [lstatIfAny(left), lstatIfAny(right)];
  return one !== undefined && one.ino === other?.ino && one.dev === other?.dev;
}

function isDirectory(look: Look): boolean {
  return look.kind === "found" && look.found.entry.kind === "directory";
}
