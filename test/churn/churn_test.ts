import assert from "node:assert/strict";
import { Hands } from "../model/hands.ts";
import { seeded } from "../sim/random.ts";
import { quiet } from "../support/quiet.ts";
import { testInWorld } from "../support/shared_world.ts";
import { pause } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import { makeTrouble } from "./trouble.ts";
import { User } from "./user.ts";
import { Values } from "./values.ts";
import { judge } from "./verdict.ts";

const SECONDS = 60;
const QUIET_LIMIT_MS = 120_000;
const WAITS_MS: readonly (readonly [number, number])[] = [[0, 20], [10, 100], [
  50,
  600,
]];
/** Files that nobody touches, so that no deletion is of most of an anchor. */
const BALLAST = 200;
const SHOWN_LINES = 60;

function numberFrom(variable: string): number | undefined {
  const text = Deno.env.get(variable);
  return text === undefined ? undefined : Number(text);
}

testInWorld(
  "clients have equal trees and lose nothing when three users change files while everything is killed and paused",
  { clients: { alice: ["a", "b", "c"] } },
  async (world) => {
    const given = numberFrom("CHURN_SECONDS");
    const other = given === undefined ? 1 : Math.floor(Date.now() / 1000);
    const seed = numberFrom("CHURN_SEED") ?? other;
    const said = await churn(world, { seed, seconds: given ?? SECONDS });
    await Deno.stdout.write(new TextEncoder().encode(`${said}\n`));
  },
);

/** Changes files for a time and checks what is there at rest; throws with the seed and the book. */
async function churn(
  world: World,
  { seed, seconds }: { seed: number; seconds: number },
): Promise<string> {
  const fromMs = performance.now();
  const book: string[] = [];
  const note = (line: string) => {
    book.push(`${Math.round(performance.now() - fromMs)} ms: ${line}`);
  };
  const isOver = () => performance.now() - fromMs > seconds * 1000;
  const values = new Values();
  try {
    layBallast(world);
    const troubles = await act(world, { seed, values, note, isOver });
    note("all is to come to rest");
    await quiet(world, QUIET_LIMIT_MS);
    const { counts, ...wrong } = judge(world, values);
    const said = `seed ${seed}, ${seconds} s: ${counts.values} values, ` +
      `${counts.paths} paths, ${counts.copies} conflict copies, ` +
      `${counts.inHistoryOnly} in history only, ${counts.exposed} exposed, ` +
      `${troubles.kills} kills, ${troubles.pauses} pauses`;
    assert.deepEqual(
      wrong,
      { differences: [], lost: [], torn: [], unexpected: [] },
      `${said}: ${JSON.stringify(wrong, undefined, 2)}`,
    );
    return said;
  } catch (cause) {
    const tail = book.slice(-SHOWN_LINES).join("\n");
    const again = `CHURN_SEED=${seed} CHURN_SECONDS=${seconds}`;
    await Deno.writeTextFile(`${world.directory}.book`, book.join("\n"));
    throw new Error(
      `Churn went wrong; ${again} repeats it; all that was done is in ${world.directory}.book; last:\n${tail}`,
      { cause },
    );
  }
}

async function act(
  world: World,
  { seed, values, note, isOver }: {
    seed: number;
    values: Values;
    note: (line: string) => void;
    isOver: () => boolean;
  },
) {
  using hands = new Hands();
  const users = world.clients().map(async (client, index) => {
    const random = seeded(seed * 10 + index + 1);
    const user = new User({ client, hands, random, values, note });
    while (!isOver()) {
      await pause(random.between(...random.pick(WAITS_MS)));
      user.act();
    }
  });
  const random = seeded(seed * 10);
  const [troubles] = await Promise.all([
    makeTrouble(world, { random, isOver, note }),
    ...users,
  ]);
  return troubles;
}

function layBallast(world: World): void {
  const [first] = world.clients();
  if (first === undefined) throw new Error("Cannot begin: no client");
  Deno.mkdirSync(`${first.files}/ballast`);
  for (let i = 0; i < BALLAST; i++) {
    Deno.writeTextFileSync(`${first.files}/ballast/${i}`, `${i}`);
  }
}
