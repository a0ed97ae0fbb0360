import assert from "node:assert/strict";
import { planClientCommit } from "../../lib/core/client_commit.ts";
import { type Entry, type Found } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import {
  decide,
  type Decision,
  needsTransfer,
  type Sides,
} from "../../lib/core/reconcile.ts";
import { planServerCommit, type Staged } from "../../lib/core/server_commit.ts";

const was: Entry = { kind: "file", size: 3, mtimeMs: 1000, mode: 0o644 };
const longer: Entry = { kind: "file", size: 4, mtimeMs: 2000, mode: 0o644 };
const wider: Entry = { ...was, mode: 0o755 };
const path = relativePath("a");

/** On the disk since long; `inode` 1 is as agreed. */
function on(entry: Entry, inode = 1): Found {
  return { entry, inode, ctimeS: 5 };
}

const ROWS: [string, Partial<Sides>, Decision["kind"]][] = [
  ["the local file is clean", { base: on(was), local: on(was) }, "renew"],
  ["the server has another mode, too", {
    incoming: wider,
    base: on(was),
    local: on(was),
  }, "renew"],
  ["the local file may be edited unseen, too", {
    base: on(was),
    local: on(was, 2),
  }, "compare"],
  ["the local file was not agreed on", { local: on(was) }, "compare"],
  ["it was our own edit, its answer lost", {
    base: on(was),
    local: on(was, 2),
    sent: { entry: was },
  }, "adopt"],
  [
    "the local file was edited",
    { base: on(was), local: on(longer) },
    "conflict",
  ],
  ["the local file was deleted", { base: on(was) }, "take"],
];

for (const [what, sides, kind] of ROWS) {
  Deno.test(`decide() of a file rewritten unseen on the server says ${kind} when ${what}`, () => {
    const all: Sides = {
      incoming: was,
      versions: [],
      base: undefined,
      local: undefined,
      sent: undefined,
      rewritten: true,
      ...sides,
    };
    assert.equal(decide(all).kind, kind);
    const wanted = ["renew", "compare", "conflict", "take"].includes(kind);
    assert.equal(needsTransfer(decide(all), all), wanted);
  });
}

Deno.test("planClientCommit() puts a renewed file although size and time agree", () => {
  const local = on(was);
  const steps = planClientCommit([
    { path, incoming: was, local, decision: { kind: "renew" } },
  ], { localKind: () => "file", copyName: () => "copy" });
  assert.deepEqual(steps, [
    { do: "put", path, entry: was, saw: local, renew: true },
  ]);
});

const COMMITS: [string, Staged, Entry, true | undefined][] = [
  ["tells that other bytes came in", { kind: "staged" }, was, true],
  ["tells so with another mode, too", { kind: "staged" }, wider, true],
  [
    "says nothing when the bytes were equal",
    { kind: "equal" },
    wider,
    undefined,
  ],
  [
    "says nothing when time or size tell",
    { kind: "staged" },
    longer,
    undefined,
  ],
];

for (const [what, staged, entry, rewritten] of COMMITS) {
  Deno.test(`planServerCommit() ${what}`, () => {
    const { rows } = planServerCommit([{ path, entry, verify: true }], {
      entryAt: () => was,
      childCount: () => 0,
      staged: () => staged,
    });
    assert.deepEqual(rows.map((row) => row.rewritten), [rewritten]);
  });
}
