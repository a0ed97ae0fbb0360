import assert from "node:assert/strict";
import type { Course } from "./random.ts";
import { describeShrunk, shrink } from "./shrink.ts";
import { live } from "./simulate.ts";

/** Some schedule that holds. */
const SEED = 6;

/** The first and the last act of a user in a schedule. */
async function firstAndLast(): Promise<string[]> {
  const { chronicle } = await live(SEED);
  const acts = chronicle.happened.filter((name) =>
    /^a user acts \d/.test(name)
  );
  const needed = [acts.at(0) ?? "", acts.at(-1) ?? ""];
  assert.notEqual(needed[0], needed[1]);
  return needed;
}

/** As if the world failed as soon as all these take place; of its parts, only in every other order of events. */
function failingWith(needed: readonly string[]) {
  return async (seed: number, course: Course = {}) => {
    const life = await live(seed, course);
    const fails =
      needed.every((name) => life.chronicle.happened.includes(name)) &&
      (course.order === undefined || course.order % 2 === 1);
    return { ...life, error: fails ? new Error("all took place") : undefined };
  };
}

Deno.test("shrink() leaves out all that a failure does not need", async () => {
  const needed = await firstAndLast();
  const liveThrough = failingWith(needed);
  const shrunk = await shrink(SEED, { limitMs: 20_000, liveThrough });
  assert.ok(shrunk !== undefined);
  assert.deepEqual(shrunk.happenings, needed);
  assert.equal(shrunk.order, 1);
  const lines = describeShrunk(shrunk).split("\n");
  assert.equal(
    lines.at(0),
    `schedule 6, with 2 of its ${shrunk.before} acts and faults: all took place`,
  );
  assert.equal(
    lines.at(-1),
    `SIM_SEED=6 SIM_ORDER=1 SIM_ONLY='${needed.join(",")}' replays it`,
  );
});

Deno.test("shrink() gives a part of a schedule that replays exactly", async () => {
  const needed = await firstAndLast();
  const liveThrough = failingWith(needed);
  const shrunk = await shrink(SEED, { limitMs: 20_000, liveThrough });
  assert.ok(shrunk !== undefined);
  const { order, happenings, life } = shrunk;
  const again = await live(SEED, { order, only: new Set(happenings) });
  assert.deepEqual(again.trace, life.trace);
  assert.deepEqual(again.chronicle.happened, needed);
});

Deno.test("shrink() gives nothing for a schedule that holds", async () => {
  assert.equal(await shrink(SEED, { limitMs: 1000 }), undefined);
});
