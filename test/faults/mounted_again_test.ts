/** An anchor's disk that comes back under another device number is the same disk; a snapshot is none. */
import assert from "node:assert/strict";
import type { Ledger } from "../support/ledger.ts";
import { DiskImage, missingForImages } from "../support/mounts.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import { command, testFault } from "./rig.ts";

const missing = missingForImages();

/** A disk below client `a`'s anchor, with files that both have. */
async function begin(world: World, ledger: Ledger): Promise<DiskImage> {
  const a = world.client("a");
  await a.process.stop();
  const disk = await DiskImage.make(`${a.home}/image`, a.files);
  await command("rm", "-rf", `${a.files}/lost+found`);
  await a.process.start();
  Deno.mkdirSync(`${a.files}/d`);
  for (let i = 0; i < 20; i++) ledger.write(a, `d/${i}`);
  for (const name of ["one", "two", "three"]) ledger.write(a, name);
  await ledger.settle();
  return disk;
}

/** Mounts it again while something else has the device that it had. */
async function mountElsewhere(
  world: World,
  disk: DiskImage,
): Promise<DiskImage> {
  const a = world.client("a");
  Deno.mkdirSync(`${a.home}/taken`, { recursive: true });
  const taken = await DiskImage.make(
    `${a.home}/image-${crypto.randomUUID()}`,
    `${a.home}/taken`,
  );
  await disk.mount();
  return taken;
}

function conflicts(root: string): string[] {
  return [...treeOf(root).keys()].filter((path) => path.includes("conflict"));
}

for (const how of ["while the client runs", "while the client is stopped"]) {
  testFault(
    `an anchor's disk that is mounted again under another device number, ${how}, is the same anchor`,
    { missing },
    async (world, ledger) => {
      const [a, b] = [world.client("a"), world.client("b")];
      const stopped = how === "while the client is stopped";
      await using disk = await begin(world, ledger);
      const { dev } = Deno.statSync(a.files);
      if (stopped) await a.process.stop();
      await disk.unmount();
      if (!stopped) {
        await waitFor(
          "a to be held",
          async () => (await a.anchor()).held !== null,
          { limitMs: 40_000 },
        );
      }
      ledger.write(b, "one");
      ledger.remove(b, "two");
      await using _taken = await mountElsewhere(world, disk);
      assert.notEqual(Deno.statSync(a.files).dev, dev);
      ledger.remove(a, "three");
      ledger.remove(a, "d/3");
      if (stopped) await a.process.start();
      await ledger.settle({ limitMs: 60_000 });
      for (const gone of ["two", "three", "d/3"]) {
        assert.equal(itemAt(`${a.files}/${gone}`), undefined, gone);
        assert.equal(itemAt(`${b.files}/${gone}`), undefined, gone);
      }
      assert.deepEqual(conflicts(a.files), []);
      await a.process.stop();
    },
  );
}

testFault(
  "an anchor's disk that is replaced by a snapshot of it deletes nothing",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await using disk = await begin(world, ledger);
    await command("sync", "-f", a.files);
    await command(
      "cp",
      "--sparse=always",
      `${a.home}/image`,
      `${a.home}/snapshot`,
    );
    // A change time is in whole seconds.
    const madeMs = Date.now();
    await waitFor("the next second", () => Date.now() > madeMs + 1_500);
    ledger.write(a, "d/later");
    ledger.write(b, "later");
    await ledger.settle();
    await a.process.stop();
    await disk.unmount();
    Deno.renameSync(`${a.home}/snapshot`, `${a.home}/image`);
    await using _taken = await mountElsewhere(world, disk);
    await a.process.start();
    await ledger.settle({ limitMs: 60_000 });
    for (const path of ["d/later", "later"]) {
      for (const client of [a, b]) {
        assert.notEqual(itemAt(`${client.files}/${path}`), undefined, path);
      }
    }
    await a.process.stop();
  },
);
