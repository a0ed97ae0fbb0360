import assert from "node:assert/strict";
import type { Found } from "../../lib/core/entry.ts";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import { type AnchorStore, ClientStore } from "../../lib/io/base_store.ts";
import type { AnchorDisk } from "../../lib/io/client_disk.ts";
import { NO_EXCLUDES } from "../../lib/core/excludes.ts";
import { scanTree } from "../../lib/io/scan.ts";
import type { Batch, ScanView } from "../../lib/ports.ts";
import { AnchorEdits } from "../../lib/turn/edits.ts";
import { EPOCH, foundAt, openDisk } from "../support/client_rig.ts";
import {
  directory,
  file,
  link,
  makeTree,
  readTree,
  replaceAt,
  tempDirectory,
  type Tree,
  turnInto,
} from "../support/temp.ts";

const ALL = { paths: 1000, bytes: 1e9, skip: () => false };

interface Rig {
  readonly root: string;
  readonly store: AnchorStore;
  readonly disk: AnchorDisk;
  readonly edits: AnchorEdits;
  /** The wall clock, and how far it jumped. */
  readonly clock: { ms: number; jumpedMs: number };
  readonly deferred: string[];
  readonly scans: string[];
  readonly rests: number[];
}

/** An anchor that agreed with the server on `base`. */
async function withAnchor(
  base: Tree,
  work: (rig: Rig) => Promise<void>,
): Promise<void> {
  await using temp = tempDirectory();
  const root = temp.path;
  makeTree(root, base);
  using client = new ClientStore(":memory:");
  const store = client.anchor("/anchor");
  const disk = openDisk(root);
  const clock = { ms: 1_800_000_000_000, jumpedMs: 0 };
  const deferred: string[] = [];
  const scans: string[] = [];
  const rests: number[] = [];
  const edits = new AnchorEdits({
    base: store,
    disk,
    nowMs: () => clock.ms,
    steadyMs: () => clock.ms - clock.jumpedMs,
    rest: (ms) => {
      rests.push(ms);
      clock.ms += ms;
      return Promise.resolve();
    },
    defer: (path) => deferred.push(path),
    fetch: () => {},
    scan: (path) => scans.push(path),
    scanAll: () => {},
  });
  agreeOn({ store, disk }, Object.keys(base));
  await work({ root, store, disk, edits, clock, deferred, scans, rests });
}

function agreeOn(
  { store, disk }: Pick<Rig, "store" | "disk">,
  paths: readonly string[],
): void {
  store.agree(
    paths.map(relativePath).map((path) => ({
      path,
      base: foundAt(disk, path),
    })),
    { epoch: EPOCH, stamp: { date: 20260101, cycle: 4 } },
  );
}

function examine({ edits }: Rig, ...paths: string[]): void {
  edits.examine(paths.map(relativePath));
}

function scan({ root }: Rig): Promise<ScanView> {
  return scanTree(root, { rules: NO_EXCLUDES, only: undefined });
}

function names({ changes }: Batch): string[] {
  return changes.map(({ path, entry }) => `${entry?.kind ?? "gone"} ${path}`);
}

const BASE: Tree = {
  d: directory(),
  "d/e": directory(),
  "d/e/f": file("f"),
  "d/g": file("g"),
  l: link("d"),
  top: file("top"),
};

Deno.test("collect() gives nothing when nothing changed, whatever was examined or scanned", async () => {
  await withAnchor(BASE, async (rig) => {
    examine(rig, ...Object.keys(BASE), "never/was", "never");
    rig.edits.applyScan(await scan(rig));
    assert.equal(rig.edits.count(), 0);
    assert.deepEqual(await rig.edits.collect(ALL), {
      changes: [],
      found: [],
      more: false,
    });
  });
});

