/**
 * Mass deletions: when a deletion waits for a person.
 *
 * @module
 */

/** Paths below which a deletion is never taken for an accident. */
export const HOLD_ABOVE = 100;
/** An anchor of at least so many paths that is empty all at once is held, too. */
export const HOLD_EMPTIED = 10;

/**
 * True when `deleted` of `total` known paths at once must be approved first: more than half of an
 * anchor of over 100, or all of one of ten or more.
 *
 * @example
 * ```ts
 * import { mustHold } from "./deletions.ts";
 * import assert from "node:assert/strict";
 * assert.ok(mustHold({ deleted: 60, total: 101 }));
 * assert.ok(!mustHold({ deleted: 50, total: 101 }));
 * ```
 */
export function mustHold(counts: { deleted: number; total: number }): boolean {
  const { deleted, total } = counts;
  if (total > HOLD_ABOVE && deleted * 2 > total) return true;
  return total >= HOLD_EMPTIED && deleted >= total;
}
