/**
 * What is held, by directory: few lines that a person can judge.
 *
 * @module
 */

/** A directory with the number of held paths in it, and since when the first of them is. */
export interface HeldGroup {
  /** Relative to the anchor; empty for the anchor itself. */
  readonly directory: string;
  readonly paths: number;
  readonly sinceMs: number;
}

/** Most groups; finer ones are put together. */
const MAX_GROUPS = 12;

/**
 * Held paths by directory, the largest first; as deep as few lines can tell. `sinceMs` of each path
 * is when it was found to be gone.
 *
 * @example
 * ```ts
 * import { groupHeld } from "./held_groups.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(
 *   groupHeld(new Map([["a/b/1", 5], ["a/b/2", 4], ["c", 6]])),
 *   [{ directory: "a/b", paths: 2, sinceMs: 4 }, { directory: "", paths: 1, sinceMs: 6 }],
 * );
 * ```
 */
export function groupHeld(held: ReadonlyMap<string, number>): HeldGroup[] {
  // A directory that is gone itself counts among what was in it.
  const directories = new Set([...held.keys()].map(parentOf));
  const places = [...held].map(([path, sinceMs]) => ({
    parts: partsOf(directories.has(path) ? path : parentOf(path)),
    sinceMs,
  }));
  const deepest = places.reduce(
    (most, { parts }) => Math.max(most, parts.length),
    0,
  );
  for (let depth = deepest;; depth--) {
    const groups = groupAt(places, depth);
    if (groups.length <= MAX_GROUPS || depth === 0) return groups;
  }
}

interface Place {
  readonly parts: readonly string[];
  readonly sinceMs: number;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

function partsOf(directory: string): string[] {
  return directory === "" ? [] : directory.split("/");
}

function groupAt(places: readonly Place[], depth: number): HeldGroup[] {
  const groups = new Map<string, { paths: number; sinceMs: number }>();
  for (const { parts, sinceMs } of places) {
    const directory = parts.slice(0, depth).join("/");
    const known = groups.get(directory);
    groups.set(directory, {
      paths: (known?.paths ?? 0) + 1,
      sinceMs: Math.min(known?.sinceMs ?? sinceMs, sinceMs),
    });
  }
  return [...groups]
    .map(([directory, group]) => ({ directory, ...group }))
    .sort((left, right) => right.paths - left.paths);
}
