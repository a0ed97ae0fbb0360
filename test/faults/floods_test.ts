import assert from "node:assert/strict";
import { assertGuarantees, copiesOf, Ledger } from "../support/guarantees.ts";
import { shareWorld, testInWorld } from "../support/shared_world.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { pause, waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

const SHARED_FILES = 50;
const EDITING_MS = 20_000;

test("two clients that edit the same 50 files for 20 s lose no last word of either", async (world) => {
  const ledger = new Ledger();
  const [a, b] = [world.client("a"), world.client("b")];
  Deno.mkdirSync(`${a.files}/shared`);
  await world.waitInStep();
  const last = await Promise.all([edit(a), edit(b)]);
  for (const [path, text] of last.flat()) ledger.note(path, text);
  await assertGuarantees(world, ledger, { limitMs: 60_000 });
  // A copy of a copy would mean that a copy itself was taken for a clash.
  for (const copy of copiesOf(a)) {
    assert.equal(copy.split(".sinkd-conflict-").length, 2, copy);
  }
  Deno.removeSync(`${a.files}/shared`, { recursive: true });
  await decide(world, a, "approve");
});

/** Writes one file after another, again and again; the last text of each. */
async function edit(client: WorldClient): Promise<[string, string][]> {
  const last = new Map<string, string>();
  const endMs = performance.now() + EDITING_MS;
  for (let count = 0; performance.now() < endMs; count++) {
    const path = `shared/${count % SHARED_FILES}.txt`;
    const text = `${client.name} ${count} ${"x".repeat(count % 900)}`;
    Deno.writeTextFileSync(`${client.files}/${path}`, text);
    last.set(path, text);
    await pause(15);
  }
  return [...last];
}

test("1,000 rapid edits of one file by two clients in turn end in the last one, with no copy", async (world) => {
  const ledger = new Ledger();
  const [a, b] = [world.client("a"), world.client("b")];
  const textOf = (turn: number, edit: number) =>
    `edit ${turn} ${edit} ${"y".repeat(edit)}`;
  for (const [turn, client] of [a, b, a, b].entries()) {
    for (let i = 1; i <= 250; i++) {
      Deno.writeTextFileSync(`${client.files}/rapid`, textOf(turn, i));
      if (i % 20 === 0) await pause(5);
    }
    // What came before was written over by the same hand.
    ledger.note("rapid", textOf(turn, 250));
    await world.waitInStep();
    for (const { files } of [a, b]) {
      const text = Deno.readTextFileSync(`${files}/rapid`);
      assert.equal(text, textOf(turn, 250));
    }
  }
  await assertGuarantees(world, ledger);
  assert.deepEqual(copiesOf(a), []);
});

test("a renamed directory of 2,000 files is no deletion to be held, and moves on all sides", async (world) => {
  const ledger = new Ledger();
  const [a, b] = [world.client("a"), world.client("b")];
  for (let i = 0; i < 2000; i++) {
    const directory = `before/${i % 40}`;
    if (i < 40) Deno.mkdirSync(`${a.files}/${directory}`, { recursive: true });
    Deno.writeTextFileSync(`${a.files}/${directory}/${i}`, `file ${i}`);
  }
  await world.waitInStep({ limitMs: 60_000 });
  Deno.renameSync(`${a.files}/before`, `${a.files}/after`);
  ledger.noteTree(a, "after");
  await waitFor("it to be gone on b or held on a", async () => {
    assert.equal((await a.anchor()).held, null);
    return itemAt(`${b.files}/before`) === undefined;
  }, { limitMs: 120_000 });
  await assertGuarantees(world, ledger, { limitMs: 60_000 });
  assert.deepEqual(copiesOf(b), []);
});

/** Waits for held deletions of a client, says the word there and where it is asked for next, and waits until all is in step. */
async function decide(
  world: World,
  client: WorldClient,
  word: "approve" | "reject",
): Promise<number> {
  const held = await waitFor(
    "deletions to be held",
    async () => (await client.anchor()).held?.paths.length,
  );
  const { code, err } = await client.sinkd(word, client.files);
  assert.equal(code, 0, err);
  await approveElsewhere(world, client);
  await world.waitInStep();
  return held;
}

/** Other machines ask before they follow a deletion of more than half of what they have. */
async function approveElsewhere(
  world: World,
  { name }: WorldClient,
): Promise<void> {
  const others = world.clients().filter((other) => other.name !== name);
  await waitFor("nothing to be held elsewhere", async () => {
    for (const other of others) {
      if ((await other.anchor()).held !== null) {
        await other.sinkd("approve", other.files);
      }
    }
    const trees = world.clients().map(({ files }) => treeOf(files).size);
    return new Set(trees).size === 1;
  });
}

testInWorld(
  "800 of 1,032 paths made and removed again are no question, and all else goes on",
  { clients: { alice: ["a", "b"] } },
  async (world) => {
    const ledger = new Ledger();
    const [a, b] = [world.client("a"), world.client("b")];
    for (let i = 0; i < 231; i++) ledger.write(b, `${i}`, `file ${i}`);
    await world.waitInStep({ limitMs: 60_000 });
    Deno.mkdirSync(`${a.files}/build`);
    for (let i = 0; i < 800; i++) {
      Deno.writeTextFileSync(`${a.files}/build/${i}`, `made ${i}`);
    }
    await world.waitInStep({ limitMs: 120_000 });
    Deno.removeSync(`${a.files}/build`, { recursive: true });
    ledger.write(a, "beside", "goes on");
    await waitFor("it to be gone on b, and not held on a", async () => {
      assert.equal((await a.anchor()).held, null);
      return itemAt(`${b.files}/build`) === undefined;
    }, { limitMs: 120_000 });
    await assertGuarantees(world, ledger, { limitMs: 60_000 });
  },
);

testInWorld(
  "60 % deleted while the client was away is held; reject brings all back, approve leaves it in history",
  { clients: { alice: ["a", "b"] } },
  async (world) => {
    const ledger = new Ledger();
    const [a, b] = [world.client("a"), world.client("b")];
    for (let i = 0; i < 200; i++) ledger.write(a, `${i}`, `file ${i}`);
    await world.waitInStep();
    const whole = treeOf(b.files);
    const deleteMost = async () => {
      await a.process.stop();
      for (let i = 0; i < 120; i++) Deno.removeSync(`${a.files}/${i}`);
      ledger.write(a, "199", `edited ${performance.now()}`);
      await a.process.start();
    };
    await deleteMost();
    await waitFor(
      "the edit beside them",
      () => Deno.readTextFileSync(`${b.files}/199`).startsWith("edited"),
    );
    assert.equal(treeOf(b.files).size, whole.size);
    assert.equal(await decide(world, a, "reject"), 120);
    assert.equal(treeOf(a.files).size, whole.size);
    await assertGuarantees(world, ledger);
    await deleteMost();
    assert.equal(await decide(world, a, "approve"), 120);
    assert.equal(treeOf(b.files).size, 80);
    assert.equal(itemAt(`${b.files}/0`), undefined);
    await assertGuarantees(world, ledger);
  },
);
