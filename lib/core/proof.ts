/**
 * Proof of agreement: two records of one tree as sums over buckets of paths, so that a few kilobytes
 * tell whether they are equal, and the unequal buckets tell where they are not.
 *
 * @module
 */
import { type Entry, sameEntry } from "./entry.ts";
import type { RelativePath } from "./path.ts";

/** Into how many buckets paths fall. */
export const BUCKETS = 256;
/** Most paths of a difference that are handled and told at one time. */
export const MAX_DIFFERING = 1000;

/** A path of a record and what is there. */
export interface Recorded {
  readonly path: RelativePath;
  readonly entry: Entry;
}

/** A digest that one side computed of a file that has this size and mtime; SHA-256 in hex. */
export interface Claim {
  readonly path: RelativePath;
  readonly size: number;
  readonly mtimeMs: number;
  readonly digest: string;
}

/** The bucket of a path: FNV-1a over its UTF-16 code units. */
export function bucketOf(path: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < path.length; index++) {
    hash = Math.imul(hash ^ path.charCodeAt(index), 0x01000193);
  }
  return (hash ^ hash >>> 8 ^ hash >>> 16 ^ hash >>> 24) & (BUCKETS - 1);
}

/**
 * What a bucket sums up of a path: all that is carried. Neither path nor target has a NUL.
 *
 * @example
 * ```ts
 * import { proofText } from "./proof.ts";
 * import assert from "node:assert/strict";
 * assert.equal(proofText("a", { kind: "directory", mode: 0o755 }), "a\0d755\0");
 * ```
 */
export function proofText(path: string, entry: Entry): string {
  switch (entry.kind) {
    case "file":
      return `${path}\0f${
        entry.mode.toString(8)
      } ${entry.size} ${entry.mtimeMs}\0`;
    case "directory":
      return `${path}\0d${entry.mode.toString(8)}\0`;
    case "link":
      return `${path}\0l${entry.target}\0`;
  }
}

/** Numbers of the buckets whose sums are not equal. */
export function unequalBuckets(
  left: readonly string[],
  right: readonly string[],
): number[] {
  return [...left.keys()].filter((bucket) => left[bucket] !== right[bucket]);
}

/** Paths where two lists differ, but for what `isOut` takes out of either; at most {@linkcode MAX_DIFFERING}. */
export function differingPaths(
  here: readonly Recorded[],
  there: readonly Recorded[],
  isOut: (path: RelativePath, entry: Entry) => boolean,
): RelativePath[] {
  const left = new Map(here.map(({ path, entry }) => [path, entry]));
  const differing: RelativePath[] = [];
  for (const { path, entry } of there) {
    const ours = left.get(path);
    left.delete(path);
    const same = ours !== undefined && sameEntry(ours, entry);
    if (!same && !isOut(path, entry)) differing.push(path);
  }
  for (const [path, entry] of left) {
    if (!isOut(path, entry)) differing.push(path);
  }
  return differing.slice(0, MAX_DIFFERING);
}
