import assert from "node:assert/strict";
import type { IncomingChange } from "../../lib/core/channel_protocol.ts";
import { sameContent, sameOrBothAbsent } from "../../lib/core/entry.ts";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import { isDirty } from "../../lib/core/reconcile.ts";
import { type AnchorStore, ClientStore } from "../../lib/io/base_store.ts";
import { finishClientIntent } from "../../lib/turn/take_turn.ts";
import {
  entryOf,
  EPOCH,
  foundAt,
  NO_EDITS,
  openDisk,
  updateAnchor,
} from "../support/client_rig.ts";
import {
  directory,
  eventually,
  file,
  link,
  makeTree,
  readTree,
  replaceAt,
  tempDirectory,
  type Tree,
  turnInto,
} from "../support/temp.ts";

/** All shapes that one path may have on one side. */
const SHAPES: Record<string, Tree> = {
  absent: {},
  v1: { p: file("one") },
  v1mode: { p: file("one", { mode: 0o600 }) },
  v2: { p: file("version two", { mtimeMs: 1_700_000_060_000 }) },
  v3: { p: file("ONE", { mtimeMs: 1_700_000_120_000 }) },
  empty: { p: directory() },
  clean: { p: directory(), "p/c": file("child") },
  fresh: {
    p: directory(0o700),
    "p/c": file("child"),
    "p/n": file("new", { mtimeMs: 1_700_000_180_000 }),
  },
  link: { p: link("somewhere") },
};
/** The size and time of v1 with other bytes: only inode and ctime tell. */
const HIDDEN: Tree = { p: file("0ne") };

interface Case {
  readonly name: string;
  readonly base: Tree;
  readonly local: Tree;
  readonly incoming: Tree;
  readonly join: boolean;
}

function threeWayCases(): Case[] {
  const cases: Case[] = [];
  const shapes = Object.entries(SHAPES);
  for (const [baseName, base] of shapes) {
    const locals = baseName === "v1" || baseName === "v1mode"
      ? [...shapes, ["hidden", HIDDEN] as const]
      : shapes;
    for (const [localName, local] of locals) {
      for (const [incomingName, incoming] of shapes) {
        const name = `${baseName} | ${localName} | ${incomingName}`;
        cases.push({ name, base, local, incoming, join: false });
      }
    }
  }
  for (const [localName, local] of shapes) {
    for (const [incomingName, incoming] of shapes) {
      const name = `join | ${localName} | ${incomingName}`;
      cases.push({ name, base: {}, local, incoming, join: true });
    }
  }
  return cases;
}

interface Rig {
  readonly root: string;
  readonly store: AnchorStore;
}

/** Runs `work` on an anchor that agreed on `base` and has `local` now. */
async function withAnchor<T>(
  { base, local, join }: Pick<Case, "base" | "local" | "join">,
  work: (rig: Rig) => Promise<T>,
): Promise<T> {
  await using directory = tempDirectory();
  const root = directory.path;
  using client = new ClientStore(":memory:");
  const store = client.anchor("/anchor");
  makeTree(root, base);
  const disk = openDisk(root);
  if (!join) {
    const paths = Object.keys(base).map(relativePath);
    store.agree(
      paths.map((path) => ({ path, base: foundAt(disk, path) })),
      { epoch: EPOCH, stamp: { date: 20260101, cycle: 0 } },
    );
  }
  turnInto(root, { before: base, after: local });
  return await work({ root, store });
}

function changesOf({ base, incoming, join }: Case): IncomingChange[] {
  const paths = [...new Set([...Object.keys(base), ...Object.keys(incoming)])]
    .sort().map(relativePath);
  return paths.flatMap((path) => {
    const before = base[path];
    const after = incoming[path];
    if (JSON.stringify(before) === JSON.stringify(after)) return [];
    if (join && after === undefined) return [];
    return [{
      path,
      ...(after === undefined ? {} : { entry: entryOf(after) }),
      ...(before === undefined ? {} : { versions: [entryOf(before)] }),
    }];
  });
}

/** True when the server has just another mode for a file that was edited or replaced here: the edit stays. */
function hasOnlyNewMode(item: Case, path: string): boolean {
  const [base, local, incoming] = [item.base, item.local, item.incoming].map(
    (tree) => tree[path] === undefined ? undefined : entryOf(tree[path]),
  );
  return !item.join && item.local !== HIDDEN && incoming?.kind === "file" &&
    base !== undefined && local !== undefined &&
    sameContent(base, incoming) && !sameContent(base, local);
}

