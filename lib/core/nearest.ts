/**
 * The word that a mistyped one was meant to be.
 *
 * @module
 */

/**
 * The candidate with the fewest edits from `word`, or `undefined` when none is close.
 *
 * @example
 * ```ts
 * import { nearest } from "./nearest.ts";
 * import assert from "node:assert/strict";
 * assert.equal(nearest("exclude", ["excludes", "path"]), "excludes");
 * assert.equal(nearest("colour", ["excludes", "path"]), undefined);
 * ```
 */
export function nearest(
  word: string,
  candidates: readonly string[],
): string | undefined {
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let bestEdits = 1 + Math.max(1, Math.floor(word.length / 3));
  for (const candidate of candidates) {
    const edits = editsBetween(word.toLowerCase(), candidate);
    if (edits < bestEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** Levenshtein distance. */
function editsBetween(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let at = 1; at <= left.length; at++) {
    const next = [at];
    for (let to = 1; to <= right.length; to++) {
      next.push(Math.min(
        (row[to] ?? 0) + 1,
        (next[to - 1] ?? 0) + 1,
        (row[to - 1] ?? 0) + (left[at - 1] === right[to - 1] ? 0 : 1),
      ));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
