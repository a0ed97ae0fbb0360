import assert from "node:assert/strict";
import {
  bindMount,
  DiskImage,
  missingForImages,
  missingForMounts,
  Tmpfs,
} from "../support/mounts.ts";
import type { Ledger } from "../support/ledger.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";
import { command, testFault, waitTold } from "./rig.ts";

const FILES = 20;

/** Files on the disk and beside it. */
async function fill(world: World, ledger: Ledger): Promise<void> {
  const a = world.client("a");
  ledger.makeDirectory(a, "m/d");
  for (let i = 0; i < FILES; i++) ledger.write(a, `m/d/${i}`);
  ledger.write(a, "m/top");
  ledger.write(a, "beside");
  await ledger.settle();
}

/** An ext4 on `m` in the anchor of `a`, from before anything was in it. */
async function diskIn(a: WorldClient): Promise<DiskImage> {
  Deno.mkdirSync(`${a.files}/m`);
  const disk = await DiskImage.make(`${a.home}/image`, `${a.files}/m`);
  await command("rm", "-rf", `${a.files}/m/lost+found`);
  return disk;
}

/** `a` is Held for its mount and says so; `b` keeps all; edits beside it go both ways; the bare directory stays as it is. */
async function heldWhile(
  world: World,
  ledger: Ledger,
  reason: RegExp,
): Promise<void> {
  const [a, b] = [world.client("a"), world.client("b")];
  const whole = treeOf(`${b.files}/m`);
  const bare = [...listing(`${a.files}/m`)];
  await waitFor("a to be held", async () => {
    const { state, held } = await a.anchor();
    return state === "Held" && held !== null && reason.test(held.reason) &&
      held.reason.includes(`${a.files}/m`) &&
      held.fix.includes("sinkd approve");
  }, { limitMs: 40_000 });
  assert.equal((await a.sinkd("status")).code, 4);
  ledger.write(b, "m/d/0");
  ledger.write(b, `m/new ${ledger.count}`);
  const removed = [...whole.keys()].find((path) => /^d\/1/.test(path));
  assert.ok(removed !== undefined);
  ledger.remove(b, `m/${removed}`);
  const beside = `beside ${ledger.count}`;
  ledger.write(a, `${beside} of a`);
  ledger.write(b, `${beside} of b`);
  await waitFor(
    "the edits beside it to be carried",
    () =>
      itemAt(`${a.files}/${beside} of b`) !== undefined &&
      itemAt(`${b.files}/${beside} of a`) !== undefined,
    { limitMs: 40_000 },
  );
  await waitFor("a to have seen the head", async () => {
    const { stamp, server } = await a.report();
    return JSON.stringify(stamp) === JSON.stringify(server.stamp);
  });
  assert.deepEqual([...listing(`${a.files}/m`)], bare);
  for (const [path, item] of whole) {
    if (path === "d/0" || path === removed) continue;
    assert.deepEqual(itemAt(`${b.files}/m/${path}`), item, path);
  }
}

function listing(directory: string): Set<string> {
  try {
    return new Set(treeOf(directory).keys());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Set();
    throw error;
  }
}

testFault(
  "edits go both ways below a disk that is mounted in an anchor",
  { missing: missingForImages() },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await using _disk = await diskIn(a);
    await fill(world, ledger);
    ledger.write(b, "m/d/0");
    ledger.write(b, "m/d/large", { bytes: 300_000 });
    Deno.symlinkSync("d/0", `${b.files}/m/link`);
    ledger.remove(b, "m/d/1");
    ledger.makeDirectory(b, "m/new");
    ledger.write(b, "m/new/below");
    ledger.write(a, "m/d/2");
    await ledger.settle();
    ledger.remove(b, "m/d");
    await ledger.settle();
  },
);

const GOES: Readonly<
  Record<string, {
    mount: (a: WorldClient) => Promise<
      {
        unmount: () => Promise<void>;
        mount: () => Promise<void>;
      } & AsyncDisposable
    >;
    missing: string | undefined;
  }>