function contentOf(tree: Tree): Set<string> {
  return new Set(
    Object.values(tree).flatMap((planned) =>
      planned.kind === "file"
        ? [`file ${planned.text}`]
        : planned.kind === "link"
        ? [`link ${planned.target}`]
        : []
    ),
  );
}

const isCopy = (path: string) => path.includes(".sinkd-conflict-");

function assertInvariants(
  item: Case,
  after: { tree: Tree; store: AnchorStore; root: string },
): void {
  const { base, local, incoming } = item;
  const { tree, store, root } = after;
  const known = new Set([...contentOf(base), ...contentOf(incoming)]);
  const kept = contentOf(tree);
  for (const content of contentOf(local)) {
    assert.ok(
      known.has(content) || kept.has(content),
      `the local '${content}' is lost`,
    );
  }
  for (const { path, entry } of changesOf(item)) {
    const alike = entry !== undefined && local === HIDDEN &&
      JSON.stringify(entry) === JSON.stringify(entryOf(file("one")));
    if (entry === undefined || alike) continue;
    const expected = hasOnlyNewMode(item, path) ? local[path] : incoming[path];
    assert.deepEqual(tree[path], expected, `at '${path}'`);
  }
  if (!item.join && JSON.stringify(base) === JSON.stringify(local)) {
    assert.deepEqual(tree, { ...incoming }, "clean: all of incoming, no more");
  }
  if (contentOf(local).isSubsetOf(contentOf(incoming))) {
    assert.ok(!Object.keys(tree).some(isCopy), "nothing to copy, yet a copy");
  }
  const disk = openDisk(root);
  const everywhere = [
    ...Object.keys(tree),
    ...Object.keys(incoming),
    ...store.bases().keys(),
  ];
  for (const path of new Set(everywhere.map(relativePath))) {
    assertTold(path, { item, tree, store, dirty: dirtyAt(path) });
  }

  function dirtyAt(path: RelativePath): boolean {
    return isDirty(foundAt(disk, path), store.row(path).base);
  }
}

/** What the server has and what lies here may differ only where the path is dirty. */
function assertTold(
  path: RelativePath,
  { item, tree, store, dirty }: {
    item: Case;
    tree: Tree;
    store: AnchorStore;
    dirty: boolean;
  },
): void {
  const theirs = item.incoming[path];
  const ours = tree[path];
  const { base } = store.row(path);
  if (JSON.stringify(theirs) !== JSON.stringify(ours)) {
    assert.ok(dirty, `'${path}' differs from the server and is not dirty`);
  }
  const known = theirs === undefined ? undefined : entryOf(theirs);
  assert.ok(
    base === undefined || sameOrBothAbsent(base.entry, known),
    `the base of '${path}' is not what the server has`,
  );
}

/** What an untroubled update makes of a case; `steps` counts the plan's steps. */
async function update(item: Case): Promise<{ tree: Tree; steps: number }> {
  return await withAnchor(item, async ({ root, store }) => {
    let steps = 0;
    const disk = openDisk(root);
    const apply = disk.apply.bind(disk);
    disk.apply = (intent) => {
      steps = intent.steps.length;
      return apply(intent);
    };
    const end = await updateAnchor({ root, store, disk }, {
      changes: changesOf(item),
      content: item.incoming,
    });
    assert.deepEqual(end.left, []);
    assert.deepEqual(store.position().stamp, { date: 20260102, cycle: 1 });
    const tree = readTree(root);
    assertInvariants(item, { tree, store, root });
    return { tree, steps };
  });
}

/** The same with a crash after `steps` steps, and a start after that. */
async function updateWithCrash(item: Case, steps: number): Promise<Tree> {
  return await withAnchor(item, async ({ root, store }) => {
    // A clock ahead of all mtimes: nothing here was written after it was set aside.
    const dying = openDisk(root, { nowMs: () => Date.now() + 60_000 });
    dying.steps = steps;
    await assert.rejects(
      updateAnchor({ root, store, disk: dying }, {
        changes: changesOf(item),
        content: item.incoming,
      }),
      /died after/,
    );
    const disk = openDisk(root);
    await disk.asides.recover();
    await finishClientIntent(store, disk, NO_EDITS);
    await disk.closeStage();
    const tree = readTree(root);
    assertInvariants(item, { tree, store, root });
    return tree;
  });
}

const CASES = threeWayCases();

