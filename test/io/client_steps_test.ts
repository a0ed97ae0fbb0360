import assert from "node:assert/strict";
import type { ClientStep } from "../../lib/core/client_commit.ts";
import { relativePath } from "../../lib/core/path.ts";
import { Asides } from "../../lib/io/asides.ts";
import { ClientStore } from "../../lib/io/base_store.ts";
import { applySteps } from "../../lib/io/client_steps.ts";
import { FileAreas } from "../../lib/io/file_areas.ts";
import type { ClientCommitResult } from "../../lib/ports.ts";
import {
  copyName,
  entryOf,
  EPOCH,
  foundAt,
  openDisk,
  updateAnchor,
} from "../support/client_rig.ts";
import {
  directory,
  file,
  link,
  makeTree,
  type Planned,
  readTree,
  tempDirectory,
  type Tree,
} from "../support/temp.ts";
import { asNobody } from "../support/unprivileged.ts";

const P = relativePath("p");
const COPY = "p.sinkd-conflict-rig-20260102-120000";

function apply(root: string, steps: readonly ClientStep[]): ClientCommitResult {
  const name = (path: Parameters<typeof copyName>[1]) => copyName(root, path);
  const areas = new FileAreas(root);
  return applySteps(steps, {
    root,
    stages: { files: ".sinkd/incoming", links: ".sinkd/links" },
    copyName: name,
    asides: new Asides({ root, copyName: name, nowMs: Date.now, areas }),
    areas,
  });
}

function stage(root: string, tree: Tree): void {
  Deno.mkdirSync(`${root}/.sinkd/incoming`, { recursive: true });
  makeTree(`${root}/.sinkd/incoming`, tree);
}

Deno.test("applySteps() moves aside to another name when the planned one was taken meanwhile", async () => {
  await using temp = tempDirectory();
  const mine = file("mine");
  makeTree(temp.path, { p: file("local"), [COPY]: mine });
  const { copies } = apply(temp.path, [
    { do: "moveAside", path: P, copy: COPY },
  ]);
  assert.deepEqual(copies, [`${COPY}-2`]);
  assert.deepEqual(readTree(temp.path), {
    [COPY]: mine,
    [`${COPY}-2`]: file("local"),
  });
});

Deno.test("applySteps() moves a directory to another name when the planned one was taken meanwhile", async () => {
  await using temp = tempDirectory();
  makeTree(temp.path, {
    p: directory(),
    "p/n": file("new"),
    [COPY]: directory(),
  });
  const { copies } = apply(temp.path, [
    { do: "removeDirectory", path: P, copy: COPY },
  ]);
  assert.deepEqual(copies, [`${COPY}-2`]);
  assert.deepEqual(readTree(temp.path), {
    [COPY]: directory(),
    [`${COPY}-2`]: directory(),
    [`${COPY}-2/n`]: file("new"),
  });
});

Deno.test("applySteps() keeps a file that comes in the moment after a directory in the way was moved aside", async () => {
  await using temp = tempDirectory();
  const root = temp.path;
  makeTree(root, { p: directory(), "p/n": file("new") });
  stage(root, { p: file("incoming") });
  const rename = Deno.renameSync;
  Deno.renameSync = (from, to) => {
    rename(from, to);
    if (to === `${root}/${COPY}`) Deno.writeTextFileSync(`${root}/p`, "mine");
  };
  try {
    const entry = entryOf(file("incoming"));
    const { left } = apply(root, [{ do: "put", path: P, entry, copy: COPY }]);
    assert.equal(left.length, 1);
  } finally {
    Deno.renameSync = rename;
  }
  assert.equal(Deno.readTextFileSync(`${root}/p`), "mine");
  assert.equal(Deno.readTextFileSync(`${root}/${COPY}/n`), "new");
});

Deno.test("applySteps() makes one copy, not two, when it died after a copy with a name of that time", async () => {
  await using temp = tempDirectory();
  const earlier = COPY.replace("120000", "115959");
  makeTree(temp.path, { d: directory(), "d/p": file("local") });
  Deno.linkSync(`${temp.path}/d/p`, `${temp.path}/d/${earlier}`);
  stage(temp.path, { d: directory(), "d/p": file("incoming") });
  const entry = entryOf(file("incoming"));
  const path = relativePath("d/p");
  const { left, copies } = apply(temp.path, [{ do: "put", path, entry }]);
  assert.deepEqual({ left, copies }, { left: [], copies: [`d/${earlier}`] });
  assert.deepEqual(readTree(temp.path), {
    d: directory(),
    "d/p": file("incoming"),
    [`d/${earlier}`]: file("local"),
  });
});

