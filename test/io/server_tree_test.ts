import assert from "node:assert/strict";
import type { Entry } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import type { ServerStep } from "../../lib/core/server_commit.ts";
import { openServerTree } from "../../lib/io/server_tree.ts";
import type { ServerIntent, ServerTree } from "../../lib/ports.ts";
import { entryOf } from "../support/client_rig.ts";
import {
  directory,
  file,
  link,
  makeTree,
  readTree,
  tempDirectory,
  type Tree,
} from "../support/temp.ts";

const SCOPE = { prefix: "docs" };
const OLD = file("old");
const NEW = file("new version", { mtimeMs: 1_700_000_060_000 });
const MUNGED = "/rsyncd-munged/";

interface Rig {
  readonly root: string;
  readonly tree: ServerTree;
  readonly stage: string;
  intent(steps: readonly ServerStep[]): ServerIntent;
  live(): Tree;
  history(): Tree;
}

async function withTree(
  { before = {}, staged = {} }: { before?: Tree; staged?: Tree },
  work: (rig: Rig) => Promise<void>,
): Promise<void> {
  await using temp = tempDirectory();
  const root = `${temp.path}/alice`;
  Deno.mkdirSync(root);
  const tree = openServerTree(root, () => Promise.resolve());
  makeTree(tree.live(SCOPE), before);
  const stage = await tree.openStage("laptop");
  makeTree(stage, staged);
  await work({
    root,
    tree,
    stage,
    intent: (steps) => ({
      scope: SCOPE,
      stage,
      stamp: { date: 20260102, cycle: 7 },
      steps,
      rows: [],
    }),
    live: () => onlyWhat(readTree(`${root}/docs`)),
    history: () => {
      const path = `${root}/.sinkd/history/20260102.7/docs`;
      try {
        return onlyWhat(readTree(path));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return {};
        throw error;
      }
    },
  });
}

/** Without the modes that the server's account needs for itself. */
function onlyWhat(tree: Tree): Tree {
  const plain: Record<string, Tree[string]> = {};
  for (const [path, planned] of Object.entries(tree)) {
    plain[path] = planned.kind === "directory" ? directory() : planned;
  }
  return plain;
}

const step = (
  name: "archive" | "removeDirectory",
  path: string,
  planned = OLD,
): ServerStep =>
  name === "archive"
    ? { do: name, path: relativePath(path), entry: entryOf(planned) }
    : { do: name, path: relativePath(path) };
const place = (path: string, entry: Entry, replaces?: Entry): ServerStep => ({
  do: "place",
  path: relativePath(path),
  entry,
  replaces,
});
const make = (path: string, mode = 0o755): ServerStep => ({
  do: "makeDirectory",
  path: relativePath(path),
  mode,
});

interface Commit {
  readonly what: string;
  readonly before?: Tree;
  readonly staged?: Tree;
  readonly steps: readonly ServerStep[];
  readonly live: Tree;
  readonly history: Tree;
}

const COMMITS: Commit[] = [
  {
    what: "a file is new",
    staged: { f: NEW },
    steps: [place("f", entryOf(NEW))],
    live: { f: NEW },
    history: {},
  },
  {
    what: "a file is replaced",
    before: { f: OLD },
    staged: { f: NEW },
    steps: [place("f", entryOf(NEW), entryOf(OLD))],
    live: { f: NEW },
    history: { f: OLD },
  },
  {
    what: "a file and its directory go",
    before: { d: directory(), "d/f": OLD },
    steps: [step("archive", "d/f"), step("removeDirectory", "d")],
    live: {},
    history: { d: directory(), "d/f": OLD },
  },
  {
    what: "a directory with files comes",
    staged: { d: directory(), "d/e": directory(), "d/e/f": NEW },
    steps: [make("d"), make("d/e"), place("d/e/f", entryOf(NEW))],
    live: { d: directory(), "d/e": directory(), "d/e/f": NEW },
    history: {},
  },
  {
    what: "a directory becomes a file",
    before: { p: directory(), "p/f": OLD },
    staged: { p: NEW },
    steps: [
      step("archive", "p/f"),
      step("removeDirectory", "p"),
      place("p", entryOf(NEW)),
    ],
    live: { p: NEW },
    history: { p: directory(), "p/f": OLD },
  },
  {
    what: "a file becomes a directory",
    before: { p: OLD },
    staged: { p: directory(), "p/f": NEW },
    steps: [step("archive", "p"), make("p"), place("p/f", entryOf(NEW))],
    live: { p: directory(), "p/f": NEW },
    history: { p: OLD },
  },
  {
    what: "a link is replaced by another",
    before: { l: link(`${MUNGED}a`) },
    staged: { l: link(`${MUNGED}/etc/passwd`) },
    steps: [
      place("l", { kind: "link", target: "/etc/passwd" }, {
        kind: "link",
        target: "a",
      }),
    ],
    live: { l: link(`${MUNGED}/etc/passwd`) },
    history: { l: link(`${MUNGED}a`) },
  },
  {
    what: "a link becomes a file",
    before: { l: link(`${MUNGED}../..`) },
    staged: { l: NEW },
    steps: [place("l", entryOf(NEW), { kind: "link", target: "../.." })],
    live: { l: NEW },
    history: { l: link(`${MUNGED}../..`) },
  },
];