for (const base of [...Object.keys(SHAPES), "join"]) {
  const some = CASES.filter(({ name }) => name.startsWith(`${base} |`));
  Deno.test(`takeTurn() loses no local version when the base is '${base}', crash or not`, async () => {
    for (const item of some) {
      try {
        const { tree, steps } = await update(item);
        for (let done = 0; done < steps; done++) {
          assert.deepEqual(
            await updateWithCrash(item, done),
            tree,
            `after a crash with ${done} of ${steps} steps done`,
          );
        }
      } catch (error) {
        throw new Error(`base | local | incoming = ${item.name}: ${error}`, {
          cause: error,
        });
      }
    }
  });
}

const V1: Tree = { p: file("one") };
const V2: Tree = { p: file("version two", { mtimeMs: 1_700_000_060_000 }) };
const COPY = "p.sinkd-conflict-rig-20260102-120000";

/** Takes `incoming` in over a clean `base`, with `lastInstant` between plan and commit. */
async function race(
  item: { base: Tree; incoming: Tree },
  lastInstant: (root: string) => void,
): Promise<{ tree: Tree; dirty: boolean }> {
  const full = { ...item, local: item.base, join: false, name: "race" };
  return await withAnchor(full, async ({ root, store }) => {
    const disk = openDisk(root);
    disk.lastInstant = () => lastInstant(root);
    await updateAnchor({ root, store, disk }, {
      changes: changesOf(full),
      content: item.incoming,
    });
    const tree = readTree(root);
    const dirty = [...Object.keys(tree), "p"].map(relativePath).some((path) =>
      isDirty(foundAt(disk, path), store.row(path).base)
    );
    return { tree, dirty };
  });
}

const LATE = file("written in the last instant", {
  mtimeMs: 1_700_000_999_000,
});

Deno.test("apply() keeps a file beside the incoming one when it is replaced after the plan", async () => {
  const { tree } = await race({ base: V1, incoming: V2 }, (root) => {
    replaceAt(root, { path: "p", planned: LATE });
  });
  assert.deepEqual(tree, { p: V2["p"], [COPY]: LATE });
});

Deno.test("apply() keeps a file beside the incoming one when it is written in place after the plan", async () => {
  const { tree } = await race({ base: V1, incoming: V2 }, (root) => {
    Deno.writeTextFileSync(`${root}/p`, "in place");
    Deno.utimeSync(`${root}/p`, 1_700_000_999, 1_700_000_999);
  });
  assert.deepEqual(tree, {
    p: V2["p"],
    [COPY]: file("in place", { mtimeMs: 1_700_000_999_000 }),
  });
});

Deno.test("apply() lets a file live, and go again, when it is written after the plan to delete it", async () => {
  const { tree, dirty } = await race({ base: V1, incoming: {} }, (root) => {
    replaceAt(root, { path: "p", planned: LATE });
  });
  assert.deepEqual(tree, { p: LATE });
  assert.ok(dirty);
});

Deno.test("apply() lets a directory live, and go again, when a file comes into it after the plan", async () => {
  const base = { p: directory(), "p/c": file("child") };
  const { tree, dirty } = await race({ base, incoming: {} }, (root) => {
    makeTree(root, { "p/late": LATE });
  });
  assert.deepEqual(tree, { p: directory(), "p/late": LATE });
  assert.ok(dirty);
});

Deno.test("apply() keeps a new file beside the incoming one when it appears after the plan", async () => {
  const { tree } = await race({ base: {}, incoming: V2 }, (root) => {
    makeTree(root, { p: LATE });
  });
  assert.deepEqual(tree, { p: V2["p"], [COPY]: LATE });
});

Deno.test("apply() keeps a whole directory when it takes the file's place after the plan", async () => {
  const { tree } = await race({ base: V1, incoming: V2 }, (root) => {
    Deno.removeSync(`${root}/p`);
    makeTree(root, { p: directory(), "p/late": LATE });
  });
  assert.deepEqual(tree, {
    p: V2["p"],
    [COPY]: directory(),
    [`${COPY}/late`]: LATE,
  });
});

