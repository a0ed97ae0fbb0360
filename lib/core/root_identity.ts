/**
 * Whether an anchor's directory is the one that its record is of.
 *
 * A disk that is mounted again may have another device number: after a reboot, over a network, from a
 * snapshot. The directory's inode and those of the files in it tell that it is the same one all the
 * same. A snapshot that was restored has them too, but lacks what came after it; that is no deletion.
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
  /** Paths of the record that are gone from directories which have not changed since they came. */
  readonly undone: number;
}

/**
 * - `same`: the record is of it.
 * - `another`: it joins as at first.
 * - `wrong`: most of what was there is missing; it waits for a person.
 */
export type RootVerdict = "same" | "another" | "wrong";

/**
 * Judges a directory; `evidence` is asked for when the numbers alone do not tell.
 *
 * @example
 * ```ts
 * import { judgeRoot } from "./root_identity.ts";
 * import assert from "node:assert/strict";
 * const evidence = { scanned: 9, recorded: 10, marked: 10, same: 9, undone: 0 };
 * const known = { device: 1, inode: 5 };
 * assert.equal(judgeRoot(known, { device: 2, inode: 5 }, () => evidence), "same");
 * assert.equal(judgeRoot(known, { device: 1, inode: 6 }, () => evidence), "another");
 * ```
 */
export function judgeRoot(
  known: RootIdentity | undefined,
  now: RootIdentity,
  evidence: () => RootEvidence,
): RootVerdict {
  if (known === undefined) return "another";
  if (known.inode === now.inode && known.device === now.device) return "same";
  const { scanned, recorded, marked, same, undone } = evidence();
  const isMountedAgain = known.inode === now.inode && undone === 0 &&
    same * 2 > marked;
  if (isMountedAgain) return "same";
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
    if (now === undefined) {
      if (isUndone(path, { scanned, recorded, rootCtimeS })) undone++;
    }
    if (known.inode === 0) continue;
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
  { scanned, recorded, rootCtimeS }: {
    scanned: ReadonlyMap<RelativePath, Found>;
    recorded: ReadonlyMap<RelativePath, Found>;
    rootCtimeS: number;
  },
): boolean {
  const parent = parentOf(path);
  const known = recorded.get(path);
  if (known === undefined || known.inode === 0) return false;
  if (parent === undefined) return rootCtimeS < known.ctimeS;
  const directory = scanned.get(parent);
  // One that is gone itself is judged as itself.
  return directory !== undefined && directory.ctimeS < known.ctimeS;
}
