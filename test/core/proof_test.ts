import assert from "node:assert/strict";
import fc from "fast-check";
import type { Entry } from "../../lib/core/entry.ts";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import {
  bucketOf,
  BUCKETS,
  differingPaths,
  MAX_DIFFERING,
  proofText,
  type Recorded,
  unequalBuckets,
} from "../../lib/core/proof.ts";

const file: Entry = { kind: "file", size: 3, mtimeMs: 1000, mode: 0o644 };

function recorded(path: string, entry: Entry = file): Recorded {
  return { path: relativePath(path), entry };
}

const nothingOut = () => false;

const OTHERS: readonly [string, Entry][] = [
  ["size", { ...file, size: 4 }],
  ["time", { ...file, mtimeMs: 1001 }],
  ["mode", { ...file, mode: 0o755 }],
  ["kind", { kind: "directory", mode: 0o644 }],
  ["target", { kind: "link", target: "x" }],
];

for (const [what, other] of OTHERS) {
  Deno.test(`proofText() and differingPaths() tell another ${what}`, () => {
    assert.notEqual(proofText("a", file), proofText("a", other));
    assert.deepEqual(
      differingPaths([recorded("a")], [recorded("a", other)], nothingOut),
      ["a"],
    );
  });
}

Deno.test("proofText() of two lists is the same only when they are", () => {
  const entries = fc.array(
    fc.record({
      path: fc.string({ minLength: 1 }).filter((text) => !text.includes("\0")),
      entry: fc.constantFrom<Entry>(
        file,
        { kind: "directory", mode: 0o755 },
        { kind: "link", target: "f644 3 1000" },
        { kind: "link", target: "a" },
      ),
    }),
    { maxLength: 4 },
  );
  const textOf = (list: readonly { path: string; entry: Entry }[]) =>
    list.map(({ path, entry }) => proofText(path, entry)).join("");
  fc.assert(fc.property(entries, entries, (left, right) => {
    const same = JSON.stringify(left) === JSON.stringify(right);
    assert.equal(textOf(left) === textOf(right), same);
  }));
});

Deno.test("bucketOf() spreads paths that are much alike", () => {
  const counts = new Array<number>(BUCKETS).fill(0);
  for (let index = 0; index < 25_600; index++) {
    const bucket = bucketOf(`docs/2026/photo-${index}.jpg`);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  assert.ok(Math.min(...counts) > 50, `${Math.min(...counts)}`);
  assert.ok(Math.max(...counts) < 200, `${Math.max(...counts)}`);
});

Deno.test("unequalBuckets() gives the numbers of those that differ", () => {
  assert.deepEqual(unequalBuckets(["a", "b", "c"], ["a", "x", "y"]), [1, 2]);
});

Deno.test("differingPaths() finds what one side alone has, but not what is left out", () => {
  const here = [recorded("both"), recorded("here"), recorded("out-here")];
  const there = [recorded("both"), recorded("there"), recorded("out-there")];
  const isOut = (path: RelativePath) => path.startsWith("out-");
  assert.deepEqual(differingPaths(here, there, isOut), ["there", "here"]);
});

Deno.test("differingPaths() is bounded", () => {
  const many = Array.from({ length: 2000 }, (_, at) => recorded(`f${at}`));
  assert.equal(differingPaths(many, [], nothingOut).length, MAX_DIFFERING);
});
