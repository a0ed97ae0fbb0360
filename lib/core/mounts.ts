/**
 * File systems mounted inside an anchor, by rule: whether what a directory shows is what was synced
 * there. One that is gone, or hidden under another, is never a deletion of what was below it.
 *
 * @module
 */

/**
 * What tells a file system from another: inode and birth of the directory that is seen at the mount
 * point. Device numbers are no part of it: the same disk has another one after a boot.
 */
export interface MountIdentity {
  readonly inode: number;
  /** Milliseconds since 1970; `null` where the file system does not keep it. */
  readonly bornMs: number | null;
}

/** What is at a directory now. */
export type MountLook =
  | { readonly kind: "mounted"; readonly identity: MountIdentity }
  /** A directory on the file system of its parent. */
  | { readonly kind: "directory" }
  | { readonly kind: "absent" };

/** Why nothing is done at and below a directory for the time being. */
export type MountTrouble = "gone" | "replaced" | "hidden";

/**
 * What to make of a directory.
 * - `ordinary`: no mount, and none was known.
 * - `present`: the mount that is known.
 * - `adopt`: a mount that counts from now on.
 * - `forget`: what was on the mount lies in the directory itself now.
 * - `wait`: nothing is sent from there, put there or taken for deleted until that changes.
 */
export type MountVerdict =
  | { readonly kind: "ordinary" | "present" | "adopt" | "forget" }
  | { readonly kind: "wait"; readonly trouble: MountTrouble };

/** Of the paths on record below a directory: how many there are, and how many are still there. */
export interface Below {
  readonly known: number;
  readonly found: number;
}

/**
 * Judges one directory. `below` is asked only where the mount is not the known one; a look that
 * must not take long answers that nothing was found.
 *
 * @example
 * ```ts
 * import { judgeMount } from "./mounts.ts";
 * import assert from "node:assert/strict";
 * const known = { inode: 2, bornMs: null };
 * const verdict = judgeMount(known, { kind: "directory" }, () => ({ known: 9, found: 0 }));
 * assert.deepEqual(verdict, { kind: "wait", trouble: "gone" });
 * ```
 */
export function judgeMount(
  known: MountIdentity | undefined,
  now: MountLook,
  below: () => Below,
): MountVerdict {
  if (known === undefined) {
    if (now.kind !== "mounted") return { kind: "ordinary" };
    return isMostlyThere(below())
      ? { kind: "adopt" }
      : { kind: "wait", trouble: "hidden" };
  }
  switch (now.kind) {
    case "mounted":
      if (isSameMount(known, now.identity)) return { kind: "present" };
      return isMostlyThere(below())
        ? { kind: "adopt" }
        : { kind: "wait", trouble: "replaced" };
    case "directory": {
      const rest = below();
      return rest.known > 0 && isMostlyThere(rest)
        ? { kind: "forget" }
        : { kind: "wait", trouble: "gone" };
    }
    case "absent":
      return { kind: "wait", trouble: "gone" };
  }
}

/** True for the same file system, whatever its device number is now. */
export function isSameMount(
  left: MountIdentity,
  right: MountIdentity,
): boolean {
  if (left.inode !== right.inode) return false;
  return left.bornMs === null || right.bornMs === null ||
    left.bornMs === right.bornMs;
}

function isMostlyThere({ known, found }: Below): boolean {
  return found * 2 >= known;
}

/** What a trouble reads like after the path, and what to do. */
export function mountWords(
  trouble: MountTrouble,
  full: string,
): { readonly cause: string; readonly fix: string } {
  const approve =
    `or 'sinkd approve ${full}' to sync the directory that is there now (nothing is deleted)`;
  switch (trouble) {
    case "gone":
      return {
        cause: "the file system that was mounted there is gone",
        fix: `mount it again; ${approve}`,
      };
    case "replaced":
      return {
        cause:
          "another file system is mounted there, and most of what was there is missing",
        fix: `mount the right one; ${approve}`,
      };
    case "hidden":
      return {
        cause: "a file system is mounted over it and hides what was there",
        fix: `unmount it; ${approve}`,
      };
  }
}
