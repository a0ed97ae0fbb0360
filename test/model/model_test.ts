import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import type { World } from "../support/world.ts";
import { FILES } from "./files.ts";
import type { Kind } from "./perform.ts";
import { performRounds } from "./rounds.ts";
import { TREES } from "./trees.ts";

const SECONDS = 25;
const SHRINK_SECONDS = 90;

const { test } = shareWorld({ clients: { alice: ["a", "b", "c"] } });

function numberFrom(variable: string): number | undefined {
  const text = Deno.env.get(variable);
  return text === undefined ? undefined : Number(text);
}

test("clients show of a file, and of its conflict copies, what the model explains, at every moment and at rest", (world) =>
  explainAll(world, FILES));

test("clients show of paths in each other, and of their conflict copies, what the model explains, at every moment and at rest", (world) =>
  explainAll(world, TREES));

async function explainAll<Act, Observation, State>(
  world: World,
  kind: Kind<Act, Observation, State>,
): Promise<void> {
  const seconds = numberFrom("MODEL_SECONDS");
  // By hand, other seeds each time.
  const other = seconds === undefined ? 1 : Math.floor(Date.now() / 1000);
  const firstSeed = numberFrom("MODEL_SEED") ?? other;
  const seen = await performRounds(world, kind, {
    firstSeed,
    seconds: seconds ?? SECONDS,
    shrinkSeconds: SHRINK_SECONDS,
  });
  const { histories, observations, spoiled, rounds, states } = seen;
  const report =
    `${histories} histories (rounds ${firstSeed} to ${
      firstSeed + rounds - 1
    }), ${observations} observations, ` +
    `at most ${states} states at a time, ${spoiled} not followed\n`;
  await Deno.stdout.write(new TextEncoder().encode(report));
  assert.ok(histories > spoiled, report);
}
