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
