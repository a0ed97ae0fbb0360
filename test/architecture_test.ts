import assert from "node:assert/strict";
import plugin from "../scripts/lint/rooms.ts";

function faultsIn(file: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, `/repo/${file}`, source)
    .map((diagnostic) => diagnostic.id);
}

const bad: readonly [string, string, string][] = [
  ["lib/core/a.ts", "Deno.cwd();", "pure-core"],
  ["lib/core/a.ts", "const now = Date.now();", "pure-core"],
  ["lib/core/a.ts", "const now = new Date();", "pure-core"],
  ["lib/core/a.ts", "const now = Date();", "pure-core"],
  ["lib/core/a.ts", "const at = new Date(performance.now());", "pure-core"],
  ["lib/core/a.ts", "const dice = Math.random();", "pure-core"],
  ["lib/core/a.ts", "setTimeout(() => {}, 1);", "pure-core"],
  ["lib/core/a.ts", "setInterval(() => {}, 1);", "pure-core"],
  ["lib/core/a.ts", "queueMicrotask(() => {});", "pure-core"],
  ["lib/core/a.ts", "console.log(1);", "pure-core"],
  ["lib/core/a.ts", "export async function f() {}", "pure-core"],
  ["lib/core/a.ts", "export const f = async () => {};", "pure-core"],
  ["lib/core/a.ts", "export const f = { async g() {} };", "pure-core"],
  ["lib/core/a.ts", "export class A { async g() {} }", "pure-core"],
  ["lib/core/a.ts", "await 1;", "pure-core"],
  ["lib/core/a.ts", "for await (const a of b) c(a);", "pure-core"],
  ["lib/core/a.ts", "Promise.resolve();", "pure-core"],
  ["lib/core/a.ts", "export type T = Promise<number>;", "pure-core"],
  ["lib/core/a.ts", "globalThis['Deno'];", "pure-core"],
  ["lib/core/a.ts", 'import("./b.ts");', "pure-core"],
  ["lib/core/a.ts", 'import fs from "node:fs";', "inward-imports"],
  ["lib/core/a.ts", 'import { x } from "aedes";', "inward-imports"],
  ["lib/core/a.ts", 'import { x } from "../io/x.ts";', "inward-imports"],
  ["lib/core/a.ts", 'import { x } from "../ports.ts";', "inward-imports"],
  ["lib/core/a.ts", 'import type { X } from "../io/x.ts";', "inward-imports"],
  ["lib/core/a.ts", 'export * from "../io/x.ts";', "inward-imports"],
  ["lib/core/a.ts", 'export { x } from "../io/x.ts";', "inward-imports"],
  ["lib/turn/a.ts", 'import { x } from "../io/x.ts";', "inward-imports"],
  ["lib/turn/a.ts", 'import fs from "node:fs";', "inward-imports"],
  ["lib/turn/a.ts", "Deno.cwd();", "system-free-turn"],
  ["lib/ports.ts", 'import { x } from "./io/x.ts";', "inward-imports"],
  ["lib/io/a.ts", 'import { x } from "../turn/x.ts";', "inward-imports"],
  ["lib/io/a.ts", 'import { x } from "../daemon/x.ts";', "inward-imports"],
  ["lib/io/a.ts", 'await import("../cli/x.ts");', "inward-imports"],
  ["lib/io/a.ts", 'import { x } from "npm:zod@4";', "inward-imports"],
  ["lib/daemon/a.ts", 'import { x } from "../cli/x.ts";', "inward-imports"],
  ["lib/daemon/a.ts", 'import { x } from "../../main.ts";', "inward-imports"],
  ["lib/cli/a.ts", 'import { x } from "../../scripts/x.ts";', "inward-imports"],
  ["lib/cli/a.ts", "Deno.exit(1);", "single-exit"],
];

for (const [file, source, rule] of bad) {
  Deno.test(`rooms plugin reports ${rule} when ${file} has ${source}`, () => {
    assert.ok(faultsIn(file, source).includes(`sinkd/${rule}`));
  });
}

const good: readonly [string, string][] = [
  ["lib/core/a.ts", 'import { z } from "zod"; import { b } from "./b.ts";'],
  ["lib/core/a.ts", "export const at = new Date(5).toISOString();"],
  ["lib/core/a.ts", "export const x = { console: 1, self: 2 }.console;"],
  ["lib/core/a.ts", "export interface T { Deno: string; fetch(): void }"],
  ["lib/turn/a.ts", 'import { x } from "../core/x.ts"; await x();'],
  ["lib/turn/a.ts", 'import type { X } from "../ports.ts";'],
  ["lib/io/a.ts", 'import mqtt from "mqtt"; Deno.cwd();'],
  ["lib/daemon/a.ts", 'import { x } from "../turn/x.ts";'],
  ["lib/cli/a.ts", 'await import("../daemon/x.ts");'],
  ["main.ts", 'import { x } from "./lib/cli/run.ts"; Deno.exit(0);'],
];

for (const [file, source] of good) {
  Deno.test(`rooms plugin allows ${source} in ${file}`, () => {
    assert.deepEqual(faultsIn(file, source), []);
  });
}

Deno.test("rooms plugin is in force when deno lint runs", async () => {
  const settings = JSON.parse(
    await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
  );
  assert.deepEqual(settings.lint.plugins, ["./scripts/lint/rooms.ts"]);
});

Deno.test("every module in lib is in a room and finds nothing outside its reach", async () => {
  const lib = new URL("../lib/", import.meta.url);
  let files = 0;
  for (const file of await filesBelow(lib)) {
    const source = await Deno.readTextFile(file);
    const name = `lib/${file.pathname.slice(lib.pathname.length)}`;
    assert.deepEqual(faultsIn(name, source), [], name);
    files++;
  }
  assert.ok(files > 20, `only ${files} files were looked at`);
});

async function filesBelow(directory: URL): Promise<URL[]> {
  const found: URL[] = [];
  for await (const entry of Deno.readDir(directory)) {
    const at = new URL(encodeURIComponent(entry.name), directory);
    if (entry.isDirectory) found.push(...await filesBelow(new URL(`${at}/`)));
    else if (entry.name.endsWith(".ts")) found.push(at);
  }
  return found;
}
