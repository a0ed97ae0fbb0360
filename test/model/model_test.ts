import assert from "node:assert/strict";
import { testInWorld } from "../support/shared_world.ts";
import { performRounds } from "./rounds.ts";

const SECONDS = 45;
const SHRINK_SECONDS = 120;

function numberFrom(variable: string): number | undefined {
  const text = Deno.env.get(variable);
  return text === undefined ? undefined : Number(text);
}

testInWorld(
  "clients show of a file, and of its conflict copies, what the model explains, at every moment and at rest",
  { clients: { alice: ["a", "b", "c"] } },
  async (world) => {
    const given = numberFrom("MODEL_SECONDS");
    const seconds = given ?? SECONDS;
    // By hand, other seeds each time.
    const other = given === undefined ? 1 : Math.floor(Date.now() / 1000);
    const firstSeed = numberFrom("MODEL_SEED") ?? other;
    const seen = await performRounds(world, {
      firstSeed,
      seconds,
      shrinkSeconds: SHRINK_SECONDS,
    });
    const { histories, observations, copies, rounds, states } = seen;
    const report =
      `${histories} histories (rounds ${firstSeed} to ${
        firstSeed + rounds - 1
      }), ${observations} observations, ` +
      `${copies} conflict copies, at most ${states} states at a time\n`;
    await Deno.stdout.write(new TextEncoder().encode(report));
    assert.ok(histories > 0 && copies > 0, report);
  },
);
