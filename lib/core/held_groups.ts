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
  const deepest = [...held.keys()].reduce(
    (most, path) => Math.max(most, path.split("/").length - 1),
    0,
  );
  for (let depth = deepest;; depth--) {
    const groups = groupAt(held, depth);
    if (groups.length <= MAX_GROUPS || depth <= 1) return groups;
  }
}

function groupAt(
  held: ReadonlyMap<string, number>,
  depth: number,
): HeldGroup[] {
  const groups = new Map<string, { paths: number; sinceMs: number }>();
  for (const [path, sinceMs] of held) {
    const parts = path.split("/");
    const directory = parts.slice(0, Math.min(parts.length - 1, depth)).join(
      "/",
    );
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
