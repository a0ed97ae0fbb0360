/**
 * Excludes against rsync itself: one real tree, many lists of patterns, the same paths left out.
 * `EXCLUDES_SEED` repeats a run, `EXCLUDES_CASES` makes it longer.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isExcluded, parseExcludes } from "../../lib/core/excludes.ts";

const DIRECTORY_NAMES = ["a", "b", "foo", "bar", "cache", ".git", "x y", "ö"];
/** Directories that are always there, so that each of the patterns below has something to say. */
const FIXED = ["foo/bar", "foo/a/bar", "a/b/cache", "foo/.git", "ö/x y"];
const FILE_NAMES = [
  "a",
  "b.txt",
  "c.txt",
  "d.txt",
  "foo",
  "main.o",
  "node_modules",
  "A-1",
  "[x]",
  "star*",
  "back\\slash",
  "!",
  "-",
  "ö.txt",
  "日本",
  " lead",
  "trail ",
  "new\nline",
];
const HUMAN: readonly (readonly string[])[] = [
  ["node_modules/"],
  ["*.o"],
  ["/build"],
  ["/foo"],
  ["**/cache/**"],
  ["**/cache"],
  ["cache/**"],
  ["foo/*/bar"],
  ["foo/**/bar"],
  [".git/***"],
  [".git/**"],
  [".git/*"],
  ["[a-c]*.txt"],
  ["[!a-c]*.txt"],
  ["x y"],
  ["x y/"],
  ["ö"],
  ["ö/"],
  ["ö.txt"],
  ["?.txt"],
  ["??.txt"],
  ["日*"],
  ["*"],
  ["**"],
  ["***"],
  ["/*"],
  ["/**"],
  ["/***"],
  ["*/"],
  ["a/"],
  ["/a/"],
  ["a/b"],
  ["a/b/"],
  ["/a/b"],
  ["a/*/"],
  ["+ a/", "+ *.txt", "- *"],
  ["+ */", "+ *.o", "*"],
  ["- foo", "+ foo"],
  ["+ foo/***", "/*"],
  ["\\[x\\]"],
  ["[[]x]"],
  ["star\\*"],
  ["back\\slash"],
  ["back\\\\sl*"],
  ["- !"],
  ["-"],
  ["[[:upper:]]*"],
  ["*[[:space:]]*"],
  ["[[:foo:]]*"],
  ["[a"],
  ["a\\"],
  ["a*\\"],
  ["[]a]"],
  ["[!]a]"],
  ["[a-]*"],
  ["foo//"],
  ["//foo"],
  ["/"],
  ["foo[/]bar"],
  ["foo?bar"],
  ["foo[!x]bar", "/fo[n-p][!x]ba*"],
  ["foo**bar"],
  ["[a-c-o]*", "[a-a-]*"],
  ["[!a-c-o]*"],
];
const ATOMS = [
  "a",
  "b",
  "c",
  "foo",
  "bar",
  "cache",
  ".git",
  ".txt",
  ".o",
  "*",
  "*",
  "**",
  "***",
  "?",
  "/",
  "/",
  "/",
  "[a-c]",
  "[!a]",
  "[^b-d]",
  "[[:alpha:]]",
  "[[:upper:][:digit:]-]",
  "[]-a]",
  "[\\]x]",
  "[:x]",
  "[a\\-z]",
  "[b-",
  "\\*",
  "\\a",
  "\\",
  "[",
  "]",
  "-",
  " ",
  "ö",
];