const CHANGES: [string, Tree, string[]][] = [
  ["a file changed", { ...BASE, top: file("other") }, ["file top"]],
  ["a mode changed", { ...BASE, d: directory(0o700) }, ["directory d"]],
  ["a link changed", { ...BASE, l: link("elsewhere") }, ["link l"]],
  ["a file came", { ...BASE, "d/new": file("n") }, ["file d/new"]],
  ["a tree came", { ...BASE, n: directory(), "n/x": file("x") }, [
    "directory n",
    "file n/x",
  ]],
  ["all is gone", {}, [
    "gone top",
    "gone l",
    "gone d/g",
    "gone d/e/f",
    "gone d/e",
    "gone d",
  ]],
  ["a tree became a file", { l: link("d"), top: file("top"), d: file("now") }, [
    "gone d/g",
    "gone d/e/f",
    "gone d/e",
    "file d",
  ]],
  ["a tree became a link", { l: link("d"), top: file("top"), d: link("top") }, [
    "gone d/g",
    "gone d/e/f",
    "gone d/e",
    "link d",
  ]],
  ["a file became a tree", {
    ...BASE,
    top: directory(),
    "top/x": file("x"),
  }, ["directory top", "file top/x"]],
];
for (const [what, after, expected] of CHANGES) {
  Deno.test(`collect() gives deletions deepest first and the rest from the top when ${what}`, async () => {
    await withAnchor(BASE, async (rig) => {
      turnInto(rig.root, { before: BASE, after });
      rig.edits.applyScan(await scan(rig));
      assert.deepEqual(names(await rig.edits.collect(ALL)), expected);
      assert.equal(rig.edits.count(), expected.length);
    });
  });

  Deno.test(`examine() finds the same from events at the top when ${what}`, async () => {
    await withAnchor(BASE, async (rig) => {
      turnInto(rig.root, { before: BASE, after });
      examine(rig, "d", "l", "top", "d/new", "n");
      for (const below of rig.scans.splice(0)) {
        const part = await scanTree(rig.root, {
          rules: NO_EXCLUDES,
          only: undefined,
          below: relativePath(below),
        });
        rig.edits.applyScan(part, relativePath(below));
      }
      assert.deepEqual(names(await rig.edits.collect(ALL)), expected);
    });
  });
}

Deno.test("applyScan() does not forget an edit that came after the scan had passed its path", async () => {
  await withAnchor(BASE, async (rig) => {
    const before = await scan(rig);
    replaceAt(rig.root, { path: "top", planned: file("edited") });
    examine(rig, "top");
    rig.edits.applyScan(before);
    assert.deepEqual(names(await rig.edits.collect(ALL)), ["file top"]);
  });
});

Deno.test("applyScan() forgets what could not be carried when it is gone", () =>
  withAnchor({}, async (rig) => {
    const listed = { path: "d/pipe", cause: "is a named pipe" };
    const nothing = await scan(rig);
    rig.edits.applyScan({ ...nothing, uncarriable: [listed] });
    assert.deepEqual([...rig.edits.faults], [["d/pipe", "is a named pipe"]]);
    rig.edits.applyScan(nothing, relativePath("other"));
    assert.equal(rig.edits.faults.size, 1);
    rig.edits.applyScan(nothing);
    assert.equal(rig.edits.faults.size, 0);
  }));

Deno.test("applyScan() of a new directory asks for no other scan of it, and sees when it is gone", async () => {
  await withAnchor(BASE, async (rig) => {
    const below = relativePath("new");
    const part = () =>
      scanTree(rig.root, { rules: NO_EXCLUDES, only: undefined, below });
    makeTree(rig.root, { new: directory() });
    rig.edits.applyScan(await part(), below);
    assert.equal(rig.edits.pending(), 1);
    Deno.removeSync(`${rig.root}/new`);
    rig.edits.applyScan(await part(), below);
    assert.equal(rig.edits.pending(), 0);
    assert.deepEqual(rig.scans, []);
  });
});

