import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ancestorsOf,
  anchorNameFault,
  comparePaths,
  isWithin,
  joinPath,
  nameFault,
  nameOf,
  parentOf,
  pathFault,
  relativePath,
  relativePathSchema,
} from "../../lib/core/path.ts";

const GOOD = [
  "a",
  "a/b/c",
  "new\nline",
  "-dash",
  "#x",
  " ",
  "...",
  "..a",
  "a..",
  ".sinkd2",
  "a.sinkd",
  "x".repeat(255),
  "é".repeat(127),
  "🎈".repeat(63),
];
for (const path of GOOD) {
  Deno.test(`pathFault() lets pass ${JSON.stringify(path).slice(0, 40)}`, () => {
    assert.equal(pathFault(path), undefined);
    assert.equal(relativePath(path), path);
    assert.ok(relativePathSchema.safeParse(path).success);
  });
}

const BAD: [string, RegExp][] = [
  ["", /empty/],
  ["/a", /empty/],
  ["a/", /empty/],
  ["a//b", /empty/],
  [".", /'\.'/],
  ["..", /'\.\.'/],
  ["a/../b", /'\.\.'/],
  ["a/./b", /'\.'/],
  [".sinkd", /\.sinkd/],
  ["a/.sinkd/b", /\.sinkd/],
  ["a\0b", /NUL/],
  ["\ud800", /Unicode/],
  ["x".repeat(256), /255 bytes/],
  ["é".repeat(128), /255 bytes/],
  ["🎈".repeat(64), /255 bytes/],
  [Array(20).fill("x".repeat(200)).join("/"), /3800 bytes/],
];
for (const [path, fault] of BAD) {
  Deno.test(`pathFault() refuses ${JSON.stringify(path).slice(0, 40)}`, () => {
    assert.match(pathFault(path) ?? "", fault);
    assert.throws(() => relativePath(path), fault);
    assert.ok(!relativePathSchema.safeParse(path).success);
  });
}

Deno.test("relativePathSchema refuses what is no text", () => {
  for (const value of [undefined, null, 1, {}, ["a"]]) {
    assert.ok(!relativePathSchema.safeParse(value).success);
  }
});

Deno.test("ancestorsOf(), parentOf() and nameOf() take a path apart, joinPath() puts it together", () => {
  const path = relativePath("a/b c/d");
  assert.deepEqual(ancestorsOf(path), ["a", "a/b c"]);
  assert.deepEqual(ancestorsOf(relativePath("a")), []);
  assert.equal(parentOf(path), "a/b c");
  assert.equal(parentOf(relativePath("a")), undefined);
  assert.equal(nameOf(path), "d");
  assert.equal(joinPath(relativePath("a"), relativePath("b c/d")), path);
});

Deno.test("isWithin() does not take a name that begins alike for what is below", () => {
  assert.ok(isWithin("a/b", "a"));
  assert.ok(isWithin("a", "a"));
  for (const path of ["ab", "a-b", "a0", "A/b", "b/a"]) {
    assert.ok(!isWithin(path, "a"), path);
  }
});

Deno.test("comparePaths() puts every directory before what is in it", () => {
  const name = fc.string({ unit: "binary", minLength: 1, maxLength: 4 })
    .filter((text) => pathFault(text) === undefined && !text.includes("/"));
  fc.assert(fc.property(
    fc.array(fc.array(name, { minLength: 1, maxLength: 4 }), { minLength: 1 }),
    (parts) => {
      const paths = parts.map((names) => relativePath(names.join("/")));
      const sorted = [...paths, ...paths.flatMap(ancestorsOf)].sort(
        comparePaths,
      );
      const first = new Map(
        sorted.map((path) => [path, sorted.indexOf(path)] as const),
      );
      for (const path of paths) {
        for (const above of ancestorsOf(path)) {
          assert.ok((first.get(above) ?? 0) < (first.get(path) ?? 0));
        }
      }
    },
  ));
});

Deno.test("nameFault() refuses what would be another topic, a path, or hidden", () => {
  const bad = [
    "",
    "a/b",
    "a+",
    "#",
    "$SYS",
    "a\\b",
    "a\n",
    "\x7f",
    ".a",
    "-a",
    " a",
    "a ",
    "\ud800",
    "x".repeat(65),
  ];
  for (const name of bad) {
    assert.notEqual(nameFault(name), undefined, JSON.stringify(name));
  }
  for (const name of ["alice", "Zoë's laptop", "a.b-c_d", "x".repeat(64)]) {
    assert.equal(nameFault(name), undefined, name);
  }
});

Deno.test("anchorNameFault() takes hidden names, but none that is sinkd's or no name", () => {
  const bad = ["", ".", "..", ".sinkd", ".a/b", "a/b", ".a\n", ". ", "-a", "#"];
  for (const name of [...bad, `.${"x".repeat(64)}`]) {
    assert.notEqual(anchorNameFault(name), undefined, JSON.stringify(name));
  }
  for (const name of [".bashrc", "...", "..a", ".sinkd2", "docs", ".-"]) {
    assert.equal(anchorNameFault(name), undefined, name);
  }
});
