import assert from "node:assert/strict";
import type { DaemonProcess } from "../support/daemon_process.ts";
import { signalIfAlive } from "../support/detached.ts";
import type { Ledger } from "../support/ledger.ts";
import { processesWith } from "../support/processes.ts";
import { itemAt } from "../support/tree_view.ts";
import { pause, waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";
import { type Random, seeded } from "../sim/random.ts";
import { testFault } from "./rig.ts";
import { problemsOf } from "../support/in_step.ts";

/** Longer by hand: SINKD_RANDOM_S=600 SINKD_SEED=7 scripts/test test/faults/random_test.ts. */
const SECONDS = Number(Deno.env.get("SINKD_RANDOM_S") ?? "10");
/** On a slow machine it takes longer until so many were killed. */
const LEAST_KILLS = 4;
const SEED = Number(Deno.env.get("SINKD_SEED") ?? Date.now() % 1_000_000);
/** How long the broker is away; a minute by hand. */
const AWAY_S = Number(Deno.env.get("SINKD_BROKER_AWAY_S") ?? "6");
const PATHS = ["one", "two", "d/one", "d/two", "e/one"];

/** Edits until told to stop: now and then a larger file, and a deletion. */
async function edit(
  ledger: Ledger,
  client: WorldClient,
  { random, stop }: { random: Random; stop: AbortSignal },
): Promise<void> {
  while (!stop.aborted) {
    const path = random.pick(PATHS);
    const there = itemAt(`${client.files}/${path}`, false) !== undefined;
    if (there && random.chance(0.2)) ledger.remove(client, path);
    else {
      for (const directory of ["d", "e"]) {
        Deno.mkdirSync(`${client.files}/${directory}`, { recursive: true });
      }
      const bytes = random.chance(0.16)
        ? random.between(2_000_000, 3_000_000)
        : random.between(0, 5000);
      ledger.write(client, path, { bytes });
    }
    await pause(random.between(50, 350));
  }
}

/** Ends a process by kill -9 and has it back after a while. */
async function die(process: DaemonProcess, awayMs: number): Promise<void> {
  await process.kill();
  await pause(awayMs);
  await process.start();
}

async function killRsyncs(world: World): Promise<void> {
  const calls = () =>
    processesWith("SINKD_TEST_WORLD", world.directory)
      .filter(({ command }) => /^\S*rsync /.test(command));
  const endMs = performance.now() + 3000;
  while (calls().length === 0 && performance.now() < endMs) await pause(5);
  for (const { pid } of calls()) signalIfAlive(pid, "SIGKILL");
}

testFault(
  "kill -9 of clients, server, broker and rsync at random moments, while both edit, loses nothing",
  { broker: "mosquitto" },
  async (world, ledger) => {
    const random = seeded(SEED);
    const [a, b] = [world.client("a"), world.client("b")];
    const { broker } = world;
    assert.ok(broker !== undefined);
    const strikes: readonly (() => Promise<void>)[] = [
      () => die(a.process, random.between(0, 1000)),
      () => die(b.process, random.between(0, 1000)),
      () => die(world.server, random.between(0, 1000)),
      async () => {
        await broker.kill();
        await pause(random.between(0, 1000));
        await broker.start();
      },
      () => killRsyncs(world),
      () =>
        Promise.all([die(a.process, 0), die(world.server, 0)]).then(() => {}),
    ];
    const over = new AbortController();
    const editors = Promise.all(
      [a, b].map((client, at) =>
        edit(ledger, client, {
          random: seeded(SEED + at + 1),
          stop: over.signal,
        })
      ),
    );
    const endMs = performance.now() + SECONDS * 1000;
    let count = 0;
    try {
      while (performance.now() < endMs || count < LEAST_KILLS) {
        await pause(random.between(0, 1500));
        await random.pick(strikes)();
        count++;
      }
    } finally {
      over.abort();
      await editors;
    }
    try {
      await ledger.settle({ limitMs: 90_000 });
    } catch (cause) {
      throw new Error(`SINKD_SEED=${SEED}, ${count} kills`, { cause });
    }
  },
);

testFault(
  "the broker is away for a while during edits: status says so, and all goes on when it is back",
  { broker: "mosquitto" },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    ledger.write(a, "both");
    ledger.write(a, "going");
    await ledger.settle();
    ledger.write(a, "on its way", { bytes: 3_000_000 });
    await world.broker?.kill();
    const endMs = performance.now() + AWAY_S * 1000;
    for (let round = 0; performance.now() < endMs; round++) {
      ledger.write(a, `of a ${round % 5}`);
      ledger.write(b, `of b ${round % 5}`);
      await pause(200);
    }
    ledger.write(a, "both");
    ledger.write(b, "both");
    ledger.remove(b, "going");
    for (const client of [a, b]) {
      const said = await waitFor(`${client.name} to be offline`, async () => {
        const { code, out } = await client.sinkd("status");
        return code === 1 && /Offline/.test(out) ? out : undefined;
      });
      assert.match(said, /out of reach|check that|refused|closed/i);
    }
    assert.ok(problemsOf(await world.serverReport()).length > 0);
    await world.broker?.start();
    await ledger.settle({ limitMs: 60_000 });
  },
);
