import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import { hashOf, itemAt, treeOf } from "../support/tree_view.ts";
import { pause, waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const MEGABYTE = 1_000_000;

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

/** The directory `name` on both machines. */
async function onBoth(world: World, name: string): Promise<[string, string]> {
  const a = `${world.client("a").files}/${name}`;
  Deno.mkdirSync(a);
  await world.waitInStep();
  return [a, `${world.client("b").files}/${name}`];
}

function writeNoise(full: string, bytes: number): void {
  using file = Deno.openSync(full, { write: true, create: true });
  const piece = new Uint8Array(50_000);
  for (let written = 0; written < bytes; written += piece.length) {
    crypto.getRandomValues(piece);
    file.writeSync(piece);
  }
}

function conflictsBelow(full: string): string[] {
  return [...treeOf(full, { bytes: false }).keys()]
    .filter((path) => path.includes("sinkd-conflict"));
}

test("client() carries a file of 100 MB, and a small edit in it as a small delta", async (world) => {
  const [a, b] = await onBoth(world, "large");
  writeNoise(`${a}/file`, 100 * MEGABYTE);
  await world.waitInStep({ limitMs: 60_000 });
  const calls = world.literalBytes().length;
  using file = Deno.openSync(`${a}/file`, { write: true });
  file.seekSync(50 * MEGABYTE, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode("a small edit"));
  file[Symbol.dispose]();
  await world.waitInStep({ limitMs: 60_000 });
  assert.equal(hashOf(`${a}/file`), hashOf(`${b}/file`));
  const moved = world.literalBytes().slice(calls);
  assert.ok(moved.length >= 2, `calls: ${moved}`);
  assert.ok(moved.every((bytes) => bytes < MEGABYTE / 5), `bytes: ${moved}`);
  Deno.removeSync(`${a}/file`);
  await world.waitInStep();
});

test("client() carries 2,000 small files", async (world) => {
  const [a, b] = await onBoth(world, "many");
  for (let i = 0; i < 2000; i++) {
    const directory = `${a}/${i % 20}`;
    if (i < 20) Deno.mkdirSync(directory);
    Deno.writeTextFileSync(`${directory}/${i}`, `file ${i}`);
  }
  await world.waitInStep({ limitMs: 60_000 });
  assert.equal(treeOf(b, { bytes: false }).size, 2020);
});

test("client() shows the other side only what a slowly written file once was", async (world) => {
  const [a, b] = await onBoth(world, "slow");
  const seen = new Set<string>();
  const states = new Set<string>();
  let writing = true;
  const reading = (async () => {
    while (writing) {
      if (itemAt(`${b}/file`, false) !== undefined) {
        seen.add(Deno.readTextFileSync(`${b}/file`));
      }
      await pause(10);
    }
  })();
  for (const round of ["first", "second"]) {
    using file = Deno.openSync(`${a}/file`, {
      write: true,
      create: true,
      truncate: true,
    });
    let text = "";
    states.add(text);
    for (let line = 0; line < 25; line++) {
      const more = `${round} ${line} ${"x".repeat(20_000)}\n`;
      file.writeSync(new TextEncoder().encode(more));
      text += more;
      states.add(text);
      await pause(120);
    }
  }
  await world.waitInStep();
  writing = false;
  await reading;
  for (const text of seen) {
    assert.ok(states.has(text), `torn: ${text.length} ${text.slice(-40)}`);
  }
  assert.ok(seen.size > 1, "nothing was seen while it was written");
});

test("client() converges without conflict copies when both sides edit other files for five seconds", async (world) => {
  const [a, b] = await onBoth(world, "busy");
  const edit = async (directory: string, name: string) => {
    const endMs = performance.now() + 5000;
    let count = 0;
    while (performance.now() < endMs) {
      const file = `${directory}/${name}-${count % 10}`;
      Deno.writeTextFileSync(file, `${name} ${count}`);
      count++;
      await pause(25);
    }
  };
  await Promise.all([edit(a, "a"), edit(b, "b")]);
  await world.waitInStep();
  assert.deepEqual(conflictsBelow(a), []);
  assert.equal(treeOf(a).size, 20);
});

test("client() brings the last of 500 rapid edits of one file", async (world) => {
  const [a, b] = await onBoth(world, "rapid");
  for (let i = 1; i <= 500; i++) {
    Deno.writeTextFileSync(`${a}/file`, `edit ${i}`);
    if (i % 50 === 0) await pause(20);
  }
  await world.waitInStep();
  assert.equal(Deno.readTextFileSync(`${b}/file`), "edit 500");
  assert.deepEqual(conflictsBelow(a), []);
});

test("client() and server do nothing for eight seconds when nothing happens", async (world) => {
  await world.waitInStep();
  await world.waitTidy();
  const look = async () =>
    JSON.stringify([
      world.rsyncCalls().length,
      (await world.serverReport()).users,
    ]);
  // What the last edits left to do may still be on its way; what is done again and again never ends.
  let seen = await look();
  let sinceMs = performance.now();
  await waitFor("eight seconds without anything", async () => {
    const now = await look();
    if (now !== seen) [seen, sinceMs] = [now, performance.now()];
    return performance.now() - sinceMs > 8000;
  }, { tell: () => seen });
});
