/** What is written to be read names only what is there. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { CONFIG_KEYS } from "../lib/core/config_schema.ts";
import { tableWords } from "../lib/cli/product.ts";
import { COMMANDS } from "../lib/cli/table.ts";

const CHECKOUT = new URL("../", import.meta.url).pathname;
const MAX_README_LINES = 300;
/** Made by a build or a run, so not in a fresh checkout. */
const MADE = /^(dist|\.deno)\b/;
const ROOMS = /^(lib|test|scripts|\.ci)\//;

interface Page {
  /** From the top of the checkout. */
  readonly path: string;
  readonly text: string;
}

function pagesIn(directory: string): Page[] {
  return [...Deno.readDirSync(`${CHECKOUT}${directory}`)].flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory && !/^(\.|dist$)/.test(entry.name)) {
      return pagesIn(path);
    }
    if (!entry.name.endsWith(".md")) return [];
    return [{ path, text: Deno.readTextFileSync(`${CHECKOUT}${path}`) }];
  });
}

const PAGES = pagesIn("");

function isThere(path: string): boolean {
  try {
    Deno.statSync(`${CHECKOUT}${path}`);
    return true;
  } catch {
    return false;
  }
}

/** Texts between backticks, and the lines of blocks of commands. */
function codeIn(text: string): string[] {
  const inline = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code);
  const blocks = text.split("\n").filter((line) => line.startsWith("    "))
    .map((line) => line.replace(/ #.*$/, "").trim());
  return [...inline, ...blocks].filter((code) => code !== undefined);
}

/** `{a,b}_test.ts` as `a_test.ts` and `b_test.ts`. */
function spread(path: string): string[] {
  const [whole, inner] = /\{([^}]*)\}/.exec(path) ?? [];
  return whole === undefined || inner === undefined
    ? [path]
    : inner.split(",").map((each) => path.replace(whole, each));
}

/** As headings become the names that links lead to. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-")
  );
}

Deno.test("README.md can be read in one go, and each page is reached from it", () => {
  const [readme] = PAGES.filter(({ path }) => path === "README.md");
  assert.ok(readme !== undefined);
  assert.ok(readme.text.trimEnd().split("\n").length <= MAX_README_LINES);
  for (const { path } of PAGES) {
    if (path !== "README.md") assert.ok(readme.text.includes(`(${path}`), path);
  }
});

Deno.test("links of each page lead to a file and a heading that are there", () => {
  for (const { path, text } of PAGES) {
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = "", heading] = target.split("#");
      const full = file === "" ? path : join(dirname(path), file);
      assert.ok(isThere(full), `${path}: ${target}`);
      if (heading === undefined) continue;
      const there = anchorsOf(Deno.readTextFileSync(`${CHECKOUT}${full}`));
      assert.ok(there.includes(heading), `${path}: ${target}`);
    }
  }
});

Deno.test("files that a page names are there", () => {
  let count = 0;
  for (const { path, text } of PAGES) {
    for (const code of codeIn(text)) {
      for (const word of code.split(/\s+/)) {
        if (!ROOMS.test(word) || MADE.test(word)) continue;
        for (const each of spread(word.replace(/[,;:.]$/, ""))) {
          if (/[*<$…]/.test(each)) continue;
          count++;
          assert.ok(isThere(each), `${path}: ${each}`);
        }
      }
    }
  }
  assert.ok(count > 100);
});

/** A word that stands for one. */
const STANDS_FOR = /^(ARGS|…|--version|-V|--help)$/;

Deno.test("commands and options that a page names are there", () => {
  let count = 0;
  for (const { path, text } of PAGES) {
    for (const code of codeIn(text)) {
      for (const part of code.split(/&&|;|\|/)) {
        const line = part.trim().replace(/^(sudo|scripts\/|\.\/)+ */, "")
          .replace(/^ssh \S+ (sudo )?/, "");
        const [program = "", ...argv] = line.split(/\s+/);
        if (program !== "sinkd" && program !== "sinkd-server") continue;
        if (argv[0] === undefined || STANDS_FOR.test(argv[0])) continue;
        const words = tableWords({ name: program, form: "package" }, argv);
        if (words.some((word) => STANDS_FOR.test(word))) continue;
        const command = COMMANDS.filter(({ words: own }) =>
          own.every((word, index) =>
            words[index] === word
          )
        ).sort((one, other) => other.words.length - one.words.length)[0];
        assert.ok(command !== undefined, `${path}: ${code}`);
        count++;
        for (const word of words.filter((each) => /^--[a-z]/.test(each))) {
          const name = word.slice(2).replace(/=.*$/, "");
          assert.ok(
            command.options.some((option) => option.name === name),
            `${path}: ${code}`,
          );
        }
      }
    }
  }
  assert.ok(count > 30);
});

Deno.test("the README has each key of the configuration, and no other", () => {
  const [readme] = PAGES.filter(({ path }) => path === "README.md");
  const section =
    readme?.text.split(/^## /m).find((each) =>
      each.startsWith("Configuration")
    ) ?? "";
  const cells = [...section.matchAll(/^\| (`.*?) +\| /gm)].map(([, cell]) =>
    cell ?? ""
  );
  const keys = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)])
    .map(([, key = ""]) => key.replace(/^\[+\w+\]+ /, ""));
  const { top, anchors, rsync } = CONFIG_KEYS;
  const tables = ["anchors", "rsync"];
  const own = new Set([
    ...top.filter((key) => !tables.includes(key)),
    ...anchors,
    ...rsync,
  ]);
  // One row stands for the keys of [rsync] in an anchor.
  const named = new Set(keys.filter((key) => key !== "[rsync]"));
  assert.deepEqual([...named].filter((key) => !own.has(key)), []);
  const untold = [...own].filter((key) => !named.has(key));
  assert.ok(untold.every((key) => key.startsWith("rsync_")), `${untold}`);
});
