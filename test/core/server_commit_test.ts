import assert from "node:assert/strict";
import fc from "fast-check";
import type { EditChange } from "../../lib/core/channel_protocol.ts";
import type { Entry } from "../../lib/core/entry.ts";
import {
  ancestorsOf,
  type RelativePath,
  relativePath,
} from "../../lib/core/path.ts";
import {
  needsFetch,
  planServerCommit,
  type ServerPlan,
  type Staged,
} from "../../lib/core/server_commit.ts";

const file: Entry = { kind: "file", size: 1, mtimeMs: 1, mode: 0o644 };
const newer: Entry = { kind: "file", size: 2, mtimeMs: 2, mode: 0o644 };
const shut: Entry = { kind: "file", size: 1, mtimeMs: 1, mode: 0o600 };
const dir: Entry = { kind: "directory", mode: 0o755 };
const link: Entry = { kind: "link", target: "x" };
const none = undefined;

type Entries = Record<string, Entry>;

function edit(path: string, entry?: Entry, verify?: true): EditChange {
  return {
    path: relativePath(path),
    ...(entry === undefined ? {} : { entry }),
    ...(verify === undefined ? {} : { verify }),
  };
}

function plan(
  has: Entries,
  edits: readonly EditChange[],
  staged: (path: string) => Staged = () => ({ kind: "staged" }),
): ServerPlan {
  const parentOf = (path: string) => path.slice(0, path.lastIndexOf("/"));
  return planServerCommit(edits, {
    entryAt: (path) => has[path],
    childCount: (path) =>
      Object.keys(has).filter((other) =>
        other.includes("/") && parentOf(other) === path
      ).length,
    staged,
  });
}

function steps({ steps }: ServerPlan): string[] {
  return steps.map((step) => `${step.do} ${step.path}`);
}

function after(has: Entries, { rows }: ServerPlan): Entries {
  const entries = { ...has };
  for (const { path, entry } of rows) {
    if (entry === undefined) delete entries[path];
    else entries[path] = entry;
  }
  return entries;
}

const PLANS: [string, Entries, EditChange[], string[]][] = [
  ["a file is new", {}, [edit("f", file)], ["place f"]],
  ["a file changed", { f: file }, [edit("f", newer)], ["place f"]],
  ["only the mode changed", { f: file }, [edit("f", shut)], ["mode f"]],
  ["nothing changed", { f: file }, [edit("f", file)], []],
  ["a file is gone", { f: file }, [edit("f")], ["archive f"]],
  ["what is gone was never there", {}, [edit("f")], []],
  ["a directory's mode changed", { d: { ...dir, mode: 0o700 } as Entry }, [
    edit("d", dir),
  ], ["mode d"]],
  ["a tree is gone", { d: dir, "d/f": file, "d/e": dir }, [
    edit("d/f"),
    edit("d/e"),
    edit("d"),
  ], ["archive d/f", "removeDirectory d/e", "removeDirectory d"]],
  ["a file became a directory", { p: file }, [
    edit("p", dir),
    edit("p/f", file),
  ], ["archive p", "makeDirectory p", "place p/f"]],
  ["a directory became a file", { p: dir, "p/f": file }, [
    edit("p/f"),
    edit("p", file),
  ], ["archive p/f", "removeDirectory p", "place p"]],
  ["a link changed", { l: link }, [edit("l", { kind: "link", target: "y" })], [
    "place l",
  ]],
  ["a link is the same", { l: link }, [edit("l", link)], []],
];
for (const [what, has, edits, expected] of PLANS) {
  Deno.test(`planServerCommit() plans what is needed, and has it then, when ${what}`, () => {
    const made = plan(has, edits);
    assert.deepEqual(steps(made), expected);
    assert.deepEqual(made.left, []);
    const entries = after(has, made);
    for (const { path, entry } of edits) assert.deepEqual(entries[path], entry);
  });
}

const LEFT: [string, Entries, EditChange[], number[]][] = [
  ["the server has more in a directory", { d: dir, "d/x": file }, [
    edit("d"),
  ], [0]],
  [
    "the server has more in a directory that became a file",
    {
      d: dir,
      "d/x": file,
    },
    [edit("d", file)],
    [0],
  ],
  ["the server has a file above the path", { p: file }, [
    edit("p/f", file),
  ], [0]],
  ["the directory above is not there yet", {}, [edit("a/f", file)], [0]],
  ["the directory above was deleted meanwhile", { b: dir }, [
    edit("a/f", file),
    edit("b/f", file),
  ], [0]],
  ["a directory is deleted and used in one batch", { d: dir }, [
    edit("d"),
    edit("d/f", file),
  ], [1]],
  ["a path comes twice", { f: file }, [edit("f"), edit("f", newer)], [1]],
];
for (const [what, has, edits, expected] of LEFT) {
  Deno.test(`planServerCommit() leaves an edit when ${what}`, () => {
    const made = plan(has, edits);
    assert.deepEqual(made.left.map(({ index }) => index), expected);
    for (const { index, reason } of made.left) {
      assert.ok(index < edits.length && reason.length > 0);
    }
  });
}

