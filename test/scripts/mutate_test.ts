/**
 * scripts/mutate, as a user runs it, with the mutations that are caught fastest; and all of the list
 * against the sources as they are.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  applyMutation,
  type Mutation,
  readSources,
} from "../../scripts/mutate_patch.ts";
import { MUTATIONS } from "../../scripts/mutations.ts";

const CHECKOUT = decodeURIComponent(
  new URL("../../", import.meta.url).pathname,
).replace(/\/$/, "");

async function mutate(
  ...args: readonly string[]
): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command(
    `${CHECKOUT}/scripts/mutate`,
    { args: [...args], cwd: "/", env: { NO_COLOR: "1" }, stdin: "null" },
  ).output();
  const decoder = new TextDecoder();
  return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("mutations all apply, each to other sources", () => {
  const sources = readSources(CHECKOUT, "lib");
  const seen = new Map<string, string>();
  for (const mutation of MUTATIONS) {
    const changed = applyMutation(mutation, sources);
    assert.ok(changed.size > 0, mutation.name);
    for (const [path, text] of changed) {
      assert.notEqual(text, sources.get(path), mutation.name);
    }
    const key = JSON.stringify([...changed]);
    assert.equal(seen.get(key), undefined, mutation.name);
    seen.set(key, mutation.name);
  }
  assert.equal(new Set(MUTATIONS.map(({ name }) => name)).size, seen.size);
  assert.ok(seen.size >= 25);
});

Deno.test("applyMutation() throws when a text is nowhere or in two places", () => {
  const sources = new Map([["lib/a.ts", "one two"], ["lib/b.ts", "two"]]);
  const changing = (from: string): Mutation => ({
    name: "m",
    breaks: "nothing",
    edits: [{ from, to: "three" }],
  });
  assert.throws(
    () => applyMutation(changing("four"), sources),
    /Cannot apply mutation 'm': "four" is nowhere/,
  );
  assert.throws(
    () => applyMutation(changing("two"), sources),
    /"two" is in lib\/a.ts, lib\/b.ts/,
  );
  assert.deepEqual(
    [...applyMutation(changing("one"), sources)],
    [["lib/a.ts", "three two"]],
  );
});

Deno.test("mutate shows that broken copies are caught and the unbroken one passes", async () => {
  const names = ["no-conflict-copy", "trust-the-journal", "cycle-stands-still"];
  const { code, said } = await mutate("--runs=40", ...names, "(nothing)");
  assert.equal(code, 0, said);
  for (const name of names) {
    assert.match(
      said,
      new RegExp(`^caught +${name} +\\d+  schedule \\d+`, "m"),
    );
  }
  assert.match(said, /^passes +\(nothing\) +40 /m);
  assert.match(said, /^4 of 4 as they must be$/m);
});

Deno.test("mutate fails when a mutation survives", async () => {
  const { code, said } = await mutate("--runs=0", "no-conflict-copy");
  assert.equal(code, 1, said);
  assert.match(said, /^SURVIVES no-conflict-copy +0 /m);
});

Deno.test("mutate refuses a mutation that there is not", async () => {
  const { code, said } = await mutate("no-such");
  assert.equal(code, 1, said);
  assert.match(said, /Cannot break 'no-such': see scripts\/mutate --list/);
});
