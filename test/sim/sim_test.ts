import assert from "node:assert/strict";
import { simulate } from "./simulate.ts";

/** Schedules that always run, and the time that further ones may take. */
const LEAST_RUNS = 300;
const TIME_MS = 15_000;

function numberFrom(variable: string): number | undefined {
  const text = Deno.env.get(variable);
  return text === undefined ? undefined : Number(text);
}

Deno.test("simulation of two clients keeps every edit", async () => {
  const only = numberFrom("SIM_SEED");
  if (only !== undefined) {
    await simulate(only);
    return;
  }
  const runs = numberFrom("SIM_RUNS");
  const endMs = performance.now() + TIME_MS;
  let seed = 1;
  for (; seed <= (runs ?? LEAST_RUNS); seed++) await simulate(seed);
  while (runs === undefined && performance.now() < endMs) {
    await simulate(seed++);
  }
});

Deno.test("simulation replays a seed exactly", async () => {
  for (let seed = 1; seed <= 14; seed++) {
    assert.deepEqual(await simulate(seed), await simulate(seed));
  }
});

Deno.test("simulation runs alike on records in memory and in SQLite", async () => {
  for (let seed = 1; seed <= 28; seed++) {
    assert.deepEqual(
      await simulate(seed, "memory"),
      await simulate(seed, "sqlite"),
    );
  }
});