for (const { what, steps, live, history, ...places } of COMMITS) {
  Deno.test(`apply() does each step once, crash or not, when ${what}`, async () => {
    for (let done = 0; done <= steps.length; done++) {
      await withTree(places, async (rig) => {
        await rig.tree.apply(rig.intent(steps.slice(0, done)));
        await rig.tree.apply(rig.intent(steps));
        await rig.tree.apply(rig.intent(steps));
        assert.deepEqual(rig.live(), live, `after ${done} steps`);
        assert.deepEqual(rig.history(), history, `after ${done} steps`);
      });
    }
  });
}

Deno.test("apply() keeps both versions in history when an unfinished commit had the same stamp", async () => {
  await withTree({ before: { f: OLD } }, async (rig) => {
    await rig.tree.apply(rig.intent([step("archive", "f")]));
    makeTree(rig.tree.live(SCOPE), { f: file("other") });
    await rig.tree.apply(rig.intent([step("archive", "f")]));
    makeTree(rig.tree.live(SCOPE), { f: file("third") });
    makeTree(rig.stage, { f: NEW });
    await rig.tree.apply(
      rig.intent([place("f", entryOf(NEW), entryOf(file("third")))]),
    );
    const history = readTree(`${rig.root}/.sinkd/history`);
    const texts = Object.values(history).map((planned) =>
      planned.kind === "file" ? planned.text : ""
    ).filter((text) => text !== "");
    assert.deepEqual(texts.sort(), ["old", "other", "third"]);
    assert.deepEqual(rig.live(), { f: NEW });
  });
});

Deno.test("apply() does not fail for ever when a file to get a mode is not there", async () => {
  await withTree({ before: { l: link("/etc/hostname") } }, async (rig) => {
    const mode = (path: string): ServerStep => ({
      do: "mode",
      path: relativePath(path),
      mode: 0o644,
      directory: false,
    });
    await rig.tree.apply(rig.intent([mode("gone"), mode("l")]));
    assert.deepEqual(rig.live(), { l: link("/etc/hostname") });
  });
});

const UNKNOWN: [string, Tree, ServerStep, Tree][] = [
  [
    "lies in a directory that goes",
    { d: directory(), "d/stranger": file("s") },
    step("removeDirectory", "d"),
    {},
  ],
  [
    "is a directory where a file goes",
    { p: directory(), "p/stranger": file("s") },
    place("p", entryOf(NEW)),
    { p: NEW },
  ],
  [
    "is a file where a directory goes",
    { p: file("s") },
    make("p"),
    { p: directory() },
  ],
  [
    "is a link where a directory goes",
    { p: link("/tmp") },
    make("p"),
    { p: directory() },
  ],
];
for (const [what, before, only, live] of UNKNOWN) {
  Deno.test(`apply() moves what sinkd does not know into history when it ${what}`, async () => {
    const staged = only.do === "place" ? { p: NEW } : {};
    await withTree({ before, staged }, async (rig) => {
      await rig.tree.apply(rig.intent([only]));
      await rig.tree.apply(rig.intent([only]));
      assert.deepEqual(rig.live(), live);
      assert.deepEqual(rig.history(), before);
    });
  });
}

