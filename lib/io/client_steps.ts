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
import {
  inWritableParent,
  linkIfFree,
  lstatIfAny,
  makeParents,
  removeIfEmpty,
} from "./files.ts";
import { findPath } from "./look.ts";

/** Where the steps work. Stages are relative to `root`. */
export interface StepPlaces {
  readonly root: string;
  readonly stages: { readonly files: string; readonly links: string };
  readonly copyName: (path: RelativePath) => string;
  readonly asides: Asides;
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
      if (step.do === "put") {
        const inode = lstatIfAny(stagedAt(step, places))?.ino;
        if (inode !== undefined && inode !== null) {
          placed.set(step.path, inode);
        }
      }
      const copy = applyStep(step, places);
      if (copy !== undefined) copies.push(copy);
    } catch (error) {
      left.push({ path: step.path, reason: reasonOf(error) });
    }
  }
  return { left, copies, placed };
}

/** Gives the conflict copy that was made, if any. */
function applyStep(step: ClientStep, places: StepPlaces): string | undefined {
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
    case "put":
      return put(step, { full, places });
    case "mode":
      if (look.kind === "found" && look.found.entry.kind !== "link") {
        Deno.chmodSync(full, step.mode);
      }
      return undefined;
  }
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

function stagedAt(step: Put, { root, stages }: StepPlaces): string {
  const stage = step.entry.kind === "link" ? stages.links : stages.files;
  return `${root}/${stage}/${step.path}`;
}

function put(
  step: Put,
  { full, places }: Pick<At, "full" | "places">,
): string | undefined {
  const { root } = places;
  const staged = stagedAt(step, places);
  const look = findPath(root, step.path);
  if (lstatIfAny(staged) === undefined) return putBefore(step, look);
  if (isSameFile(staged, full)) {
    // It was put here before a crash, and maybe edited since.
    inWritableParent(staged, () => Deno.removeSync(staged));
    return undefined;
  }
  if (step.entry.kind === "file") Deno.chmodSync(staged, step.entry.mode);
  openWay(root, step.path);
  return inWritableParent(full, () => {
    if (look.kind === "absent") {
      if (linkIfFree(staged, full)) {
        Deno.removeSync(staged);
        return undefined;
      }
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
  { full, staged, places }: {
    full: string;
    staged: string;
    places: StepPlaces;
  },
): string {
  let copy = step.copy ?? places.copyName(step.path);
  if (lstatIfAny(full)?.isDirectory === true) {
    copy = renameBeside(step.path, copy, places);
    // Not a rename: somebody may have made something there this very moment.
    if (!linkIfFree(staged, full)) {
      throw new Error("something new has just come there; it goes again");
    }
    Deno.removeSync(staged);
    return copy;
  }
  copy = step.copy ?? copyMadeBefore(step.path, full, places.root) ?? copy;
  while (!linkIfFree(full, `${places.root}/${copy}`)) {
    // A crash may have come just after the copy was made.
    if (isSameFile(full, `${places.root}/${copy}`)) break;
    copy = places.copyName(step.path);
  }
  Deno.renameSync(staged, full);
  return copy;
}

/** Replaces what the plan saw; it stays aside for a while. */
function putOver(
  step: Put,
  { full, staged, places }: {
    full: string;
    staged: string;
    places: StepPlaces;
  },
): string | undefined {
  if (step.saw === undefined) {
    throw new Error("nothing was planned to be replaced");
  }
  const aside = places.asides.place(step.path, step.saw);
  Deno.linkSync(full, aside);
  try {
    Deno.renameSync(staged, full);
  } catch (error) {
    Deno.removeSync(aside); // what it names still has its own name
    throw error;
  }
  return places.asides.keep(step.path, aside, step.saw);
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

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