> = {
  "a disk": { missing: missingForImages(), mount: diskIn },
  "a bind mount of the same disk": {
    missing: missingForMounts(),
    mount: async (a) => {
      Deno.mkdirSync(`${a.files}/m`);
      Deno.mkdirSync(`${a.home}/bound`);
      const bind = () => bindMount(`${a.home}/bound`, `${a.files}/m`);
      let bound: AsyncDisposable | undefined = await bind();
      const unmount = async () => {
        await bound?.[Symbol.asyncDispose]();
        bound = undefined;
      };
      return {
        unmount,
        mount: async () => {
          bound = await bind();
        },
        [Symbol.asyncDispose]: unmount,
      };
    },
  },
};

for (const [what, { missing, mount }] of Object.entries(GOES)) {
  testFault(
    `${what} in an anchor that is unmounted is no deletion, neither while the client runs nor at its start`,
    { missing },
    async (world, ledger) => {
      const a = world.client("a");
      await using disk = await mount(a);
      await fill(world, ledger);
      await disk.unmount();
      await heldWhile(world, ledger, /gone/);
      await a.process.kill();
      await a.process.start();
      await heldWhile(world, ledger, /gone/);
      await disk.mount();
      await ledger.settle({ limitMs: 60_000 });
      // It is watched again: an edit in place makes no other trace.
      ledger.write(a, "m/d/7");
      await ledger.settle();
      await a.process.stop();
      await disk.unmount();
      Deno.removeSync(`${a.files}/m`);
      await a.process.start();
      await heldWhile(world, ledger, /gone/);
      await a.process.stop();
      Deno.mkdirSync(`${a.files}/m`);
      await disk.mount();
      await a.process.start();
      await ledger.settle({ limitMs: 60_000 });
    },
  );
}

testFault(
  "a file system that is mounted over synced files hides them and deletes nothing",
  { missing: missingForMounts() },
  async (world, ledger) => {
    const a = world.client("a");
    Deno.mkdirSync(`${a.files}/m`);
    await fill(world, ledger);
    {
      await using _tmpfs = await Tmpfs.mount(`${a.files}/m`, "size=1m");
      await a.sinkd("rescan");
      await heldWhile(world, ledger, /hides/);
      await a.process.kill();
      await a.process.start();
      await heldWhile(world, ledger, /hides/);
    }
    await ledger.settle({ limitMs: 60_000 });
  },
);

testFault(
  "a disk that was mounted on a directory in step, and is gone before any scan, is no deletion",
  { missing: missingForImages() },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    ledger.makeDirectory(a, "m");
    await ledger.settle();
    await using disk = await DiskImage.make(`${a.home}/image`, `${a.files}/m`);
    await command("rm", "-rf", `${a.files}/m/lost+found`);
    await fill(world, ledger);
    await disk.unmount();
    await heldWhile(world, ledger, /gone/);
    assert.notEqual(itemAt(`${b.files}/m/d/5`), undefined);
    await disk.mount();
    await ledger.settle({ limitMs: 60_000 });
  },
);

testFault(
  "a disk in an anchor that is gone for good is given up by approve: all comes back, nothing is deleted",
  { missing: missingForImages() },
  async (world, ledger) => {
    const a = world.client("a");
    await using disk = await diskIn(a);
    await fill(world, ledger);
    await disk.unmount();
    await heldWhile(world, ledger, /gone/);
    const { code, err } = await a.sinkd("approve", `${a.files}/m`);
    assert.equal(code, 0, err);
    await ledger.settle({ limitMs: 60_000 });
    assert.notEqual(itemAt(`${a.files}/m/d/5`), undefined);
  },
);

testFault(
  "what cannot go in below a read-only mount is told once, with its fix, and goes in when it can",
  { missing: missingForMounts() },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    Deno.mkdirSync(`${a.files}/m`);
    await using tmpfs = await Tmpfs.mount(`${a.files}/m`, "size=8m");
    await fill(world, ledger);
    await tmpfs.remount("ro");
    ledger.write(b, "m/d/0", { bytes: 100_000 });
    ledger.write(b, "beside");
    await waitTold(a, /mounted read-only/);
    const { errors } = await a.anchor();
    assert.deepEqual(errors.map(({ path }) => path), [`${a.files}/m/d/0`]);
    await tmpfs.remount("rw");
    await ledger.settle({ limitMs: 60_000 });
    assert.deepEqual((await a.anchor()).errors, []);
  },
);
