import assert from "node:assert/strict";
import type { Entry } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import {
  pairRecords,
  type RecordIdentity,
  type RecordPlace,
  whatCounts,
} from "../../lib/core/record_identity.ts";

const DOCS: RecordIdentity = {
  user: "alice",
  treePath: "docs",
  single: false,
  added: null,
  excludes: [],
  minSize: null,
  maxSize: null,
};

const file = (size: number): Entry => ({
  kind: "file",
  size,
  mtimeMs: 1,
  mode: 0o644,
});
const directory: Entry = { kind: "directory", mode: 0o755 };

const ANOTHER: readonly { what: string; now: RecordIdentity }[] = [
  { what: "user", now: { ...DOCS, user: "bob" } },
  { what: "place on the server", now: { ...DOCS, treePath: "other" } },
  { what: "kind", now: { ...DOCS, single: true } },
  { what: "adding", now: { ...DOCS, added: "2026-01-01" } },
];

for (const { what, now } of ANOTHER) {
  for (const more of [{}, { excludes: ["*.o"] }, { maxSize: 5 }]) {
    Deno.test(`whatCounts() gives no row with another ${what} and ${JSON.stringify(more)}`, () => {
      assert.equal(whatCounts(DOCS, { ...now, ...more }).kind, "none");
      assert.equal(whatCounts({ ...now, ...more }, DOCS).kind, "none");
    });
  }
}

Deno.test("whatCounts() gives no row of a record that does not say what it is of", () => {
  assert.equal(whatCounts(undefined, DOCS).kind, "none");
});

Deno.test("whatCounts() gives all rows when nothing changed", () => {
  const now = { ...DOCS, excludes: ["a", "b"], maxSize: 7 };
  assert.equal(whatCounts(now, { ...now, excludes: ["a", "b"] }).kind, "all");
});

const SELECTED: readonly {
  path: string;
  entry: Entry;
  before: Partial<RecordIdentity>;
  now: Partial<RecordIdentity>;
  counts: boolean;
}[] = [
  {
    path: "a.o",
    entry: file(1),
    before: {},
    now: { excludes: ["*.o"] },
    counts: false,
  },
  {
    path: "a.o",
    entry: file(1),
    before: { excludes: ["*.o"] },
    now: {},
    counts: false,
  },
  {
    path: "a.c",
    entry: file(1),
    before: {},
    now: { excludes: ["*.o"] },
    counts: true,
  },
  {
    path: "build",
    entry: directory,
    before: {},
    now: { excludes: ["build/"] },
    counts: false,
  },
  {
    path: "build",
    entry: file(1),
    before: {},
    now: { excludes: ["build/"] },
    counts: true,
  },
  {
    path: "build/x/y",
    entry: file(1),
    before: {},
    now: { excludes: ["build/"] },
    counts: false,
  },
  {
    path: "big",
    entry: file(11),
    before: {},
    now: { maxSize: 10 },
    counts: false,
  },
  {
    path: "big",
    entry: file(10),
    before: {},
    now: { maxSize: 10 },
    counts: true,
  },
  {
    path: "big",
    entry: file(11),
    before: { maxSize: 10 },
    now: { maxSize: 20 },
    counts: false,
  },
  {
    path: "small",
    entry: file(1),
    before: {},
    now: { minSize: 2 },
    counts: false,
  },
  {
    path: "dir",
    entry: directory,
    before: {},
    now: { minSize: 2, maxSize: 3 },
    counts: true,
  },
  {
    path: "a.o",
    entry: file(1),
    before: { excludes: ["x", "y"] },
    now: { excludes: ["y", "x"] },
    counts: true,
  },
  {
    path: "a.o",
    entry: file(1),
    before: { excludes: ["*"] },
    now: { excludes: ["+ *.o", "*"] },
    counts: false,
  },
];

