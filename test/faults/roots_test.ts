import assert from "node:assert/strict";
import { DiskImage, missingForImages } from "../support/mounts.ts";
import type { Ledger } from "../support/ledger.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import { command, testFault } from "./rig.ts";
import { problemsOf } from "../support/in_step.ts";

const FILES = 120;

/** So many files that it is no small matter when they are gone. */
async function fill(world: World, ledger: Ledger): Promise<void> {
  const a = world.client("a");
  Deno.mkdirSync(`${a.files}/d`);
  for (let i = 0; i < FILES; i++) ledger.write(a, `d/${i}`);
  await ledger.settle();
}

/** While the root of `a` is not what it was: `a` is Held and says why, and `b` keeps everything. */
async function heldWhile(world: World, ledger: Ledger): Promise<void> {
  const [a, b] = [world.client("a"), world.client("b")];
  const whole = treeOf(b.files);
  await waitFor("a to be held", async () => {
    const { state, held } = await a.anchor();
    return state === "Held" && held !== null && held.reason !== "" &&
      held.fix !== "";
  }, { limitMs: 40_000 });
  assert.equal((await a.sinkd("status")).code, 4);
  ledger.write(b, `of b ${ledger.count}`);
  await world.waitInStep({ clients: [b] });
  for (const [path, item] of whole) {
    assert.deepEqual(itemAt(`${b.files}/${path}`), item, path);
  }
}

testFault(
  "an anchor's root that is unmounted is no deletion, neither while the client runs nor at its start",
  { missing: missingForImages() },
  async (world, ledger) => {
    const a = world.client("a");
    await a.process.stop();
    await using disk = await DiskImage.make(`${a.home}/image`, a.files);
    await command("rm", "-rf", `${a.files}/lost+found`);
    await a.process.start();
    await fill(world, ledger);
    await disk.unmount();
    await heldWhile(world, ledger);
    await a.process.stop();
    await a.process.start();
    await heldWhile(world, ledger);
    await disk.mount();
    // Sooner than the watcher, which looks every 30 s, finds that it watches what is not there.
    await ledger.settle({ limitMs: 25_000 });
  },
);

const REPLACED: Readonly<Record<string, (root: string) => Promise<void>>> = {
  "an empty directory": (root) => command("mkdir", root),
  "a link to an empty directory": (root) =>
    command(
      "sh",
      "-c",
      `mkdir '${root}.empty' && ln -s '${root}.empty' '${root}'`,
    ),
};

testFault(
  "an anchor's root that is replaced is no deletion, and all goes on when it is back",
  {},
  async (world, ledger) => {
    const a = world.client("a");
    await fill(world, ledger);
    const away = `${a.home}/away`;
    for (const make of Object.values(REPLACED)) {
      Deno.renameSync(a.files, away);
      await make(a.files);
      await heldWhile(world, ledger);
      await command("rm", "-rf", a.files, `${a.files}.empty`);
      Deno.renameSync(away, a.files);
      await ledger.settle({ limitMs: 60_000 });
    }
  },
);

testFault(
  "an anchor's root that becomes a link to where it was moved goes on as the same directory",
  {},
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await fill(world, ledger);
    const moved = `${a.home}/moved`;
    Deno.renameSync(a.files, moved);
    Deno.symlinkSync(moved, a.files);
    ledger.write(a, "after the move");
    ledger.remove(a, "d/1");
    ledger.write(b, "of b");
    await ledger.settle({ limitMs: 60_000 });
  },
);

testFault(
  "an anchor's root that is emptied holds the deletions until a person decides",
  {},
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await fill(world, ledger);
    const whole = treeOf(b.files);
    await command("rm", "-rf", `${a.files}/d`);
    await heldWhile(world, ledger);
    await a.process.kill();
    await a.process.start();
    await heldWhile(world, ledger);
    const { code, err } = await a.sinkd("reject", a.files);
    assert.equal(code, 0, err);
    await ledger.settle();
    for (const [path, item] of whole) {
      assert.deepEqual(itemAt(`${a.files}/${path}`), item, path);
    }
  },
);

testFault(
  "a server that starts without its disk deletes nothing anywhere, and goes on when it is back",
  {},
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await fill(world, ledger);
    await world.server.stop();
    const away = `${world.directory}/away`;
    Deno.renameSync(world.root, away);
    Deno.mkdirSync(world.root);
    await world.server.start();
    ledger.write(a, "without");
    ledger.write(b, "without, of b");
    await waitFor(
      "a word about it",
      async () => problemsOf(await a.report()).length > 0,
    );
    await world.server.stop();
    await command("rm", "-rf", world.root);
    Deno.renameSync(away, world.root);
    await world.server.start();
    await ledger.settle({ limitMs: 60_000 });
  },
);
