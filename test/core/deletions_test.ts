import assert from "node:assert/strict";
import { mustHold } from "../../lib/core/deletions.ts";

const COUNTS: [number, number, boolean][] = [
  [0, 0, false],
  [9, 9, false],
  [10, 10, true],
  [9, 10, false],
  [99, 100, false],
  [100, 100, true],
  [50, 101, false],
  [51, 101, true],
  [5_000, 10_000, false],
  [5_001, 10_000, true],
];
for (const [deleted, total, expected] of COUNTS) {
  Deno.test(`mustHold() is ${expected} when ${deleted} of ${total} are deleted`, () => {
    assert.equal(mustHold({ deleted, total }), expected);
  });
}

const WITH_NEWCOMERS: [number, number, number, boolean][] = [
  [800, 1032, 800, false],
  [800, 1032, 799, false],
  [917, 1032, 800, true], // 117 of 232 old ones
  [916, 1032, 800, false],
  [1032, 1032, 800, true], // nothing is left
  [1032, 1032, 1032, true],
  [889, 890, 800, false], // fewer than 100 old ones are never taken for an accident
];
for (const [deleted, total, newcomers, expected] of WITH_NEWCOMERS) {
  Deno.test(`mustHold() is ${expected} when ${deleted} of ${total} are deleted, ${newcomers} of them newcomers`, () => {
    assert.equal(mustHold({ deleted, total, newcomers }), expected);
  });
}
