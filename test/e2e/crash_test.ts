import assert from "node:assert/strict";
import { shareWorld, testInWorld } from "../support/shared_world.ts";
import { hashOf, itemAt, treeOf } from "../support/tree_view.ts";
import { SOON_MS, waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const LARGE_BYTES = 30_000_000;
/** So slow that there is a middle of the transfer to crash in. */
const SLOWLY = `\n[rsync]\nbwlimit = "20M"\n`;

const { test } = shareWorld({
  clients: { alice: ["a", "b"] },
  prepare: (world) => {
    for (const client of world.clients()) {
      client.configure(client.anchorText(client.files, "files") + SLOWLY);
    }
  },
});

function writeLarge(full: string): void {
  using file = Deno.openSync(full, { write: true, create: true });
  const piece = new Uint8Array(60_000);
  for (let written = 0; written < LARGE_BYTES; written += piece.length) {
    crypto.getRandomValues(piece);
    file.writeSync(piece);
  }
}

/** The largest file that is on its way into `directory`, in bytes. */
function largestIncoming(directory: string): number {
  const sizes = [0];
  for (const { name, isDirectory } of listIfAny(directory)) {
    const full = `${directory}/${name}`;
    sizes.push(isDirectory ? largestIncoming(full) : sizeIfAny(full));
  }
  return Math.max(...sizes);
}

function listIfAny(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function sizeIfAny(full: string): number {
  const item = itemAt(full, false);
  return item?.kind === "file" ? item.size : 0;
}

/** Waits until a good part of the file, but not all of it, has come to `directory`. */
async function midTransfer(directory: string): Promise<void> {
  await waitFor("the middle of a transfer", () => {
    const bytes = largestIncoming(`${directory}/.sinkd/incoming`);
    return bytes > LARGE_BYTES / 10 && bytes < LARGE_BYTES;
  });
}

interface Crash {
  readonly who: string;
  /** Ends it at the right moment. */
  readonly strike: (world: World) => Promise<void>;
  readonly back: (world: World) => Promise<void>;
}

const CRASHES: readonly Crash[] = [
  {
    who: "the sending client",
    async strike(world) {
      await midTransfer(`${world.root}/alice`);
      await world.client("a").process.kill();
    },
    back: (world) => world.client("a").process.start(),
  },
  {
    who: "the server while it receives",
    async strike(world) {
      await midTransfer(`${world.root}/alice`);
      await world.server.kill();
    },
    back: (world) => world.server.start(),
  },
  {
    who: "the receiving client",
    async strike(world) {
      await midTransfer(world.client("b").files);
      await world.client("b").process.kill();
    },
    back: (world) => world.client("b").process.start(),
  },
  {
    who: "the server while it sends",
    async strike(world) {
      await midTransfer(world.client("b").files);
      await world.server.kill();
    },
    back: (world) => world.server.start(),
  },
];

for (const [index, { who, strike, back }] of CRASHES.entries()) {
  test(`kill -9 of ${who} in the middle of a transfer loses nothing`, async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    const name = `large-${index}`;
    writeLarge(`${a.files}/${name}`);
    await strike(world);
    assert.equal(itemAt(`${b.files}/${name}`), undefined);
    Deno.writeTextFileSync(`${b.files}/meanwhile-${index}`, "of b");
    await back(world);
    await world.waitInStep({ limitMs: 60_000 });
    assert.equal(hashOf(`${a.files}/${name}`), hashOf(`${b.files}/${name}`));
    assert.equal(
      Deno.readTextFileSync(`${a.files}/meanwhile-${index}`),
      "of b",
    );
    assertNoCopies(world);
    Deno.removeSync(`${a.files}/${name}`);
    await world.waitInStep();
    await world.waitTidy();
  });
}

test("a restart of each process, one after another, loses nothing", async (world) => {
  const [a, b] = [world.client("a"), world.client("b")];
  const all = [a.process, world.server, b.process];
  for (const [index, process] of all.entries()) {
    Deno.writeTextFileSync(`${a.files}/restart-${index}`, `before ${index}`);
    const { code, tookMs } = await process.stop();
    assert.equal(code, 0);
    assert.ok(tookMs < SOON_MS, `took ${tookMs} ms`);
    Deno.writeTextFileSync(`${b.files}/restart-b-${index}`, `while ${index}`);
    Deno.writeTextFileSync(`${a.files}/restart-${index}`, `again ${index}`);
    await process.start();
    await world.waitInStep();
    assert.equal(
      Deno.readTextFileSync(`${b.files}/restart-${index}`),
      `again ${index}`,
    );
  }
  assertNoCopies(world);
});

test("SIGTERM in the middle of a transfer ends each process soon", async (world) => {
  const [a, b] = [world.client("a"), world.client("b")];
  writeLarge(`${a.files}/term`);
  for (
    const [directory, process] of [
      [`${world.root}/alice`, a.process],
      [`${world.root}/alice`, world.server],
      [b.files, b.process],
      [b.files, world.server],
    ] as const
  ) {
    await midTransfer(directory);
    const { code, tookMs } = await process.stop();
    assert.equal(code, 0);
    assert.ok(tookMs < SOON_MS, `took ${tookMs} ms`);
    await process.start();
  }
  await world.waitInStep({ limitMs: 60_000 });
  assert.equal(hashOf(`${a.files}/term`), hashOf(`${b.files}/term`));
});

function assertNoCopies(world: World): void {
  for (const { files } of world.clients()) {
    assert.deepEqual(copiesIn(files), []);
  }
}

function copiesIn(directory: string): string[] {
  return [...treeOf(directory, { bytes: false }).keys()]
    .filter((path) => path.includes("sinkd-conflict"));
}

function write(client: WorldClient, name: string, text: string): void {
  Deno.writeTextFileSync(`${client.files}/${name}`, text);
}

testInWorld(
  "client() and server come back when mosquitto was killed",
  { broker: "mosquitto", clients: { alice: ["a", "b"] } },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await world.broker?.kill();
    await waitFor(
      "both to notice",
      async () =>
        (await a.report()).state === "Offline" &&
        (await b.report()).state === "Offline",
    );
    write(a, "of a", "while it was away");
    write(b, "of b", "while it was away");
    await world.broker?.start();
    await world.waitInStep();
    assert.equal(treeOf(a.files).size, 2);
  },
);