Deno.test("examine() has what may not be looked into told once, by its directory, and forgets it when that opens", async () => {
  await withAnchor(BASE, async (rig) => {
    const { disk, edits, scans } = rig;
    const cause = "cannot be read: permission denied";
    const look = disk.look.bind(disk);
    let shut = true;
    disk.look = (path) =>
      shut && path.startsWith("d/e/")
        ? { kind: "unreadable", cause }
        : look(path);
    examine(rig, "d/e/f", "d/e/g");
    assert.deepEqual([...edits.faults.keys()], ["d/e/f", "d/e/g"]);
    assert.deepEqual(scans, ["d/e", "d/e"]);
    const below = relativePath("d/e");
    const part = () =>
      scanTree(rig.root, { rules: NO_EXCLUDES, only: undefined, below });
    const found = new Map([...(await part()).found]
      .filter(([path]) => path === below));
    const unreadable = [{ path: "d/e", cause }];
    const seen = { found, unreadable, uncarriable: [] };
    edits.applyScan(seen, below);
    assert.deepEqual([...edits.faults.keys()], ["d/e"]);
    examine(rig, "d/e/f");
    assert.equal(scans.length, 2);
    shut = false;
    examine(rig, "d/e");
    assert.deepEqual(scans, ["d/e", "d/e", "d/e"]);
    edits.applyScan(await part(), below);
    assert.deepEqual([...edits.faults.keys()], []);
    assert.equal(edits.pending(), 0);
  });
});

Deno.test("examine() of a directory forgets faults in it whose cause is gone", async () => {
  await withAnchor(BASE, async (rig) => {
    const listed = { path: "d/e/pipe", cause: "is a named pipe" };
    rig.edits.applyScan({ ...await scan(rig), uncarriable: [listed] });
    examine(rig, "d");
    assert.equal(rig.edits.faults.size, 0);
    assert.deepEqual(rig.scans, []);
  });
});

Deno.test("applyScan() does not take for deleted what came after the scan, nor what cannot be looked into", async () => {
  await withAnchor(BASE, async (rig) => {
    const { found } = await scan(rig);
    const partial = new Map(found);
    for (const path of ["d/e/f", "top"]) {
      partial.delete(relativePath(path));
    }
    rig.edits.applyScan({
      found: partial,
      unreadable: [{ path: "d/e", cause: "cannot be read" }],
      uncarriable: [],
    });
    assert.equal(rig.edits.count(), 0);
    assert.deepEqual([...rig.edits.faults], [["d/e", "cannot be read"]]);
  });
});

Deno.test("collect() looks again: what is as agreed by then does not go", async () => {
  await withAnchor(BASE, async (rig) => {
    Deno.renameSync(`${rig.root}/l`, `${rig.root}/hidden`);
    examine(rig, "l");
    assert.equal(rig.edits.count(), 1);
    Deno.renameSync(`${rig.root}/hidden`, `${rig.root}/l`);
    assert.deepEqual(await rig.edits.collect(ALL), {
      changes: [],
      found: [],
      more: false,
    });
    assert.equal(rig.edits.count(), 0);
  });
});

Deno.test("collect() asks to compare bytes when size and time are as agreed but the file was touched", async () => {
  await withAnchor(BASE, async (rig) => {
    replaceAt(rig.root, { path: "top", planned: file("t0p") });
    examine(rig, "top");
    const { changes } = await rig.edits.collect(ALL);
    assert.deepEqual(changes.map(({ path, verify }) => [path, verify]), [
      ["top", true],
    ]);
  });
});

Deno.test("collect() stops at its limits, says that there is more, and passes over what it is told to", async () => {
  await withAnchor({}, async (rig) => {
    const paths = ["a", "b", "c", "d"];
    for (const path of paths) makeTree(rig.root, { [path]: file("12345") });
    examine(rig, ...paths);
    assert.equal(rig.edits.bytes(), 20);
    const two = await rig.edits.collect({ ...ALL, paths: 2 });
    assert.deepEqual([names(two), two.more], [["file a", "file b"], true]);
    const bytes = await rig.edits.collect({ ...ALL, bytes: 11 });
    assert.deepEqual([names(bytes).length, bytes.more], [3, true]);
    const skip = (path: RelativePath) => path === "a";
    const rest = await rig.edits.collect({ ...ALL, skip });
    assert.deepEqual([names(rest).length, rest.more], [3, false]);
  });
});

