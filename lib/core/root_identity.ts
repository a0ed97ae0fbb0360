/**
 * Whether an anchor's directory is the one that its record is of.
 *
 * A disk that is mounted again may have another device number: after a reboot, over a network. The
 * directory's inode and those of the files in it tell that it is the same one all the same. A snapshot
 * that was restored has them too, under the same device number or another one, but lacks what came
 * after it; that is no deletion, and what is older there is no edit.
 *
 * @module
 */
import type { Found } from "./entry.ts";
import { parentOf, type RelativePath } from "./path.ts";

/** A directory: another device or inode means another directory, unless its files say otherwise. */
export interface RootIdentity {
  readonly device: number;
  readonly inode: number;
}

/** What a scan of a directory and the record of one have in common. */
export interface RootEvidence {
  /** Paths in the scan, and in the record. */
  readonly scanned: number;
  readonly recorded: number;
  /** Paths of the record that had an inode and change time, and those that have the same now. */
  readonly marked: number;
  readonly same: number;
  /**
   * Paths of the record that are gone from directories which have not changed since they came, or
   * that were last changed before what the record has of them.
   */
  readonly undone: number;
}

/**
 * - `same`: the record is of it.
 * - `another`: it joins as at first.
 * - `wrong`: most of what was there is missing; it waits for a person.
 */
export type RootVerdict = "same" | "another" | "wrong";

/**
 * Judges a directory. `isWatched`: a scan has already seen this one, and it was there all the time
 * since; then the numbers alone tell, else `evidence` is asked for.
 *
 * @example
 * ```ts
 * import { judgeRoot } from "./root_identity.ts";
 * import assert from "node:assert/strict";
 * const evidence = { scanned: 9, recorded: 10, marked: 10, same: 9, undone: 0 };
 * const known = { device: 1, inode: 5 };
 * assert.equal(judgeRoot(known, { device: 2, inode: 5 }, false, () => evidence), "same");
 * assert.equal(judgeRoot(known, { device: 1, inode: 6 }, false, () => evidence), "another");
 * ```
 */
export function judgeRoot(
  known: RootIdentity | undefined,
  now: RootIdentity,
  isWatched: boolean,
  evidence: () => RootEvidence,
): RootVerdict {
  if (known === undefined) return "another";
  const isSameDevice = known.device === now.device;
  if (known.inode === now.inode && isSameDevice && isWatched) return "same";
  const { scanned, recorded, marked, same, undone } = evidence();
  if (
    known.inode === now.inode && undone === 0 &&
    (isSameDevice || same * 2 > marked)
  ) return "same";
  return scanned * 2 >= recorded ? "another" : "wrong";
}

/** Compares a scan of everything with the record; `rootCtimeS` is the change time of the directory itself. */
export function rootEvidence(
  scanned: ReadonlyMap<RelativePath, Found>,
  recorded: ReadonlyMap<RelativePath, Found>,
  rootCtimeS: number,
): RootEvidence {
  let [marked, same, undone] = [0, 0, 0];
  for (const [path, known] of recorded) {
    const now = scanned.get(path);
    if (known.inode === 0) continue;
    if (
      now === undefined
        ? isUndone(path, known, scanned, rootCtimeS)
        : now.inode === known.inode && now.ctimeS < known.ctimeS
    ) undone++;
    marked++;
    if (now !== undefined && isSameFile(now, known)) same++;
  }
  return {
    scanned: scanned.size,
    recorded: recorded.size,
    marked,
    same,
    undone,
  };
}

function isSameFile(now: Found, known: Found): boolean {
  return now.entry.kind === known.entry.kind && now.inode === known.inode &&
    // A directory's change time tells of what was made and deleted in it.
    (now.entry.kind === "directory" || now.ctimeS === known.ctimeS);
}

/** True when a path went without a trace: whoever deletes it changes the directory that it was in. */
function isUndone(
  path: RelativePath,
  known: Found,
  scanned: ReadonlyMap<RelativePath, Found>,
  rootCtimeS: number,
): boolean {
  const parent = parentOf(path);
  if (parent === undefined) return rootCtimeS < known.ctimeS;
  const directory = scanned.get(parent);
  // One that is gone itself is judged as itself.
  return directory !== undefined && directory.ctimeS < known.ctimeS;
}
