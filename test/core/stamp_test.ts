import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compareStamps,
  MAX_CYCLE,
  MAX_DATE,
  nextStamp,
  type Stamp,
  stampFromNumber,
  stampNumber,
  stampSchema,
  stampText,
  utcDate,
  utcText,
  ZERO_STAMP,
} from "../../lib/core/stamp.ts";

const stamp: fc.Arbitrary<Stamp> = fc.record({
  date: fc.integer({ min: 0, max: MAX_DATE }),
  cycle: fc.integer({ min: 0, max: MAX_CYCLE - 1 }),
}, { noNullPrototype: true });

const NEXT: [string, Stamp, number, Stamp][] = [
  ["the tree is new", ZERO_STAMP, 20260102, { date: 20260102, cycle: 0 }],
  ["the day goes on", { date: 20260102, cycle: 4 }, 20260102, {
    date: 20260102,
    cycle: 5,
  }],
  ["a day begins", { date: 20260102, cycle: 4 }, 20260103, {
    date: 20260103,
    cycle: 0,
  }],
  ["the clock went back", { date: 20260102, cycle: 4 }, 20251231, {
    date: 20260102,
    cycle: 5,
  }],
  ["a year begins", { date: 20261231, cycle: 9 }, 20270101, {
    date: 20270101,
    cycle: 0,
  }],
];
for (const [what, head, today, expected] of NEXT) {
  Deno.test(`nextStamp() is right when ${what}`, () => {
    assert.deepEqual(nextStamp(head, today), expected);
  });
}

Deno.test("nextStamp() always rises, whatever the clock does", () => {
  fc.assert(fc.property(
    stamp,
    fc.integer({ min: 0, max: MAX_DATE }),
    (head, today) => {
      const next = nextStamp(head, today);
      assert.ok(compareStamps(next, head) > 0);
      assert.ok(next.date >= head.date);
      assert.ok(stampSchema.safeParse(next).success);
    },
  ));
});

Deno.test("stampNumber() keeps the order, exactly, and comes back", () => {
  fc.assert(fc.property(stamp, stamp, (left, right) => {
    const [one, other] = [stampNumber(left), stampNumber(right)];
    assert.ok(Number.isSafeInteger(one));
    assert.equal(Math.sign(one - other), Math.sign(compareStamps(left, right)));
    assert.deepEqual(stampFromNumber(one), left);
  }));
});

Deno.test("utcDate() and utcText() tell the day in UTC, not here", () => {
  assert.equal(utcDate(Date.UTC(2026, 0, 1, 23, 59, 59, 999)), 20260101);
  assert.equal(utcDate(Date.UTC(2026, 0, 2)), 20260102);
  assert.equal(utcText(Date.UTC(2026, 0, 2, 3, 4, 5, 678)), "20260102030405");
  assert.equal(stampText({ date: 20260102, cycle: 17 }), "20260102.17");
});

Deno.test("stampSchema refuses what would not keep its order as a number", () => {
  for (
    const bad of [
      { date: MAX_DATE + 1, cycle: 0 },
      { date: 0, cycle: MAX_CYCLE + 1 },
      { date: -1, cycle: 0 },
      { date: 1, cycle: 0.5 },
      { date: 1 },
    ]
  ) assert.ok(!stampSchema.safeParse(bad).success);
});