Deno.test("collect() waits for a file of this very moment, and leaves one that is still written", async () => {
  await withAnchor({}, async (rig) => {
    const write = () => {
      replaceAt(rig.root, {
        path: "f",
        planned: file("now", { mtimeMs: rig.clock.ms }),
      });
    };
    makeTree(rig.root, { f: file("now", { mtimeMs: rig.clock.ms - 5 }) });
    examine(rig, "f");
    assert.deepEqual(names(await rig.edits.collect(ALL)), ["file f"]);
    assert.deepEqual(rig.rests.length, 1);
    const look = rig.disk.look.bind(rig.disk);
    rig.disk.look = (path) => {
      write();
      return look(path);
    };
    assert.deepEqual(names(await rig.edits.collect(ALL)), []);
    assert.deepEqual(rig.deferred, ["f"]);
    assert.equal(rig.edits.count(), 0);
    assert.equal(rig.edits.pending(), 1, "it is not forgotten");
    rig.disk.look = look;
    rig.clock.ms += 1000;
    examine(rig, "f");
    assert.deepEqual(names(await rig.edits.collect(ALL)), ["file f"]);
  });
});

Deno.test("collect() sends a copy of a file that moved too often, and is dirty again after that", async () => {
  await withAnchor({}, async (rig) => {
    makeTree(rig.root, { log: file("line") });
    const path = relativePath("log");
    for (let attempt = 0; attempt < 3; attempt++) {
      examine(rig, "log");
      rig.edits.again([{ path, reason: "it changed while it was read" }]);
    }
    examine(rig, "log");
    const { changes, found } = await rig.edits.collect(ALL);
    assert.equal(changes[0]?.snapshot, true);
    const copy = Deno.readTextFileSync(`${rig.root}/.sinkd/outgoing/log`);
    assert.equal(copy, "line");
    assert.deepEqual(found[0]?.entry, changes[0]?.entry);
  });
});

Deno.test("collect() puts off a file that cannot be copied either, and takes the others", async () => {
  await withAnchor({}, async (rig) => {
    makeTree(rig.root, { bad: file("bad"), good: file("good") });
    const path = relativePath("bad");
    for (let attempt = 0; attempt < 3; attempt++) {
      rig.edits.again([{ path, reason: "Permission denied (13)" }]);
    }
    rig.disk.snapshot = () => Promise.resolve(undefined);
    examine(rig, "bad", "good");
    rig.deferred.length = 0;
    assert.deepEqual(names(await rig.edits.collect(ALL)), ["file good"]);
    assert.deepEqual(rig.deferred, ["bad"]);
    assert.equal(rig.edits.count(), 1);
    assert.equal(rig.edits.pending(), 2);
    const why = () => rig.edits.refused.get(path);
    assert.equal(why(), "Permission denied (13)");
    rig.disk.snapshot = () => Promise.reject(new Error("Input/output error"));
    examine(rig, "bad", "good");
    assert.deepEqual(names(await rig.edits.collect(ALL)), ["file good"]);
    assert.equal(why(), "it cannot be copied: Input/output error");
  });
});

Deno.test("again() tells why an edit could not be taken until it is, or is none any more", async () => {
  await withAnchor({}, async (rig) => {
    const path = relativePath("f");
    const refuse = (reason: string) => rig.edits.again([{ path, reason }]);
    const told = () => [...rig.edits.refused];
    makeTree(rig.root, { f: file("1") });
    examine(rig, "f");
    refuse("it changed while it was read");
    assert.deepEqual(told(), []);
    refuse("Permission denied (13)");
    examine(rig, "f"); // tried again: not taken yet
    assert.deepEqual(told(), [["f", "Permission denied (13)"]]);
    refuse("it changed while it was read");
    assert.deepEqual(told(), []);
    refuse("Permission denied (13)");
    rig.edits.done([path]);
    assert.deepEqual(told(), []);
    refuse("Permission denied (13)");
    await Deno.remove(`${rig.root}/f`);
    examine(rig, "f");
    assert.deepEqual(told(), []);
  });
});

