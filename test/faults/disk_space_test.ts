import assert from "node:assert/strict";
import { statfsSync } from "node:fs";
import type { Fault } from "../../lib/core/status.ts";
import { missingForMounts, moveToTmpfs } from "../support/mounts.ts";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";
import { hasPart, testFault, waitTold } from "./rig.ts";

const MEGABYTE = 1_000_000;
const missing = missingForMounts();

function usedBytes(directory: string): number {
  const { blocks, bfree, bsize } = statfsSync(directory);
  return (blocks - bfree) * bsize;
}

/** Bytes that are no hole, there at once. */
function writeFull(full: string, bytes: number): void {
  const making = `${full.slice(0, full.lastIndexOf("/"))}/../making`;
  Deno.writeFileSync(making, new Uint8Array(bytes).fill(0x5a));
  Deno.renameSync(making, full);
}

/** What the server tells of full disks, its own and those of clients. */
async function spaceFaults(world: World): Promise<Fault[]> {
  const { errors } = await world.serverReport();
  return errors.filter(({ cause }) => cause.startsWith("disk full"));
}

async function waitThere(client: WorldClient, path: string): Promise<void> {
  await waitFor(
    `${path} on ${client.name}`,
    () => itemAt(`${client.files}/${path}`, false) !== undefined,
    { limitMs: 60_000 },
  );
}

async function waitGone(client: WorldClient, path: string): Promise<void> {
  await waitFor(
    `${path} to go from ${client.name}`,
    () => itemAt(`${client.files}/${path}`, false) === undefined,
    { limitMs: 60_000 },
  );
}

testFault(
  "a sparse file that is larger than the disks of server and clients keeps its holes on all of them",
  { missing },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await world.server.stop();
    await using _disk = await moveToTmpfs(world.root, "size=100m");
    await world.server.start();
    const full = `${a.files}/image`;
    {
      using file = Deno.openSync(full, { write: true, createNew: true });
      file.truncateSync(400 * MEGABYTE);
      file.seekSync(300 * MEGABYTE, Deno.SeekMode.Start);
      file.writeSync(new TextEncoder().encode("data"));
    }
    await waitThere(b, "image");
    for (const place of [`${world.root}/alice/files`, b.files]) {
      const { size, blocks } = Deno.statSync(`${place}/image`);
      assert.equal(size, 400 * MEGABYTE);
      assert.ok((blocks ?? Infinity) * 512 < MEGABYTE, `holes at ${place}`);
    }
    await waitFor(
      "the server to be as before",
      async () => (await spaceFaults(world)).length === 0,
    );
  },
);

testFault(
  "a file that does not fit on the server is refused before it starts, and keeps back no user, no other file and no deletion",
  { missing, clients: { alice: ["a", "b"], bob: ["c"] } },
  async (world) => {
    const [a, b, c] = ["a", "b", "c"].map((name) => world.client(name)) as [
      WorldClient,
      WorldClient,
      WorldClient,
    ];
    writeFull(`${a.files}/going`, 1000);
    writeFull(`${c.files}/of bob`, 1000);
    await waitThere(b, "going");
    await world.server.stop();
    await using disk = await moveToTmpfs(world.root, "size=40m");
    await world.server.start();
    const before = usedBytes(world.root);
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, usedBytes(world.root));
    }, 20);
    try {
      writeFull(`${a.files}/large`, 60 * MEGABYTE);
      await waitTold(a, /files\/large/);
      const { out } = await a.sinkd("status");
      assert.match(out, /60 MB on the server/);
      assert.match(out, new RegExp(`disk of ${world.root}`));
      assert.match(out, /free up at least [12]\d(\.\d)? MB/);
      const { errors } = await world.serverReport();
      const told = errors.find(({ path }) => path.endsWith("files/large"));
      assert.ok(told !== undefined, JSON.stringify(errors));

      writeFull(`${a.files}/small`, MEGABYTE);
      Deno.removeSync(`${a.files}/going`);
      writeFull(`${b.files}/of b`, MEGABYTE);
      writeFull(`${c.files}/more of bob`, MEGABYTE);
      await waitThere(b, "small");
      await waitGone(b, "going");
      await waitThere(a, "of b");
      await waitFor(
        "bob's file on the server",
        () =>
          itemAt(`${world.root}/bob/files/more of bob`, false) !== undefined,
      );
    } finally {
      clearInterval(watching);
    }
    assert.ok(most - before < 20 * MEGABYTE, `${most - before} bytes came`);

    await disk.remount("size=200m");
    await waitThere(b, "large");
    await waitFor(
      "all faults to go",
      async () =>
        (await spaceFaults(world)).length === 0 &&
        (await a.anchor()).errors.length === 0,
    );
  },
);

testFault(
  "a file that does not fit leaves nothing on the server when it is deleted, and no fault",
  { missing },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await world.server.stop();
    await using _disk = await moveToTmpfs(world.root, "size=40m");
    await world.server.start();
    writeFull(`${a.files}/large`, 60 * MEGABYTE);
    await waitTold(a, /files\/large/);
    Deno.removeSync(`${a.files}/large`);
    await waitFor(
      "the client's fault to go",
      async () => (await a.anchor()).errors.length === 0,
    );
    await waitFor(
      "the server's fault to go",
      async () => (await spaceFaults(world)).length === 0,
    );
    assert.equal(hasPart(`${world.root}/alice/.sinkd/incoming`, 0), false);
    writeFull(`${a.files}/next`, 20 * MEGABYTE);
    await waitThere(b, "next");
  },
);

testFault(
  "a file that does not fit on a client is not sent there: all else comes, both sides tell of it, and it comes when there is space",
  { missing },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    writeFull(`${a.files}/going`, 1000);
    await waitThere(b, "going");
    await b.process.stop();
    await using disk = await moveToTmpfs(b.files, "size=2m");
    await b.process.start();
    writeFull(`${a.files}/large`, 3 * MEGABYTE);
    await waitTold(b, /files\/large/);
    const { out } = await b.sinkd("status");
    assert.match(out, /3 MB on this machine/);
    assert.match(out, new RegExp(`disk of ${b.files}`));
    await waitFor(
      "the server to tell of it",
      async () =>
        (await world.serverReport()).errors.some(({ path, fix }) =>
          path.endsWith("files/large") && fix.includes("(b)")
        ),
    );
    writeFull(`${a.files}/small`, 1000);
    Deno.writeTextFileSync(`${b.files}/of b`, "of b");
    Deno.removeSync(`${a.files}/going`);
    await waitThere(b, "small");
    await waitThere(a, "of b");
    await waitGone(b, "going");
    await waitFor(
      "nothing to be left on b",
      () => !hasPart(`${b.files}/.sinkd`, 0),
    );
    assert.ok(usedBytes(b.files) < MEGABYTE);

    await disk.remount("size=8m");
    await waitThere(b, "large");
    await waitFor(
      "all faults to go",
      async () =>
        (await b.anchor()).errors.length === 0 &&
        (await spaceFaults(world)).length === 0,
    );
  },
);