Deno.test("apply() gives the disk the mode that was sent, and what the server's account needs", async () => {
  const staged = { f: file("1", { mode: 0o600 }), g: file("2") };
  await withTree({ staged }, async (rig) => {
    const closed: Entry = { ...entryOf(file("1")), mode: 0 } as Entry;
    await rig.tree.apply(rig.intent([
      make("d", 0o500),
      place("f", closed),
      place("g", entryOf(file("2", { mode: 0o755 }))),
      { do: "mode", path: relativePath("g"), mode: 0o444, directory: false },
    ]));
    const modeOf = (path: string) =>
      (Deno.lstatSync(`${rig.root}/docs/${path}`).mode ?? 0) & 0o7777;
    assert.equal(modeOf("d"), 0o2700);
    assert.equal(modeOf("f"), 0o600);
    assert.equal(modeOf("g"), 0o644);
  });
});

Deno.test("apply() fails, and says where, when staged and live version are both gone", async () => {
  await withTree({}, async (rig) => {
    await assert.rejects(
      async () => await rig.tree.apply(rig.intent([place("f", entryOf(NEW))])),
      /Cannot commit '.*docs\/f'/,
    );
  });
});

const CHECKS: [string, Tree, string, Entry, boolean, string, string][] = [
  ["whole", { f: NEW }, "f", entryOf(NEW), false, "", "staged"],
  ["short", { f: file("new") }, "f", entryOf(NEW), false, "", "left"],
  [
    "of another time",
    { f: file("new version") },
    "f",
    entryOf(NEW),
    false,
    "",
    "left",
  ],
  ["not there", {}, "f", entryOf(NEW), false, "", "left"],
  ["equal to the live one", {}, "f", entryOf(NEW), true, "", "equal"],
  [
    "not readable at the client",
    {},
    "f",
    entryOf(NEW),
    true,
    `rsync: [sender] send_files failed to open "/f" (in anchor): Permission denied (13)\n`,
    "left",
  ],
  [
    "equal, and another one not readable",
    {},
    "f",
    entryOf(NEW),
    true,
    `rsync: [sender] send_files failed to open "/ff" (in anchor): Permission denied (13)\n`,
    "equal",
  ],
  [
    "not readable, with a name that rsync escapes",
    {},
    "a\nb",
    entryOf(NEW),
    true,
    `rsync: [sender] send_files failed to open "/a\\#012b" (in anchor): Permission denied (13)\n`,
    "left",
  ],
  [
    "perhaps named in what was cut off from rsync's words",
    {},
    "f",
    entryOf(NEW),
    true,
    `rsync: [sender] send_files failed to open "/x" (in anchor): Permission denied (13)\n`
      .repeat(800),
    "left",
  ],
  [
    "a link",
    { l: link(`${MUNGED}x`) },
    "l",
    { kind: "link", target: "x" },
    false,
    "",
    "staged",
  ],
  [
    "a true link",
    { l: link("x") },
    "l",
    { kind: "link", target: "x" },
    false,
    "",
    "left",
  ],
  ["another kind", { f: directory() }, "f", entryOf(NEW), false, "", "left"],
];
for (const [what, staged, name, entry, verify, stderr, expected] of CHECKS) {
  Deno.test(`checkStaged() says ${expected} when what is staged is ${what}`, async () => {
    await withTree({ staged }, async ({ tree, stage }) => {
      const path = relativePath(name);
      const { kind } = await tree.checkStaged(stage, path, {
        entry,
        verify,
        stderr,
      });
      assert.equal(kind, expected);
    });
  });
}

Deno.test("checkStaged() gives rsync's reason for a path", async () => {
  await withTree({}, async ({ tree, stage }) => {
    const stderr =
      `rsync: [sender] send_files failed to open "/f" (in anchor): Permission denied (13)\n`;
    const path = relativePath("f");
    assert.deepEqual(
      await tree.checkStaged(stage, path, {
        entry: entryOf(NEW),
        verify: false,
        stderr,
      }),
      { kind: "left", reason: "Permission denied (13)" },
    );
  });
});

Deno.test("openStage() makes what a broken call left rsync's to build on, and closeStage() removes it", async () => {
  const staged = { d: directory(), "d/f": NEW, l: link("/x"), f: NEW };
  await withTree({ staged }, async ({ tree, stage, root }) => {
    for (let time = 0; time < 2; time++) {
      assert.equal(await tree.openStage("laptop"), stage);
      assert.deepEqual(readTree(stage), { d: directory() });
      for (const partials of [".sinkd", "d/.sinkd"]) {
        assert.deepEqual(readTree(`${stage}/${partials}`), { f: NEW });
      }
    }
    await tree.closeStage(stage);
    await tree.closeStage(stage);
    assert.deepEqual([...Deno.readDirSync(`${root}/.sinkd/incoming`)], []);
  });
});
