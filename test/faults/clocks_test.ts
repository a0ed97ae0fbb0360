import assert from "node:assert/strict";
import { CLOCK_NEEDS, FakeClock } from "../support/fake_clock.ts";
import { assertGuarantees, copiesOf, Ledger } from "../support/guarantees.ts";
import { lacking } from "../support/needs.ts";
import { testInWorld } from "../support/shared_world.ts";
import { itemAt } from "../support/tree_view.ts";
import { pause, waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const SECOND_MS = 1000;
const DAY_MS = 24 * 60 * 60 * SECOND_MS;

type Run = (world: World, clock: FakeClock) => Promise<void>;

const test = lacking((name: string, run: Run) => {
  testInWorld(
    name,
    { clients: { alice: ["a", "b"] } },
    (world) => run(world, new FakeClock(`${world.directory}/clock`)),
  );
}, CLOCK_NEEDS);

/** Starts these with the clock. */
async function giveClock(
  clock: FakeClock,
  ...all: readonly { process: World["server"] }[]
): Promise<void> {
  await Promise.all(all.map(({ process }) => clock.restart(process)));
}

/** Writes as a program whose machine has this clock: the file's time is of it, too. */
function writeAt(
  clock: FakeClock,
  ledger: Ledger,
  edit: { client: WorldClient; path: string; text: string },
): void {
  ledger.write(edit.client, edit.path, edit.text);
  const full = `${edit.client.files}/${edit.path}`;
  Deno.utimeSync(full, new Date(clock.nowMs()), new Date(clock.nowMs()));
}

async function stampOf(world: World): Promise<[number, number]> {
  const { users } = await world.serverReport();
  const stamp = users[0]?.stamp;
  assert.ok(stamp !== undefined);
  return [stamp.date, stamp.cycle];
}

function dateOf(ms: number): number {
  return Number(new Date(ms).toISOString().slice(0, 10).replaceAll("-", ""));
}

test(
  "clocks set back a day and forward a day while all run: no edit is lost and no stamp falls",
  async (world, clock) => {
    const ledger = new Ledger();
    const [a, b] = [world.client("a"), world.client("b")];
    await giveClock(clock, { process: world.server }, a);
    let before = await stampOf(world);
    for (const [index, days] of [-1, 1, 0, -1].entries()) {
      await clock.setOff(days * DAY_MS);
      const write = (client: WorldClient, path: string, text: string) =>
        writeAt(clock, ledger, { client, path, text });
      write(a, "both", `${index} of a`);
      write(a, `new-${index}`, "of a");
      await world.waitInStep();
      write(b, "both", `${index} of b, longer`);
      write(b, `new-${index}`, "of b, over that of a");
      await world.waitInStep();
      assert.equal(
        Deno.readTextFileSync(`${a.files}/both`),
        `${index} of b, longer`,
      );
      assert.deepEqual(copiesOf(a), []);
      const stamp = await stampOf(world);
      assert.ok(
        stamp[0] > before[0] || stamp[0] === before[0] && stamp[1] > before[1],
        `${before} then ${stamp}`,
      );
      if (days === 1) assert.equal(stamp[0], dateOf(clock.nowMs()));
      before = stamp;
    }
    assert.ok(before[0] > dateOf(Date.now()), "the clock was not obeyed");
    await rivalsAcross(world, ledger, clock);
    await assertGuarantees(world, ledger);
  },
);

/** Two edits of one file while both are away, and a deletion, made under clocks two days apart. */
async function rivalsAcross(
  world: World,
  ledger: Ledger,
  clock: FakeClock,
): Promise<void> {
  const [a, b] = [world.client("a"), world.client("b")];
  await Promise.all([a.process.stop(), b.process.stop()]);
  await clock.setOff(DAY_MS);
  writeAt(clock, ledger, { client: a, path: "both", text: "a, tomorrow" });
  Deno.removeSync(`${a.files}/new-1`);
  await clock.setOff(-DAY_MS);
  writeAt(clock, ledger, { client: b, path: "both", text: "b, yesterday" });
  writeAt(clock, ledger, { client: b, path: "new-1", text: "b goes on" });
  await a.process.start();
  await world.waitInStep({ clients: [a] });
  await b.process.start();
  await world.waitInStep();
  assert.equal(Deno.readTextFileSync(`${b.files}/both`), "a, tomorrow");
  assert.equal(copiesOf(b).length, 1);
  assert.equal(Deno.readTextFileSync(`${a.files}/new-1`), "b goes on");
}

test(
  "midnight makes nobody work, and edits before, at and after it are carried",
  async (world, clock) => {
    const ledger = new Ledger();
    const [a, b] = [world.client("a"), world.client("b")];
    await giveClock(clock, { process: world.server }, a, b);
    ledger.write(a, "before", "midnight");
    await world.waitInStep();
    await world.waitTidy();
    await clock.setTo(-4 * SECOND_MS);
    const today = dateOf(clock.nowMs());
    const still = {
      calls: world.rsyncCalls().length,
      stamp: await stampOf(world),
    };
    while (
      clock.nowMs() % DAY_MS > DAY_MS / 2 || clock.nowMs() % DAY_MS < 2000
    ) {
      await pause(100);
    }
    assert.notEqual(dateOf(clock.nowMs()), today);
    assert.deepEqual(
      { calls: world.rsyncCalls().length, stamp: await stampOf(world) },
      still,
    );
    await clock.setTo(-3 * SECOND_MS);
    const eve = dateOf(clock.nowMs());
    const dates = new Set<number>();
    for (let i = 0; i < 60; i++) {
      const path = `around-${i % 10}`;
      Deno.writeTextFileSync(`${(i % 2 ? a : b).files}/${path}`, `edit ${i}`);
      // What came before was written over by the same hand.
      if (i >= 50) ledger.note(path, `edit ${i}`);
      await pause(100);
      dates.add((await stampOf(world))[0]);
    }
    await assertGuarantees(world, ledger);
    assert.deepEqual([...dates].filter((date) => date >= eve).sort(), [
      eve,
      dateOf(clock.nowMs()),
    ]);
    assert.deepEqual(copiesOf(a), []);
  },
);

test(
  "a client away for longer than the journal reaches back compares in full: its edits live, and what was deleted does not come back",
  async (world, clock) => {
    const ledger = new Ledger();
    const [a, b] = [world.client("a"), world.client("b")];
    for (const name of ["kept", "deleted", "edited", "rival", "survivor"]) {
      Deno.mkdirSync(`${a.files}/${name}.d`);
      ledger.write(a, `${name}.d/file`, `${name}, long ago`);
    }
    await world.waitInStep();
    await b.process.stop();
    for (const name of ["deleted", "survivor"]) {
      Deno.removeSync(`${a.files}/${name}.d`, { recursive: true });
    }
    await world.waitInStep({ clients: [a] });
    await world.server.stop();
    await clock.setOff(100 * DAY_MS);
    world.server.under = clock.under();
    await world.server.start();
    // The versions of that time are older than history is kept.
    const young = new Ledger();
    young.write(a, "edited.d/file", "edited, meanwhile");
    young.write(a, "rival.d/file", "edited, meanwhile");
    young.write(b, "rival.d/file", "edited on b, away");
    young.write(b, "survivor.d/file", "edited on b, away");
    young.write(b, "new", "made on b, away");
    young.note("kept.d/file", "kept, long ago");
    await world.waitInStep({ clients: [a] });
    await b.process.start();
    await assertGuarantees(world, young);
    assert.equal(itemAt(`${b.files}/deleted.d`), undefined);
    assert.equal(
      Deno.readTextFileSync(`${a.files}/survivor.d/file`),
      "edited on b, away",
    );
    assert.equal(Deno.readTextFileSync(`${a.files}/new`), "made on b, away");
    assert.equal(copiesOf(a).length, 1);
    await world.server.stop();
    world.server.under = [];
    await world.server.start();
    young.write(b, "later", "the server's clock is right again");
    await assertGuarantees(world, young);
    await waitFor(
      "it on a",
      () => itemAt(`${a.files}/later`) !== undefined,
    );
  },
);
