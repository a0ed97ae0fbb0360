/**
 * Excludes as people write them, and what is refused. The full meaning is compared with rsync
 * itself in test/contract/excludes_rsync_test.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  type ExcludeRules,
  isExcluded,
  isExcludedItself,
  NO_EXCLUDES,
  parseExcludes,
} from "../../lib/core/excludes.ts";

function rulesOf(...patterns: string[]): ExcludeRules {
  const parsed = parseExcludes(patterns);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.reason);
  return parsed.rules;
}

const EXCLUDED: readonly (readonly [string, readonly string[]])[] = [
  ["node_modules/", ["node_modules/", "a/node_modules/x.js"]],
  ["*.o", ["main.o", "a/b/main.o"]],
  ["/build", ["build", "build/x"]],
  ["**/cache/**", ["a/cache/x", "cache/x/y"]],
  ["foo/*/bar", ["foo/a/bar", "x/foo/a/bar"]],
  [".git/***", [".git/", ".git/HEAD", "a/.git/x"]],
  ["[a-c]*.txt", ["b1.txt", "x/c.txt"]],
  ["x y", ["x y", "a/x y"]],
  ["ö*", ["öl"]],
  ["??l", ["öl"]],
];
const KEPT: readonly (readonly [string, readonly string[]])[] = [
  ["node_modules/", ["node_modules", "node_modules2/"]],
  ["*.o", ["main.oo"]],
  ["/build", ["a/build", "builds"]],
  ["**/cache/**", ["cache/", "a/cache/"]],
  ["foo/*/bar", ["foo/bar", "foo/a/b/bar"]],
  [".git/***", [".git", ".github/x"]],
  ["[a-c]*.txt", ["d.txt"]],
  ["?l", ["öl"]],
];

/** `path` or `path/` for a directory. */
function excluded(rules: ExcludeRules, shown: string): boolean {
  return isExcluded(rules, shown.replace(/\/$/, ""), shown.endsWith("/"));
}

Deno.test("isExcluded() leaves out what a pattern names, and what is below it", () => {
  for (const [pattern, paths] of EXCLUDED) {
    for (const path of paths) {
      assert.equal(
        excluded(rulesOf(pattern), path),
        true,
        `${pattern} ${path}`,
      );
    }
  }
});

Deno.test("isExcluded() keeps what a pattern only resembles", () => {
  for (const [pattern, paths] of KEPT) {
    for (const path of paths) {
      assert.equal(
        excluded(rulesOf(pattern), path),
        false,
        `${pattern} ${path}`,
      );
    }
  }
});

Deno.test("isExcluded() gives up on patterns that cost more than they may, and on no usual ones", () => {
  const names = Array.from({ length: 16 }, () => "a".repeat(250));
  const path = names.join("/");
  const costly = `**${"a".repeat(30)}**${"a".repeat(30)}b`;
  const of = (...patterns: string[]) => ({
    ...rulesOf(...patterns),
    fuel: { left: 0, perPath: 200_000, most: 2_000_000 },
  });
  for (const pattern of [costly, "*a*a*a*b"]) {
    assert.throws(() => {
      const rules = of(...Array(1000).fill(pattern));
      for (let n = 0; n < 10; n++) isExcluded(rules, path, false);
    }, /they cost too much/);
  }
  const usual = of(...Array.from({ length: 100 }, (_, n) => `*.tmp${n}`));
  const deep = Array.from({ length: 20 }, () => "directory").join("/");
  for (let n = 0; n < 1000; n++) {
    assert.equal(isExcluded(usual, `${deep}${n}`, false), false);
  }
});

Deno.test("isExcluded() takes the first rule that matches, and asks for ancestors first", () => {
  const rules = rulesOf("+ /a/keep.o", "*.o", "b/");
  assert.equal(isExcluded(rules, "a/keep.o", false), false);
  assert.equal(isExcluded(rules, "c/keep.o", false), true);
  assert.equal(isExcluded(rulesOf("b/", "+ b/x"), "b/x", false), true);
  assert.equal(isExcluded(NO_EXCLUDES, "a/b", false), false);
});

Deno.test("isExcludedItself() does not look at ancestors", () => {
  assert.equal(isExcludedItself(rulesOf("b/"), "b/x", false), false);
  assert.equal(isExcludedItself(rulesOf("b/"), "a/b", true), true);
});

Deno.test("parseExcludes() refuses what --exclude would misread, naming the pattern", () => {
  const refused = [
    "",
    "- ",
    "!",
    ": .rsync-filter",
    ". rules",
    "P *.keep",
    "H,p *.o",
    "-! *.c",
    "-/ a",
    "-C",
    ":C",
    "merge rules",
    "dir-merge,n .rules",
    "a\nb",
    "a\0b",
    "\ud800",
    "x".repeat(5000),
  ];
  for (const pattern of refused) {
    const parsed = parseExcludes(["ok", pattern]);
    assert.ok(!parsed.ok, JSON.stringify(pattern));
    assert.ok(parsed.reason.includes(JSON.stringify(pattern)), parsed.reason);
  }
  assert.equal(parseExcludes(Array(1001).fill("a")).ok, false);
});

Deno.test("parseExcludes() takes names that only look like rules", () => {
  const names = [".git", "Picture", "-", "!x", "merged", "- P x", "hide", " "];
  assert.equal(parseExcludes(names).ok, true);
  assert.equal(isExcluded(rulesOf("- P x"), "P x", false), true);
});

Deno.test("isExcluded() stays fast when a pattern has many stars", () => {
  const start = performance.now();
  const rules = rulesOf("*a*a*a*a*a*a*a*a*b", "**a**a**a**a**a**/b");
  assert.equal(isExcluded(rules, "a".repeat(250), false), false);
  assert.equal(isExcluded(rules, "a/".repeat(1500) + "c", false), false);
  assert.ok(performance.now() - start < 2000);
});