Deno.test("done() finds an edit that came while its path was on its way", async () => {
  await withAnchor({ f: file("1") }, async (rig) => {
    replaceAt(rig.root, { path: "f", planned: file("22") });
    examine(rig, "f");
    const { found } = await rig.edits.collect(ALL);
    const sent: Found | undefined = found[0];
    replaceAt(rig.root, { path: "f", planned: file("333") });
    const path = relativePath("f");
    rig.store.agree([{ path, base: sent }], rig.store.position());
    rig.edits.done([path]);
    assert.equal(rig.edits.count(), 1);
    agreeOn(rig, ["f"]);
    rig.edits.done([path]);
    assert.equal(rig.edits.count(), 0);
  });
});

function many(count: number): Tree {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`f${index}`, file("x")]),
  );
}

function removeSome(root: string, count: number): void {
  for (let index = 0; index < count; index++) {
    Deno.removeSync(`${root}/f${index}`);
  }
}

Deno.test("collect() holds most of a large anchor's deletions until a person approves, and takes the rest", async () => {
  await withAnchor(many(120), async (rig) => {
    removeSome(rig.root, 110);
    makeTree(rig.root, { new: file("n") });
    rig.edits.applyScan(await scan(rig));
    rig.clock.ms += 1000;
    assert.equal(rig.edits.count(), 1);
    assert.equal(rig.edits.heldPaths().length, 110);
    assert.deepEqual(names(await rig.edits.collect(ALL)), ["file new"]);
    rig.edits.approve();
    assert.deepEqual(rig.edits.heldPaths(), []);
    assert.equal((await rig.edits.collect(ALL)).changes.length, 111);
  });
});

Deno.test("collect() waits until many deletions are all there before it judges them", async () => {
  await withAnchor(many(400), async (rig) => {
    removeSome(rig.root, 150);
    rig.edits.applyScan(await scan(rig));
    assert.equal(rig.edits.count(), 0, "more may come");
    const judgeAtMs = rig.edits.judgeAtMs() ?? 0;
    assert.ok(judgeAtMs > rig.clock.ms);
    rig.clock.ms = judgeAtMs;
    assert.equal(rig.edits.count(), 150);
  });
});

Deno.test("collect() judges many deletions also when the clock was set back meanwhile", async () => {
  await withAnchor(many(400), async (rig) => {
    removeSome(rig.root, 150);
    rig.edits.applyScan(await scan(rig));
    const judgeAtMs = rig.edits.judgeAtMs() ?? 0;
    const dayMs = 24 * 60 * 60_000;
    rig.clock.jumpedMs -= dayMs;
    rig.clock.ms = judgeAtMs - dayMs;
    assert.equal(rig.edits.count(), 150);
  });
});

Deno.test("collect() does not judge many deletions while a scan may still find where they went", async () => {
  await withAnchor(many(120), async (rig) => {
    Deno.mkdirSync(`${rig.root}/elsewhere`);
    for (let index = 0; index < 120; index++) {
      const name = `f${index}`;
      Deno.renameSync(`${rig.root}/${name}`, `${rig.root}/elsewhere/${name}`);
    }
    const found = await scan(rig);
    await rig.edits.whileScanning(() => {
      examine(rig, ...Object.keys(many(120)));
      rig.clock.ms += 2000;
      assert.equal(rig.edits.count(), 0, "the scan runs");
      return Promise.resolve();
    });
    rig.edits.applyScan(found);
    assert.equal(rig.edits.count(), 121, "the scan is just over");
    rig.clock.ms = (rig.edits.judgeAtMs() ?? 0) + 1;
    assert.deepEqual(rig.edits.heldPaths(), []);
    assert.equal(rig.edits.count(), 241);
  });
});

Deno.test("collect() does not wait for scans without end", async () => {
  await withAnchor(many(120), async (rig) => {
    removeSome(rig.root, 110);
    await rig.edits.whileScanning(() => {
      examine(rig, ...Object.keys(many(120)));
      rig.clock.ms += 31_000;
      assert.equal(rig.edits.heldPaths().length, 110);
      return Promise.resolve();
    });
  });
});