Deno.test("applySteps() makes one copy, not two, when it died between the copy and the new version", async () => {
  await using temp = tempDirectory();
  makeTree(temp.path, { p: file("local") });
  const disk = openDisk(temp.path);
  const saw = foundAt(disk, P);
  assert.ok(saw !== undefined);
  Deno.linkSync(`${temp.path}/p`, `${temp.path}/${COPY}`);
  stage(temp.path, { p: file("incoming") });
  const entry = entryOf(file("incoming"));
  const steps = [{ do: "put", path: P, entry, saw, copy: COPY } as const];
  const { left, copies } = apply(temp.path, steps);
  assert.deepEqual({ left, copies }, { left: [], copies: [COPY] });
  assert.deepEqual(readTree(temp.path), {
    p: file("incoming"),
    [COPY]: file("local"),
  });
});

Deno.test("applySteps() makes no copy of what it put there before it died, though it was edited since", async () => {
  await using temp = tempDirectory();
  makeTree(temp.path, {});
  stage(temp.path, { p: file("incoming") });
  Deno.linkSync(`${temp.path}/.sinkd/incoming/p`, `${temp.path}/p`);
  Deno.writeTextFileSync(`${temp.path}/p`, "edited");
  Deno.chmodSync(`${temp.path}/p`, 0o600);
  const entry = entryOf(file("incoming"));
  const { left, copies } = apply(temp.path, [{ do: "put", path: P, entry }]);
  assert.deepEqual({ left, copies }, { left: [], copies: [] });
  assert.deepEqual(Object.keys(readTree(temp.path)), ["p"]);
  assert.equal(Deno.readTextFileSync(`${temp.path}/p`), "edited");
  assert.equal((Deno.lstatSync(`${temp.path}/p`).mode ?? 0) & 0o777, 0o600);
});

Deno.test("applySteps() makes no copy when it died just after the old version was set aside", async () => {
  for (const edited of [false, true]) {
    await using temp = tempDirectory();
    const root = temp.path;
    makeTree(root, { p: file("local") });
    const found = foundAt(openDisk(root), P);
    assert.ok(found !== undefined);
    const saw = { ...found, ctimeS: found.ctimeS - 10 }; // a second name changes it
    stage(root, { p: file("incoming") });
    const name = (path: Parameters<typeof copyName>[1]) => copyName(root, path);
    const areas = new FileAreas(root);
    const asides = new Asides({ root, copyName: name, nowMs: Date.now, areas });
    Deno.linkSync(`${root}/p`, asides.place(P, saw));
    if (edited) Deno.writeTextFileSync(`${root}/p`, "an edit");
    await asides.recover();
    const entry = entryOf(file("incoming"));
    const { copies } = applySteps([{ do: "put", path: P, entry, saw }], {
      root,
      stages: { files: ".sinkd/incoming", links: ".sinkd/links" },
      copyName: name,
      asides,
      areas,
    });
    assert.equal(copies.length, edited ? 1 : 0);
    assert.equal(Deno.readTextFileSync(`${root}/p`), "incoming");
  }
});

Deno.test("applySteps() leaves a path, and does the others, when its staged version is gone", async () => {
  await using temp = tempDirectory();
  stage(temp.path, { q: file("q") });
  const put = (path: string): ClientStep => ({
    do: "put",
    path: relativePath(path),
    entry: entryOf(file(path)),
  });
  const { left } = apply(temp.path, [put("p"), put("q")]);
  assert.deepEqual(left.map(({ path }) => path), ["p"]);
  assert.deepEqual(readTree(temp.path), { q: file("q") });
});

Deno.test("applySteps() keeps what cannot be carried when it stands where a file must go", async () => {
  await using temp = tempDirectory();
  const { success } = await new Deno.Command("mkfifo", {
    args: [`${temp.path}/p`],
  }).output();
  assert.ok(success);
  stage(temp.path, { p: file("incoming") });
  const { left } = apply(temp.path, [
    { do: "put", path: P, entry: entryOf(file("incoming")) },
  ]);
  assert.deepEqual(left, [{
    path: P,
    reason: "what is there is a named pipe (FIFO)",
  }]);
  assert.equal(Deno.lstatSync(`${temp.path}/p`).isFifo, true);
});

/** Brings a clean anchor with `base` to `incoming` as an account that modes bind. */
async function update(
  item: { base: Tree; local?: Tree; incoming: Tree },
  check: (root: string, left: readonly { path: string }[]) => void,
): Promise<void> {
  await using temp = tempDirectory();
  if (Deno.uid() === 0) Deno.chownSync(temp.path, 65534, 65534);
  using client = new ClientStore(":memory:");
  await asNobody(async () => {
    const root = temp.path;
    const { base, incoming } = item;
    makeWithModes(root, base);
    const disk = openDisk(root);
    const store = client.anchor("/anchor");
    store.agree(
      Object.keys(base).map(relativePath).map((path) => ({
        path,
        base: foundAt(disk, path),
      })),
      { epoch: EPOCH, stamp: { date: 20260101, cycle: 0 } },
    );
    const paths = [...new Set([...Object.keys(base), ...Object.keys(incoming)])]
      .sort().map(relativePath);
    const changes = paths.flatMap((path) => {
      const after = incoming[path];
      if (JSON.stringify(after) === JSON.stringify(base[path])) return [];
      return [after === undefined ? { path } : { path, entry: entryOf(after) }];
    });
    const { left } = await updateAnchor({ root, store, disk }, {
      changes,
      content: incoming,
    });
    check(root, left);
  });
}