for (const { path, entry, before, now, counts } of SELECTED) {
  Deno.test(`whatCounts(): ${entry.kind} ${path}, ${JSON.stringify(before)} then ${JSON.stringify(now)}: ${counts}`, () => {
    const counting = whatCounts({ ...DOCS, ...before }, { ...DOCS, ...now });
    assert.ok(counting.kind === "some");
    assert.equal(counting.counts(relativePath(path), entry), counts);
  });
}

const at = (
  path: string,
  inode: RecordPlace["inode"],
  more: Partial<RecordIdentity> = {},
): RecordPlace => ({ path, inode, identity: { ...DOCS, ...more } });
const x = { treePath: "x" };
const y = { treePath: "y" };

const PAIRED: readonly {
  what: string;
  recorded: readonly RecordPlace[];
  configured: readonly RecordPlace[];
  pairs: Record<string, string>;
}[] = [
  {
    what: "one that stayed",
    recorded: [at("/a", 1)],
    configured: [at("/a", 1)],
    pairs: { "/a": "/a" },
  },
  {
    what: "one that is gone",
    recorded: [at("/a", 1)],
    configured: [],
    pairs: {},
  },
  {
    what: "one that is new",
    recorded: [],
    configured: [at("/a", 1)],
    pairs: {},
  },
  {
    what: "one that was moved",
    recorded: [at("/a", 1)],
    configured: [at("/b", 1)],
    pairs: { "/b": "/a" },
  },
  {
    what: "a copy",
    recorded: [at("/a", 1)],
    configured: [at("/b", 2)],
    pairs: {},
  },
  {
    what: "one that cannot be looked at yet",
    recorded: [at("/a", 1)],
    configured: [at("/b", "unseen")],
    pairs: { "/b": "/a" },
  },
  {
    what: "one that is not there yet",
    recorded: [at("/a", 1)],
    configured: [at("/b", undefined)],
    pairs: {},
  },
  {
    what: "one that was never scanned",
    recorded: [at("/a", undefined)],
    configured: [at("/b", 1)],
    pairs: {},
  },
  {
    what: "one moved, of another user",
    recorded: [at("/a", 1)],
    configured: [at("/b", 1, { user: "bob" })],
    pairs: {},
  },
  {
    what: "one moved, to another place",
    recorded: [at("/a", 1)],
    configured: [at("/b", 1, y)],
    pairs: {},
  },
  {
    what: "one moved, with other excludes",
    recorded: [at("/a", 1)],
    configured: [at("/b", 1, { excludes: ["x"] })],
    pairs: { "/b": "/a" },
  },
  {
    what: "two that changed directories and names",
    recorded: [at("/a", 1, x), at("/b", 2, y)],
    configured: [at("/a", 2, y), at("/b", 1, x)],
    pairs: { "/a": "/b", "/b": "/a" },
  },
  {
    what: "two that changed names",
    recorded: [at("/a", 1, x), at("/b", 2, y)],
    configured: [at("/a", 1, y), at("/b", 2, x)],
    pairs: { "/a": "/a", "/b": "/b" },
  },
  {
    what: "another directory where one was that moved",
    recorded: [at("/a", 1, x)],
    configured: [at("/a", 2, y), at("/b", 1, x)],
    pairs: { "/b": "/a" },
  },
  {
    what: "two files of one directory",
    recorded: [
      at("/d/f", 1, { ...x, single: true }),
      at("/d/g", 1, { ...y, single: true }),
    ],
    configured: [
      at("/e/g", 1, { ...y, single: true }),
      at("/e/f", 1, { ...x, single: true }),
    ],
    pairs: { "/e/f": "/d/f", "/e/g": "/d/g" },
  },
  {
    what: "a file that was renamed",
    recorded: [at("/d/f", 1, { ...x, single: true })],
    configured: [at("/d/g", 1, { ...x, single: true })],
    pairs: {},
  },
];

for (const { what, recorded, configured, pairs } of PAIRED) {
  Deno.test(`pairRecords(): ${what}`, () => {
    const paired = pairRecords(recorded, configured);
    assert.deepEqual(Object.fromEntries(paired), pairs);
  });
}