Deno.test("collect() does not hold a renamed directory", async () => {
  const base = { d: directory(), ...prefixed("d", many(150)) };
  const after = { e: directory(), ...prefixed("e", many(150)) };
  await withAnchor(base, async (rig) => {
    turnInto(rig.root, { before: base, after });
    rig.edits.applyScan(await scan(rig));
    rig.clock.ms += 1000;
    assert.deepEqual(rig.edits.heldPaths(), []);
    assert.equal(rig.edits.count(), 302);
  });
});

function prefixed(directory: string, tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([path, planned]) => [
      `${directory}/${path}`,
      planned,
    ]),
  );
}

/** Makes files and hands them in, as a turn does. */
async function send(rig: Rig, tree: Tree): Promise<void> {
  makeTree(rig.root, tree);
  rig.edits.applyScan(await scan(rig));
  rig.clock.ms = Math.max(rig.clock.ms, Date.now()) + 1000;
  const { changes } = await rig.edits.collect(ALL);
  const paths = changes.map(({ path }) => path);
  agreeOn(rig, paths);
  rig.edits.done(paths);
  assert.equal(rig.edits.pending(), 0);
}

const HOUR_MS = 60 * 60_000;
const BUILD = { build: directory(), ...prefixed("build", many(300)) };

async function removeBuild(rig: Rig, name = "build"): Promise<void> {
  Deno.removeSync(`${rig.root}/${name}`, { recursive: true });
  rig.edits.applyScan(await scan(rig));
  rig.clock.ms += 1000;
}

Deno.test("collect() asks nobody about a tree that was made and removed here, again and again, within the hour", async () => {
  await withAnchor(many(120), async (rig) => {
    for (let round = 0; round < 2; round++) {
      await send(rig, BUILD);
      rig.clock.ms += HOUR_MS / 2;
      await removeBuild(rig);
      assert.deepEqual(rig.edits.heldPaths(), []);
      const { changes } = await rig.edits.collect(ALL);
      assert.equal(changes.length, 301);
      const paths = changes.map(({ path }) => path);
      agreeOn(rig, paths);
      rig.edits.done(paths);
    }
  });
});

Deno.test("collect() holds what was made here more than an hour ago", async () => {
  await withAnchor(many(120), async (rig) => {
    await send(rig, BUILD);
    rig.clock.ms += HOUR_MS;
    await removeBuild(rig);
    assert.equal(rig.edits.heldPaths().length, 301);
    assert.ok([...rig.edits.heldAges().values()].every((ms) => ms === 1000));
  });
});

Deno.test("collect() holds old files under a new name, whether their old one went first or last", async () => {
  for (const order of ["first", "last", "at once"]) {
    const base = {
      ...many(120),
      old: directory(),
      ...prefixed("old", many(300)),
    };
    await withAnchor(base, async (rig) => {
      Deno.renameSync(`${rig.root}/old`, `${rig.root}/build`);
      rig.edits.applyScan(await scan(rig));
      rig.clock.ms += 1000;
      const { changes } = await rig.edits.collect(ALL);
      const isGone = ({ path }: { path: string }) => path.startsWith("old");
      const parts = order === "at once"
        ? [changes]
        : [changes.filter(isGone), changes.filter((each) => !isGone(each))];
      if (order === "last") parts.reverse();
      for (const part of parts) {
        const paths = part.map(({ path }) => path);
        agreeOn(rig, paths);
        rig.edits.done(paths);
      }
      await removeBuild(rig);
      assert.equal(rig.edits.heldPaths().length, 301, order);
    });
  }
});

Deno.test("collect() asks nobody about a new tree that was renamed before it was removed", async () => {
  await withAnchor(many(120), async (rig) => {
    await send(rig, BUILD);
    Deno.renameSync(`${rig.root}/build`, `${rig.root}/dist`);
    await send(rig, {});
    await removeBuild(rig, "dist");
    assert.deepEqual(rig.edits.heldPaths(), []);
  });
});

