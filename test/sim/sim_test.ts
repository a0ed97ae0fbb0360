/**
 * The simulation: SIM_SEED=7 lives through one schedule again (SIM_ONLY and SIM_ORDER through a part
 * of it, as the message of a failure says), SIM_RUNS=100 through fewer than CI does, SIM_COUNTS=1
 * tells how often each fault happened, SIM_LINES=1 shows the messages of turns in the trace.
 */
import assert from "node:assert/strict";
import { countsText, unseen } from "./coverage.ts";
import { runMany } from "./many.ts";
import { simulate } from "./simulate.ts";

/** Schedules of a run in CI. */
const RUNS = 20_000;

function numberFrom(variable: string): number | undefined {
  const text = Deno.env.get(variable);
  return text === undefined ? undefined : Number(text);
}

Deno.test("simulation keeps every edit, schedule by schedule", async () => {
  const only = numberFrom("SIM_SEED");
  if (only !== undefined) {
    const happenings = Deno.env.get("SIM_ONLY");
    await simulate(only, {
      order: numberFrom("SIM_ORDER") ?? 0,
      ...(happenings === undefined
        ? {}
        : { only: new Set(happenings.split(",")) }),
    });
    return;
  }
  const count = numberFrom("SIM_RUNS") ?? RUNS;
  const { runs, failure, counts } = await runMany({ first: 1, count });
  if (failure !== undefined) throw new Error(failure.says);
  assert.equal(runs, count);
  if (Deno.env.get("SIM_COUNTS") !== undefined) {
    Deno.stdout.writeSync(new TextEncoder().encode(`\n${countsText(counts)}`));
  }
  if (count >= RUNS) {
    assert.deepEqual(unseen(counts), [], "faults that never happened");
  }
});

Deno.test("simulation replays a seed exactly", async () => {
  for (let seed = 1; seed <= 14; seed++) {
    const [one, other] = [await simulate(seed), await simulate(seed)];
    assert.deepEqual(one.trace, other.trace);
  }
});

Deno.test("simulation runs alike on records in memory and in SQLite", async () => {
  for (let seed = 1; seed <= 28; seed++) {
    const memory = await simulate(seed, { stores: "memory" });
    const sqlite = await simulate(seed, { stores: "sqlite" });
    assert.deepEqual(memory.trace, sqlite.trace);
  }
});
