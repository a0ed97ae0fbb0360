/**
 * Mass deletions: when a deletion waits for a person.
 *
 * @module
 */

/** Paths below which a deletion is never taken for an accident. */
export const HOLD_ABOVE = 100;
/** An anchor of at least so many paths that is empty all at once is held, too. */
export const HOLD_EMPTIED = 10;

/** How many paths are gone at once, and of how many. */
export interface Deletions {
  readonly deleted: number;
  /** All known paths, with those that are gone. */
  readonly total: number;
  /** How many of the deleted are newcomers: this machine itself made them within the last hour. */
  readonly newcomers?: number;
}

/**
 * True when `deleted` of `total` known paths at once must be approved first: more than half of an
 * anchor of over 100, newcomers left out of both; or all of one of ten or more, whoever made them.
 *
 * @example
 * ```ts
 * import { mustHold } from "./deletions.ts";
 * import assert from "node:assert/strict";
 * assert.ok(mustHold({ deleted: 60, total: 101 }));
 * assert.ok(!mustHold({ deleted: 50, total: 101 }));
 * assert.ok(!mustHold({ deleted: 800, total: 1032, newcomers: 800 }));
 * ```
 */
export function mustHold(
  { deleted, total, newcomers = 0 }: Deletions,
): boolean {
  const [lost, known] = [deleted - newcomers, total - newcomers];
  if (known > HOLD_ABOVE && lost * 2 > known) return true;
  return total >= HOLD_EMPTIED && deleted >= total;
}

/**
 * True when `deleted` of `total` known paths that somebody deleted elsewhere must be approved here
 * before they are deleted here, too: more than half of an anchor of over 100.
 *
 * @example
 * ```ts
 * import { mustHoldIncoming } from "./deletions.ts";
 * import assert from "node:assert/strict";
 * assert.ok(mustHoldIncoming({ deleted: 60, total: 101 }));
 * assert.ok(!mustHoldIncoming({ deleted: 20, total: 20 }));
 * ```
 */
export function mustHoldIncoming({ deleted, total }: Deletions): boolean {
  return total > HOLD_ABOVE && deleted * 2 > total;
}