/** As `makeTree`, with directory modes given last, deepest first. */
function makeWithModes(root: string, tree: Tree): void {
  const open: Record<string, Planned> = {};
  for (const [path, planned] of Object.entries(tree)) {
    open[path] = planned.kind === "directory" ? directory(0o700) : planned;
  }
  makeTree(root, open);
  for (const path of Object.keys(tree).sort().reverse()) {
    const planned = tree[path];
    if (planned?.kind === "directory") {
      Deno.chmodSync(`${root}/${path}`, planned.mode);
    }
  }
}

const closed = directory(0o500);
const LATER = { mtimeMs: 1_700_000_060_000 };
const CLOSED: [string, Tree, Tree][] = [
  ["a file changes in it", { d: closed, "d/f": file("1") }, {
    d: closed,
    "d/f": file("second", LATER),
  }],
  ["a file comes into it", { d: closed }, { d: closed, "d/f": file("1") }],
  ["a link comes into it", { d: closed }, { d: closed, "d/l": link("x") }],
  ["a file in it goes", { d: closed, "d/f": file("1") }, { d: closed }],
  ["it goes with what is in it", { d: closed, "d/f": file("1") }, {}],
  ["one inside it goes", { d: closed, "d/e": closed, "d/e/f": file("1") }, {
    d: closed,
  }],
  ["it comes new, with files", {}, {
    d: closed,
    "d/e": closed,
    "d/e/f": file("1", { mode: 0o400 }),
  }],
  ["it becomes a file", { d: closed, "d/f": file("1") }, { d: file("now") }],
  ["a file becomes it", { d: file("was") }, { d: closed, "d/f": file("1") }],
  ["it opens", { d: closed }, { d: directory(), "d/f": file("1") }],
  ["a file loses all modes", { d: closed, "d/f": file("1") }, {
    d: closed,
    "d/f": file("1", { mode: 0 }),
  }],
];
for (const [what, base, incoming] of CLOSED) {
  Deno.test(`takeTurn() manages a directory without write permission when ${what}`, async () => {
    await update({ base, incoming }, (root, left) => {
      assert.deepEqual(left, []);
      if (incoming["d/f"]?.kind === "file" && incoming["d/f"].mode === 0) {
        assert.equal((Deno.lstatSync(`${root}/d/f`).mode ?? 1) & 0o777, 0);
      } else assert.deepEqual(readTree(root), incoming);
    });
  });
}

Deno.test("takeTurn() leaves a path, and says why, when its directory cannot be looked into", async () => {
  const base = { d: directory(0), q: file("q") };
  const incoming = {
    d: directory(0),
    "d/f": file("1"),
    q: file("new q", LATER),
  };
  await update({ base, incoming }, (root, left) => {
    assert.deepEqual(left.map(({ path }) => path), ["d/f"]);
    assert.equal(Deno.readTextFileSync(`${root}/q`), "new q");
  });
});

Deno.test("takeTurn() keeps a local file beside the incoming one when it may not be read for comparing", async () => {
  await using temp = tempDirectory();
  if (Deno.uid() === 0) Deno.chownSync(temp.path, 65534, 65534);
  using client = new ClientStore(":memory:");
  await asNobody(async () => {
    const root = temp.path;
    makeTree(root, { p: file("secret", { mode: 0 }) });
    const disk = openDisk(root);
    const incoming = { p: file("public", LATER) };
    const end = await updateAnchor(
      { root, store: client.anchor("/anchor"), disk },
      {
        changes: [{ path: P, entry: entryOf(incoming.p) }],
        content: incoming,
      },
    );
    assert.deepEqual(end.left, []);
    assert.deepEqual(end.copies, [COPY]);
    Deno.chmodSync(`${root}/${COPY}`, 0o644);
    assert.deepEqual(readTree(root), { ...incoming, [COPY]: file("secret") });
  });
});

Deno.test("snapshot() gives nothing when the file may not be read", async () => {
  await using temp = tempDirectory();
  if (Deno.uid() === 0) Deno.chownSync(temp.path, 65534, 65534);
  await asNobody(async () => {
    makeTree(temp.path, { p: file("secret", { mode: 0 }) });
    assert.equal(await openDisk(temp.path).snapshot(P), undefined);
  });
});
