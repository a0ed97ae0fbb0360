import assert from "node:assert/strict";
import { literalsOf } from "../support/literals.ts";

/** Words that no text for people has, and what it says instead. */
const WORDS: readonly [RegExp, string][] = [
  [/\b(in|of) step\b/i, "up to date, synced"],
  [/\bmend(s|ed|ing)?\b/i, "fix, fixed"],
  [/\bhand(s|ed|ing)? (it |them )?(in|over)\b/i, "push or send"],
  [/\b(take|takes|took|taken|taking) in\b/i, "receive, apply"],
  [/\b(bring|brings|brought) in\b/i, "pull, receive"],
  [/\blook(s|ed|ing)? again\b/i, "check, rescan"],
  [/\bwaits? for (you|a person)\b/i, "needs your decision"],
  [/\b(shut|shuts|shutting)\b.*\bout\b/i, "revoked"],
  [/\blet(s|ting)? go of\b/i, "released"],
  [
    /\b(make|makes|made|is|there is) (more )?room\b|\bno room\b/i,
    "free up space, disk full",
  ],
  [/\banew\b/i, "restarts, again"],
  [/\blearns? ahead\b/i, "learns in advance"],
  [/\btold of\b/i, "notified"],
  [/\bof other content\b/i, "differs"],
  [/\b1 (path|file|change|problem)s\b/i, "1 path"],
  [/\bat rest\b|\bstands? still\b/i, "idle, paused"],
  [/\btr(y|ies) again by itself\b/i, "retries by itself"],
  [/os error/i, "errorText()"],
];

/** Names of values on the wire and in databases, which no person reads. */
const VALUES: ReadonlySet<string> = new Set(["mended"]);
/** It is about these words. */
const ABOUT = "lib/core/error_text.ts";

function* sources(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) yield* sources(path);
    else if (path.endsWith(".ts") && path !== ABOUT) yield path;
  }
}

Deno.test("every text for people uses the words that people use", () => {
  const root = new URL("../../", import.meta.url).pathname;
  const wrong: string[] = [];
  let count = 0;
  for (const path of sources(`${root}lib`)) {
    if (path.endsWith(ABOUT)) continue;
    for (const { line, text } of literalsOf(Deno.readTextFileSync(path))) {
      count++;
      if (VALUES.has(text)) continue;
      for (const [word, instead] of WORDS) {
        if (!word.test(text)) continue;
        const where = `${path.slice(root.length)}:${line}`;
        wrong.push(`${where}: ${JSON.stringify(text)}: say: ${instead}`);
      }
    }
  }
  assert.ok(count > 2000, `only ${count} texts found`);
  assert.deepEqual(wrong, [], `\n${wrong.join("\n")}`);
});

Deno.test("literalsOf() finds what strings and templates say, and no comments or patterns", () => {
  const source = [
    `const a = "one \\" two"; // "not"`,
    "/* 'nor' `this` */ const b = `x ${f({ y: 'in' }, `deep`)} z`;",
    `const c = /"['"]\\/"/.test(a) ? 'three' : 4 / 2; const d = "last";`,
  ].join("\n");
  assert.deepEqual(
    literalsOf(source).map(({ line, text }) => [line, text]),
    [[1, 'one " two'], [2, "in"], [2, "deep"], [2, "x … z"], [3, "three"], [
      3,
      "last",
    ]],
  );
});
