import assert from "node:assert/strict";
import {
  type Entry,
  entrySchema,
  sameContent,
  sameEntry,
  sameFound,
  sameOrBothAbsent,
} from "../../lib/core/entry.ts";

const file: Entry = { kind: "file", size: 1, mtimeMs: 2, mode: 0o644 };
const dir: Entry = { kind: "directory", mode: 0o755 };
const link: Entry = { kind: "link", target: "a" };

const PAIRS: [string, Entry, Entry, { content: boolean; entry: boolean }][] = [
  ["the same files", file, { ...file }, { content: true, entry: true }],
  ["files of two modes", file, { ...file, mode: 0o600 }, {
    content: true,
    entry: false,
  }],
  ["files of two sizes", file, { ...file, size: 2 }, {
    content: false,
    entry: false,
  }],
  ["files of two times", file, { ...file, mtimeMs: 3 }, {
    content: false,
    entry: false,
  }],
  ["directories of two modes", dir, { ...dir, mode: 0o700 }, {
    content: true,
    entry: false,
  }],
  ["the same links", link, { ...link }, { content: true, entry: true }],
  ["links to two targets", link, { ...link, target: "b" }, {
    content: false,
    entry: false,
  }],
  ["file and directory", file, dir, { content: false, entry: false }],
  ["directory and link", dir, link, { content: false, entry: false }],
  ["link and file", link, file, { content: false, entry: false }],
];
for (const [what, left, right, same] of PAIRS) {
  Deno.test(`sameContent() and sameEntry() compare ${what}, either way round`, () => {
    for (const [one, other] of [[left, right], [right, left]] as const) {
      assert.equal(sameContent(one, other), same.content);
      assert.equal(sameEntry(one, other), same.entry);
    }
  });
}

Deno.test("sameOrBothAbsent() takes nothing for the same as nothing only", () => {
  assert.ok(sameOrBothAbsent(undefined, undefined));
  assert.ok(!sameOrBothAbsent(file, undefined));
  assert.ok(!sameOrBothAbsent(undefined, file));
  assert.ok(sameOrBothAbsent(file, { ...file }));
});

Deno.test("sameFound() sees a file that was touched, and only a file", () => {
  const found = { entry: file, inode: 1, ctimeS: 1 };
  assert.ok(sameFound(found, { ...found }));
  assert.ok(!sameFound(found, { ...found, inode: 2 }));
  assert.ok(!sameFound(found, { ...found, ctimeS: 2 }));
  assert.ok(!sameFound(found, undefined));
  const folder = { entry: dir, inode: 1, ctimeS: 1 };
  assert.ok(sameFound(folder, { ...folder, ctimeS: 2 }));
});

const BAD: unknown[] = [
  { kind: "file", size: -1, mtimeMs: 0, mode: 0 },
  { kind: "file", size: 1.5, mtimeMs: 0, mode: 0 },
  { kind: "file", size: 1, mtimeMs: 0, mode: 0o4755 },
  { kind: "file", size: 1, mtimeMs: 0 },
  { kind: "file", size: 1, mtimeMs: 0, mode: 0, more: 1 },
  { kind: "directory", mode: -1 },
  { kind: "link", target: "" },
  { kind: "link", target: "a\0b" },
  { kind: "link", target: "x".repeat(4096) },
  { kind: "device", mode: 0 },
  null,
];
for (const value of BAD) {
  Deno.test(`entrySchema refuses ${JSON.stringify(value).slice(0, 60)}`, () => {
    assert.ok(!entrySchema.safeParse(value).success);
  });
}

Deno.test("entrySchema takes every kind, times before 1970 and sizes over 4 GiB too", () => {
  for (
    const entry of [file, dir, link, { ...file, mtimeMs: -5, size: 2 ** 45 }]
  ) {
    assert.deepEqual(entrySchema.parse(entry), entry);
  }
});