Deno.test("apply() does not write through a link that takes a directory's place after the plan", async () => {
  await using outside = tempDirectory();
  makeTree(outside.path, { c: file("outside") });
  const base = { p: directory(), "p/c": file("child") };
  const incoming = { p: directory(), "p/c": file("changed"), "p/n": file("n") };
  await withAnchor({ base, local: base, join: false }, async (rig) => {
    const disk = openDisk(rig.root);
    disk.lastInstant = () => {
      Deno.renameSync(`${rig.root}/p`, `${rig.root}/moved`);
      Deno.symlinkSync(outside.path, `${rig.root}/p`);
    };
    const item = { base, local: base, incoming, join: false, name: "" };
    const end = await updateAnchor({ ...rig, disk }, {
      changes: changesOf(item),
      content: incoming,
    });
    assert.deepEqual(end.left.map(({ path }) => path).sort(), ["p/c", "p/n"]);
    assert.deepEqual(readTree(outside.path), { c: file("outside") });
    assert.deepEqual(rig.store.position().stamp, { date: 20260101, cycle: 0 });
  });
});

Deno.test("apply() makes no second conflict copy of a file that has one, although the planned name was taken", async () => {
  const local: Tree = { p: file("mine", { mtimeMs: 1_700_000_030_000 }) };
  const item = { base: V1, local, incoming: V2, join: false, name: "" };
  await withAnchor(item, async (rig) => {
    const disk = openDisk(rig.root);
    // As crashes leave it that come between a copy and what takes its file's place.
    disk.lastInstant = () => {
      Deno.writeTextFileSync(`${rig.root}/${COPY}`, "another");
      Deno.linkSync(`${rig.root}/p`, `${rig.root}/${COPY}-2`);
    };
    await updateAnchor({ ...rig, disk }, {
      changes: changesOf(item),
      content: V2,
    });
    const names = Object.keys(readTree(rig.root)).sort();
    assert.deepEqual(names, ["p", COPY, `${COPY}-2`]);
  });
});

Deno.test("takeTurn() stays where it was, and takes nothing, when a file does not arrive whole", async () => {
  const item = { base: V1, local: V1, incoming: V2, join: false, name: "" };
  await withAnchor(item, async (rig) => {
    const disk = openDisk(rig.root);
    const end = await updateAnchor({ ...rig, disk }, {
      changes: changesOf(item),
      content: V2,
      missing: ["p"],
    });
    assert.deepEqual(end.left.map(({ path }) => path), ["p"]);
    assert.deepEqual(rig.store.position().stamp, { date: 20260101, cycle: 0 });
    assert.deepEqual(readTree(rig.root), V1);
  });
});

Deno.test("takeTurn() takes a file that could not be replaced for clean still, although its ctime is another", async () => {
  const item = { base: V1, local: V1, incoming: V2, join: false, name: "" };
  await withAnchor(item, async (rig) => {
    const disk = openDisk(rig.root);
    const path = relativePath("p");
    const full = `${rig.root}/${path}`;
    const since = foundAt(disk, path)?.ctimeS ?? 0;
    await eventually(() => Date.now() / 1000 > since + 1.01, {
      what: "another second",
    });
    const apply = disk.apply.bind(disk);
    disk.apply = () => {
      Deno.linkSync(full, `${full}.aside`);
      Deno.removeSync(`${full}.aside`);
      const left = [{ path, reason: "Permission denied" }];
      return Promise.resolve({ left, copies: [], placed: new Map() });
    };
    const update = { changes: changesOf(item), content: V2 };
    const failed = await updateAnchor({ ...rig, disk }, update);
    assert.deepEqual(failed.left.map(({ path }) => path), ["p"]);
    assert.notEqual(foundAt(disk, path)?.ctimeS, since);
    disk.apply = apply;
    const end = await updateAnchor({ ...rig, disk }, update);
    assert.deepEqual(end.copies, []);
    assert.deepEqual(readTree(rig.root), V2);
  });
});

Deno.test("takeTurn() takes a file of the same size and time that replaced the incoming one at once for an edit", async () => {
  const item = { base: V1, local: V1, incoming: V2, join: false, name: "" };
  for (const after of ["nothing", "a replacement"]) {
    await withAnchor(item, async (rig) => {
      const disk = openDisk(rig.root);
      const path = relativePath("p");
      const apply = disk.apply.bind(disk);
      disk.apply = async (intent) => {
        const result = await apply(intent);
        const planned = V2["p"];
        assert.ok(planned?.kind === "file");
        if (after === "a replacement") {
          const text = planned.text.replace(/./, "#");
          replaceAt(rig.root, { path, planned: { ...planned, text } });
        }
        return result;
      };
      await updateAnchor({ ...rig, disk }, {
        changes: changesOf(item),
        content: V2,
      });
      const { base } = rig.store.row(path);
      const found = foundAt(disk, path);
      assert.deepEqual(base?.entry, found?.entry);
      const agreed = base?.inode === found?.inode;
      assert.equal(agreed, after === "nothing", `after ${after}`);
    });
  }
});