Deno.test("isExcluded() leaves out just what rsync --exclude does", async () => {
  const seed = Number(Deno.env.get("EXCLUDES_SEED") ?? Date.now() % 1e9);
  const cases = Number(Deno.env.get("EXCLUDES_CASES") ?? 350);
  const random = mulberry(seed);
  const tree = await Deno.makeTempDir({ prefix: "sinkd-excludes-" });
  try {
    const entries = await growTree(tree, random);
    const lists = [...HUMAN];
    while (lists.length < HUMAN.length + cases) {
      const list = Array.from(
        { length: 1 + Math.floor(random() * 3) },
        () => anyPattern(random, entries),
      );
      if (parseExcludes(list).ok) lists.push(list);
    }
    let excluded = 0;
    await inParallel(lists, 3, async (list) => {
      const parsed = parseExcludes(list);
      assert.ok(parsed.ok);
      const expected = await rsyncKeeps(tree, list);
      const actual = entries.filter(({ path, directory }) =>
        !isExcluded(parsed.rules, path, directory)
      ).map(({ path }) => path).sort();
      assert.deepEqual(
        actual,
        expected,
        `excludes ${JSON.stringify(list)} differ from rsync (seed ${seed})`,
      );
      if (expected.length < entries.length) excluded++;
    });
    assert.ok(
      excluded > lists.length / 3,
      `only ${excluded} of ${lists.length} lists excluded anything (seed ${seed})`,
    );
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
});

interface TreeEntry {
  readonly path: string;
  readonly directory: boolean;
}

async function growTree(
  root: string,
  random: () => number,
): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  const grow = async (below: string, depth: number): Promise<void> => {
    const directories = depth < 3
      ? DIRECTORY_NAMES.filter((name) =>
        random() < 1 / (1 + 2 * depth) ||
        FIXED.some((path) => `${path}/`.startsWith(`${below}${name}/`))
      )
      : [];
    for (const name of directories) {
      await Deno.mkdir(`${root}/${below}${name}`);
      entries.push({ path: `${below}${name}`, directory: true });
      await grow(`${below}${name}/`, depth + 1);
    }
    for (const name of FILE_NAMES) {
      if (directories.includes(name) || random() > 0.2) continue;
      if (name === "A-1") await Deno.symlink("..", `${root}/${below}${name}`);
      else await Deno.writeTextFile(`${root}/${below}${name}`, "");
      entries.push({ path: `${below}${name}`, directory: false });
    }
  };
  await grow("", 0);
  return entries;
}

/** Random atoms, or a real path with a part of it made a wildcard. */
function anyPattern(
  random: () => number,
  entries: readonly TreeEntry[],
): string {
  const pick = <T>(from: readonly T[]): T => {
    const found = from[Math.floor(random() * from.length)];
    assert.ok(found !== undefined);
    return found;
  };
  let pattern: string;
  if (random() < 0.5) {
    pattern = Array.from(
      { length: 1 + Math.floor(random() * 5) },
      () => pick(ATOMS),
    ).join("");
  } else {
    const names = pick(entries).path.split("/").map((name) =>
      random() < 0.35
        ? pick(["*", "**", "?", `${name.slice(0, 1)}*`, `*${name.slice(-1)}`])
        : name
    );
    pattern = names.slice(Math.floor(random() * names.length)).join("/");
    if (random() < 0.25) pattern = `/${pattern}`;
    if (random() < 0.3) pattern += pick(["/", "/*", "/**", "/***", "*"]);
  }
  return random() < 0.2 ? `${pick(["+", "-"])} ${pattern}` : pattern;
}

async function rsyncKeeps(
  tree: string,
  patterns: readonly string[],
): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command("rsync", {
    args: [
      "-nrl8",
      "--out-format=%n",
      ...patterns.map((pattern) => `--exclude=${pattern}`),
      "--",
      `${tree}/`,
      `${tree}-none/`,
    ],
    env: { LC_ALL: "C" },
    stdin: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).split("\n")
    .map((line) =>
      line.replace(/\/$/, "").replace(
        /\\#(\d{3})/g,
        (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
      )
    )
    .filter((line) =>
      line !== "" && line !== "." && !line.startsWith("created ")
    )
    .sort();
}

async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  await Promise.all(Array.from({ length: width }, async () => {
    for (const item of queue) await work(item);
  }));
}

/** Mulberry32: numbers from 0 up to 1, the same for the same seed. */
function mulberry(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
