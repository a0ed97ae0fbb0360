import assert from "node:assert/strict";
import type { Plan, Step } from "./plan.ts";
import { shrink } from "./shrink.ts";

const step = (client: number): Step<string> => ({
  client,
  waitMs: 0,
  act: "read",
});
const plan: Plan<string> = [[step(0), step(1)], [step(2), step(0)], [step(1)]];

Deno.test("shrink() leaves the steps that it goes wrong with", async () => {
  const needs = (left: Plan<string>) =>
    left[0]?.some(({ client }) => client === 1) === true &&
    left[1]?.some(({ client }) => client === 2) === true;
  const shrunk = await shrink(plan, {
    fails: (left) => Promise.resolve(needs(left)),
    isOver: () => false,
  });
  assert.deepEqual(shrunk, [[step(1)], [step(2)], []]);
});

Deno.test("shrink() stops when its time is over", async () => {
  let tries = 0;
  const shrunk = await shrink(plan, {
    fails: () => Promise.resolve(++tries > 0),
    isOver: () => tries === 2,
  });
  assert.deepEqual(shrunk, [[step(0), step(1)], [step(2)], []]);
});