Deno.test("planServerCommit() leaves what did not arrive, with the reason, and takes the rest", () => {
  const made = plan(
    {},
    [edit("a", file), edit("b", file)],
    (path) =>
      path === "a" ? { kind: "left", reason: "gone" } : { kind: "staged" },
  );
  assert.deepEqual(made.left, [{ index: 0, reason: "gone" }]);
  assert.deepEqual(steps(made), ["place b"]);
  assert.deepEqual(made.rows.map(({ path }) => path), ["b"]);
});

Deno.test("planServerCommit() records nothing when verified bytes are equal, and the new ones when not", () => {
  const edits = [edit("f", file, true)];
  assert.ok(needsFetch(edits[0] ?? edit("x"), file));
  const equal = plan({ f: file }, edits, () => ({ kind: "equal" }));
  assert.deepEqual([equal.rows, equal.steps, equal.left], [[], [], []]);
  const other = plan({ f: file }, edits);
  assert.deepEqual(steps(other), ["place f"]);
  assert.deepEqual(other.rows[0], {
    path: "f",
    entry: file,
    before: file,
    rewritten: true,
  });
});

Deno.test("planServerCommit() makes no directory that the client did not send", () => {
  const made = plan({}, [edit("a/f", file), edit("a", dir), edit("a/g", file)]);
  assert.deepEqual(steps(made), ["makeDirectory a", "place a/g"]);
  assert.deepEqual(made.left.map(({ index }) => index), [0]);
});

const names = ["a", "b", "a/a", "a/b", "b/a", "a/a/a"];
const anyEntry = fc.constantFrom(file, newer, shut, dir, link);
const consistent = fc.dictionary(fc.constantFrom(...names), anyEntry).map(
  (entries) => {
    for (const path of Object.keys(entries)) {
      for (const above of ancestorsOf(relativePath(path))) {
        entries[above] = dir;
      }
    }
    return entries;
  },
);

/** As the client orders them: deletions deepest first, then the rest from the top. */
function editsBetween(has: Entries, wants: Entries): EditChange[] {
  const gone = Object.keys(has).filter((path) => wants[path] === none)
    .sort().reverse();
  const here = Object.keys(wants).filter((path) =>
    JSON.stringify(has[path]) !== JSON.stringify(wants[path])
  ).sort();
  return [
    ...gone.map((path) => edit(path)),
    ...here.map((path) => edit(path, wants[path])),
  ];
}

Deno.test("planServerCommit() gets from any tree to any other in one batch", () => {
  fc.assert(
    fc.property(consistent, consistent, (has, wants) => {
      const made = plan({ ...has }, editsBetween(has, wants));
      assert.deepEqual(made.left, []);
      assert.deepEqual(after(has, made), { ...wants });
    }),
    { numRuns: 500 },
  );
});

Deno.test("planServerCommit() keeps the tree whole whatever edits come in whatever order", () => {
  const anyEdit = fc.record({
    path: fc.constantFrom(...names),
    entry: fc.option(anyEntry, { nil: none }),
  }).map(({ path, entry }) => edit(path, entry));
  fc.assert(
    fc.property(consistent, fc.array(anyEdit), (has, edits) => {
      const made = plan({ ...has }, edits);
      const entries = after(has, made);
      for (const path of Object.keys(entries)) {
        for (const above of ancestorsOf(relativePath(path))) {
          assert.equal(
            entries[above]?.kind,
            "directory",
            `${above} of ${path}`,
          );
        }
      }
      const done = new Set<RelativePath>();
      for (const step of made.steps) {
        // Done again after a crash, a step must not meet what a later one made of its path.
        if (step.do === "removeDirectory") assert.ok(!done.has(step.path));
        done.add(step.path);
        if (step.do !== "archive" && step.do !== "removeDirectory") continue;
        const later = made.steps.slice(made.steps.indexOf(step) + 1);
        if (step.do === "removeDirectory") {
          assert.ok(
            !later.some((other) =>
              other.do === "makeDirectory" && other.path === step.path
            ),
            "removed and made again",
          );
        }
      }
    }),
    { numRuns: 1000 },
  );
});