Deno.test("takeTurn() joins only once when a path of the first turn cannot be brought in", async () => {
  const incoming = { a: file("a"), p: file("p") };
  const item = { base: {}, local: {}, incoming, join: true, name: "" };
  await withAnchor(item, async (rig) => {
    const disk = openDisk(rig.root);
    await updateAnchor({ ...rig, disk }, {
      changes: changesOf(item),
      content: incoming,
      missing: ["p"],
    });
    assert.equal(rig.store.position().epoch, EPOCH);
    Deno.removeSync(`${rig.root}/a`);
    await updateAnchor({ ...rig, disk }, {
      changes: changesOf(item),
      content: incoming,
      complete: true,
    });
    assert.deepEqual(readTree(rig.root), { p: file("p") });
  });
});

Deno.test("takeTurn() deletes nothing when the server's head is older than what this client has", async () => {
  const item = { base: V1, local: V1, incoming: V1, join: false, name: "" };
  await withAnchor(item, async (rig) => {
    const disk = openDisk(rig.root);
    const { base } = rig.store.row(relativePath("p"));
    assert.ok(base !== undefined);
    rig.store.agree([{ path: relativePath("p"), base }], {
      epoch: EPOCH,
      stamp: { date: 20270101, cycle: 0 },
    });
    await updateAnchor({ ...rig, disk }, { changes: [], content: {} });
    assert.deepEqual(readTree(rig.root), V1);
    const row = rig.store.row(relativePath("p")).base;
    assert.ok(isDirty(foundAt(disk, relativePath("p")), row));
  });
});

Deno.test("takeTurn() deletes what a complete list does not name, but no edit", async () => {
  const base = { p: file("one"), q: file("two"), d: directory() };
  const local = { ...base, q: file("edited"), d: directory(), new: file("n") };
  await withAnchor({ base, local, join: false }, async (rig) => {
    const disk = openDisk(rig.root);
    await updateAnchor({ ...rig, disk }, {
      changes: [],
      content: {},
      complete: true,
    });
    assert.deepEqual(readTree(rig.root), {
      q: file("edited"),
      new: file("n"),
    });
  });
});

Deno.test("takeTurn() does not take unseen bytes for equal when the comparing call had a fault", async () => {
  const incoming = { p: file("one", { mode: 0o600 }) };
  const item = { base: V1, local: HIDDEN, incoming, join: false, name: "" };
  await withAnchor(item, async (rig) => {
    const disk = openDisk(rig.root);
    const end = await updateAnchor({ ...rig, disk }, {
      changes: changesOf(item),
      content: incoming,
      missing: ["p"],
      code: 23,
    });
    assert.deepEqual(end.left.map(({ path }) => path), ["p"]);
    assert.deepEqual(readTree(rig.root), HIDDEN);
    const path = relativePath("p");
    assert.ok(isDirty(foundAt(disk, path), rig.store.row(path).base));
  });
});

Deno.test("takeTurn() leaves a path, and makes no copy, when it is edited while its bytes are compared", async () => {
  const same = { p: file("same") };
  const item = { base: V1, local: same, incoming: same, join: false, name: "" };
  await withAnchor(item, async (rig) => {
    const disk = openDisk(rig.root);
    const end = await updateAnchor({ ...rig, disk }, {
      changes: changesOf(item),
      content: same,
      onWant: () => Deno.writeTextFileSync(`${rig.root}/p`, "edit"),
    });
    assert.deepEqual(end.left, [
      { path: "p", reason: "it changed while it was compared" },
    ]);
    assert.deepEqual(Object.keys(readTree(rig.root)), ["p"]);
    assert.equal(Deno.readTextFileSync(`${rig.root}/p`), "edit");
  });
});

Deno.test("takeTurn() asks in several messages when it wants very many paths", async () => {
  const item = { base: {}, local: {}, incoming: {}, join: true, name: "" };
  await withAnchor(item, async (rig) => {
    const disk = openDisk(rig.root);
    const changes = Array.from({ length: 25_000 }, (_, index) => ({
      path: relativePath(`f${index}`),
      entry: entryOf(file("x")),
    }));
    const sizes: number[] = [];
    await updateAnchor({ ...rig, disk }, {
      changes,
      content: {},
      onWant: (count) => sizes.push(count),
    });
    assert.equal(sizes.reduce((sum, size) => sum + size, 0), 25_000);
    assert.ok(Math.max(...sizes) <= 10_000, `${sizes}`);
  });
});
