import assert from "node:assert/strict";
import type { AnchorConfig } from "../../lib/core/config.ts";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import { settleRecords } from "../../lib/daemon/anchor_records.ts";
import { type AnchorStore, ClientStore } from "../../lib/io/base_store.ts";
import { openDigests } from "../../lib/io/digest_store.ts";
import { IncomingGuard } from "../../lib/turn/incoming_guard.ts";
import { DirectAnchor, DirectServer } from "../support/direct_turn.ts";
import { tempDirectory } from "../support/temp.ts";

/** A machine with one anchor, over the real record, files and turns. */
interface Machine {
  readonly root: string;
  readonly record: AnchorStore;
  /** As after a start: nothing is remembered but the record. */
  readonly anchor: () => DirectAnchor;
}

async function withMachines(
  work: (
    given: { server: DirectServer; a: Machine; b: Machine },
  ) => Promise<void>,
): Promise<void> {
  await using temp = tempDirectory();
  using server = new DirectServer(`${temp.path}/server`, "0123456789abcdef");
  await using stack = new AsyncDisposableStack();
  const machine = (name: string): Machine => {
    const root = `${temp.path}/${name}`;
    Deno.mkdirSync(root);
    const store = stack.use(new ClientStore(":memory:"));
    using digests = openDigests(":memory:");
    const config: AnchorConfig = {
      path: root,
      name: "docs",
      excludes: [],
      intervalMs: 0,
      trustsOthers: false,
      rsync: {
        compress: false,
        bwlimit: undefined,
        partial: false,
        checksum: false,
        maxSize: undefined,
        minSize: undefined,
      },
    };
    settleRecords(store, [config], { user: "alice", digests });
    const record = store.anchor(root);
    const guard = new IncomingGuard(() => performance.now());
    return {
      root,
      record,
      anchor: () => new DirectAnchor(config, record, { client: name, guard }),
    };
  };
  await work({ server, a: machine("a"), b: machine("b") });
}

const COUNT = 120;

/** Both have so many files; those of a directory `d` first. */
async function fill(
  { server, a, b }: { server: DirectServer; a: Machine; b: Machine },
): Promise<void> {
  Deno.mkdirSync(`${a.root}/d`);
  for (let i = 0; i < COUNT; i++) write(a, `d/${i}`);
  write(a, "beside");
  await a.anchor().sync(server);
  await b.anchor().sync(server);
  assert.equal(count(b), COUNT + 2);
}

function write({ root }: Machine, path: string, text = path): void {
  Deno.writeTextFileSync(`${root}/${path}`, text);
  const at = new Date(Date.UTC(2026, 0, 1) + text.length * 1000);
  Deno.utimeSync(`${root}/${path}`, at, at);
}

function count({ root }: Machine): number {
  let found = 0;
  const list = (directory: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      if (name === ".sinkd") continue;
      found++;
      if (isDirectory) list(`${directory}/${name}`);
    }
  };
  list(root);
  return found;
}

function has({ root }: Machine, path: string): boolean {
  try {
    Deno.lstatSync(`${root}/${path}`);
    return true;
  } catch {
    return false;
  }
}

/** Deletes so many files of the directory, and the directory with the last, and sends that. */
async function deleteMany(
  { server, a }: { server: DirectServer; a: Machine },
  how: { readonly from?: number; readonly count: number },
): Promise<void> {
  const { from = 0 } = how;
  for (let i = from; i < from + how.count; i++) {
    Deno.removeSync(`${a.root}/d/${i}`);
  }
  if (from + how.count === COUNT) Deno.removeSync(`${a.root}/d`);
  await settle(a.anchor(), server);
}