Deno.test("collect() holds an anchor that is emptied, also of what was just made", async () => {
  await withAnchor({}, async (rig) => {
    await send(rig, BUILD);
    await removeBuild(rig);
    assert.equal(rig.edits.heldPaths().length, 301);
  });
});

Deno.test("collect() holds an anchor that is emptied piece by piece, and takes a renamed directory that goes so", async () => {
  const first = Array.from({ length: 8 }, (_, index) => `f${index}`);
  for (const kind of ["emptied", "renamed", "slowly", "put back"]) {
    await withAnchor(many(12), async (rig) => {
      const take = async () => {
        const { changes } = await rig.edits.collect(ALL);
        const paths = changes.map(({ path }) => path);
        agreeOn(rig, paths);
        rig.edits.done(paths);
        return paths;
      };
      const names = Object.keys(many(12));
      removeSome(rig.root, 8);
      examine(rig, ...names);
      assert.equal((await take()).length, first.length, kind);
      if (kind === "slowly") rig.clock.ms += 10_001;
      if (kind === "put back") {
        makeTree(rig.root, many(8));
        examine(rig, ...names);
        await take();
      }
      for (const name of names.slice(8)) Deno.removeSync(`${rig.root}/${name}`);
      if (kind === "renamed") makeTree(rig.root, { new: directory() });
      examine(rig, ...names, "new");
      await take();
      rig.clock.ms += 600;
      const held = kind === "emptied" ? 4 : 0;
      assert.equal(rig.edits.heldPaths().length, held, kind);
    });
  }
});

Deno.test("reject() forgets the deletions, so that all comes back from the server", async () => {
  await withAnchor(many(12), async (rig) => {
    removeSome(rig.root, 12);
    rig.edits.applyScan(await scan(rig));
    assert.deepEqual(rig.edits.heldPaths(), []); // not judged before it is quiet
    rig.clock.ms += 1000;
    assert.equal(rig.edits.heldPaths().length, 12);
    assert.equal(rig.edits.count(), 0);
    assert.equal(rig.edits.reject().length, 12);
    assert.deepEqual(rig.edits.heldPaths(), []);
    assert.equal(rig.edits.pending(), 0);
    assert.equal(rig.store.count(), 0);
    assert.deepEqual(rig.store.position(), {
      epoch: EPOCH,
      stamp: { date: 0, cycle: 0 },
    });
    rig.edits.applyScan(await scan(rig));
    assert.equal(rig.edits.pending(), 0);
    assert.deepEqual(readTree(rig.root), {});
  });
});

Deno.test("examine() names what cannot be carried, and sends no deletion for it", async () => {
  await withAnchor({ p: file("p") }, async (rig) => {
    Deno.removeSync(`${rig.root}/p`);
    const args = [`${rig.root}/p`];
    assert.ok((await new Deno.Command("mkfifo", { args }).output()).success);
    examine(rig, "p");
    assert.equal(rig.edits.count(), 0);
    assert.deepEqual([...rig.edits.faults], [["p", "is a named pipe (FIFO)"]]);
    Deno.removeSync(`${rig.root}/p`);
    examine(rig, "p");
    assert.deepEqual(names(await rig.edits.collect(ALL)), ["gone p"]);
    assert.equal(rig.edits.faults.size, 0);
  });
});

Deno.test("collect() takes a deletion that came after others were held", async () => {
  const base = { ...many(150), "later.txt": many(1)["f0"] ?? directory() };
  await withAnchor(base, async (rig) => {
    removeSome(rig.root, 140);
    rig.edits.applyScan(await scan(rig));
    rig.clock.ms += 1000;
    assert.equal(rig.edits.heldPaths().length, 140);
    Deno.removeSync(`${rig.root}/later.txt`);
    rig.edits.applyScan(await scan(rig));
    assert.equal(rig.edits.count(), 1);
    assert.equal(rig.edits.heldPaths().length, 140);
    rig.edits.approve();
    assert.equal(rig.edits.count(), 141);
  });
});
