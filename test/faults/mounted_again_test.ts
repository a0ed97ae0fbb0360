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
      await disk.mountElsewhere();
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

for (const where of ["the same device number", "another device number"]) {
  testFault(
    `an anchor's disk that is replaced by a snapshot of it, under ${where}, deletes nothing and takes back no edit`,
    { missing },
    async (world, ledger) => {
      const [a, b] = [world.client("a"), world.client("b")];
      const same = where === "the same device number";
      await using disk = await begin(world, ledger);
      const { dev } = Deno.statSync(a.files);
      await disk.save(`${a.home}/snapshot`);
      // A change time is in whole seconds.
      const madeMs = Date.now();
      await waitFor("the next second", () => Date.now() > madeMs + 1_500);
      ledger.write(a, "d/later");
      ledger.write(b, "later");
      ledger.write(a, "one");
      await ledger.settle();
      const edited = itemAt(`${b.files}/one`);
      await a.process.stop();
      await disk.unmount();
      await disk.restore(`${a.home}/snapshot`);
      await (same ? disk.mount() : disk.mountElsewhere());
      assert.equal(Deno.statSync(a.files).dev === dev, same);
      await a.process.start();
      await ledger.settle({ limitMs: 60_000 });
      for (const client of [a, b]) {
        for (const path of ["d/later", "later"]) {
          assert.notEqual(itemAt(`${client.files}/${path}`), undefined, path);
        }
        assert.deepEqual(itemAt(`${client.files}/one`), edited);
      }
      await a.process.stop();
    },
  );
}