/** Sends all; the person there says yes, or there is nothing to ask. */
async function settle(
  anchor: DirectAnchor,
  server: DirectServer,
): Promise<void> {
  await anchor.sync(server);
  while (anchor.edits.judgeAtMs() !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  anchor.edits.heldPaths();
  anchor.edits.approve();
  await anchor.sync(server);
}

Deno.test("takeTurn() holds deletions of more than half of a large anchor, and takes all else", () =>
  withMachines(async (world) => {
    const { server, a, b } = world;
    await fill(world);
    write(a, "news");
    await deleteMany(world, { count: COUNT });
    await b.anchor().sync(server);
    assert.equal(count(b), COUNT + 3);
    assert.equal(b.record.held().size, COUNT + 1);
    assert.ok(has(b, "news"));
    write(b, "beside", "edited by b");
    await b.anchor().sync(server);
    await a.anchor().sync(server);
    assert.equal(Deno.readTextFileSync(`${a.root}/beside`), "edited by b");
    assert.equal(count(a), 2);
    assert.equal(b.record.held().size, COUNT + 1);
  }));

Deno.test("deleteHeld() deletes what was held, but not what was edited meanwhile", () =>
  withMachines(async (world) => {
    const { server, a, b } = world;
    await fill(world);
    await deleteMany(world, { count: COUNT });
    await b.anchor().sync(server);
    write(b, "d/7", "edited by b");
    await b.anchor().deleteHeld();
    await b.anchor().sync(server);
    await a.anchor().sync(server);
    for (const machine of [a, b]) {
      assert.equal(count(machine), 3);
      assert.equal(Deno.readTextFileSync(`${machine.root}/d/7`), "edited by b");
    }
    assert.equal(b.record.held().size, 0);
  }));

Deno.test("keepHeld() brings what was held back everywhere", () =>
  withMachines(async (world) => {
    const { server, a, b } = world;
    await fill(world);
    await deleteMany(world, { count: COUNT });
    await b.anchor().sync(server);
    const anchor = b.anchor();
    await anchor.sync(server);
    anchor.edits.keepHeld();
    await anchor.sync(server);
    await a.anchor().sync(server);
    assert.equal(count(a), COUNT + 2);
    assert.equal(count(b), COUNT + 2);
    assert.equal(b.record.held().size, 0);
  }));

Deno.test("a file that is edited or made below a held directory goes to the server with that directory", () =>
  withMachines(async (world) => {
    const { server, a, b } = world;
    await fill(world);
    await deleteMany(world, { count: COUNT });
    await b.anchor().sync(server);
    write(b, "d/made", "by b");
    write(b, "d/3", "edited by b");
    await b.anchor().sync(server);
    await a.anchor().sync(server);
    assert.ok(has(a, "d/made") && has(a, "d/3"));
    assert.equal(count(a), 4);
    assert.equal(b.record.held().size, COUNT - 1);
  }));

Deno.test("takeTurn() judges deletions that come in pieces together", () =>
  withMachines(async (world) => {
    const { server, b } = world;
    await fill(world);
    const pieces = [0, 20, 40, 60, 80];
    for (const from of pieces) {
      await deleteMany(world, { from, count: 20 });
      await b.anchor().sync(server);
    }
    assert.ok(count(b) >= (COUNT + 2) / 2, `${count(b)} are left`);
    assert.ok(b.record.held().size > 0);
  }));

Deno.test("takeTurn() holds no renamed directory, also when the new names come after the old ones", () =>
  withMachines(async (world) => {
    const { server, a, b } = world;
    await fill(world);
    const away = `${a.root}.away`;
    Deno.renameSync(`${a.root}/d`, away);
    await settle(a.anchor(), server);
    await b.anchor().sync(server);
    assert.equal(b.record.held().size, COUNT + 1);
    Deno.renameSync(away, `${a.root}/e`);
    await a.anchor().sync(server);
    await b.anchor().sync(server);
    assert.equal(b.record.held().size, 0);
    assert.equal(count(b), COUNT + 2);
    assert.ok(!has(b, "d") && has(b, "e/5"));
  }));

Deno.test("takeTurn() holds a directory as long as what is held in it, whoever made it", () =>
  withMachines(async (world) => {
    const { server, a, b } = world;
    await fill(world);
    const anchor = a.anchor();
    // The files are as old as before; their directory is new, and nothing that counts.
    Deno.mkdirSync(`${a.root}/e`);
    Deno.renameSync(`${a.root}/d`, `${a.root}/e/d`);
    await settle(anchor, server);
    await b.anchor().sync(server);
    assert.ok(has(b, "e/d/5") && !has(b, "d"));
    Deno.removeSync(`${a.root}/e`, { recursive: true });
    await settle(anchor, server);
    await b.anchor().sync(server);
    assert.equal(b.record.held().size, COUNT + 2);
    await b.anchor().sync(server);
    await a.anchor().sync(server);
    assert.ok(has(b, "e/d/5") && !has(a, "e"));
    await b.anchor().deleteHeld();
    await b.anchor().sync(server);
    await a.anchor().sync(server);
    assert.deepEqual([count(a), count(b)], [1, 1]);
  }));

Deno.test("takeTurn() holds nothing that whoever deleted it had made not long ago", () =>
  withMachines(async ({ server, a, b }) => {
    for (let i = 0; i < 30; i++) write(b, `${i}`);
    await b.anchor().sync(server);
    const anchor = a.anchor();
    await anchor.sync(server);
    Deno.mkdirSync(`${a.root}/build`);
    for (let i = 0; i < COUNT; i++) write(a, `build/${i}`);
    await anchor.sync(server);
    await b.anchor().sync(server);
    Deno.removeSync(`${a.root}/build`, { recursive: true });
    await anchor.sync(server);
    while (anchor.edits.judgeAtMs() !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await anchor.sync(server);
    await b.anchor().sync(server);
    assert.equal(b.record.held().size, 0);
    assert.equal(count(b), 30);
  }));

Deno.test("IncomingGuard.judge() forgets what is long ago, and lets the rest go on", () => {
  let nowMs = 0;
  const guard = new IncomingGuard(() => nowMs);
  const paths = (from: number, to: number): RelativePath[] =>
    Array.from(
      { length: to - from },
      (_, index) => relativePath(`${from + index}`),
    );
  const held = new Set<RelativePath>();
  const judge = (some: readonly RelativePath[], known: number, news = 0) => {
    const verdict = guard.judge({ paths: some, known, held, news });
    for (const path of verdict.hold) held.add(path);
    for (const path of verdict.release) held.delete(path);
    return verdict;
  };
  assert.equal(judge(paths(0, 150), 200).hold.length, 150);
  nowMs += 11 * 60_000;
  // What waits for a person does not count with what comes later.
  assert.equal(judge(paths(150, 155), 200).hold.length, 0);
  assert.deepEqual(judge(paths(155, 160), 195, 1000).release, []);
  assert.equal(held.size, 150);
});
