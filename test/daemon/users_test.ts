import assert from "node:assert/strict";
import type { Entry } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import type { ServerIntent } from "../../lib/ports.ts";
import { Users } from "../../lib/daemon/users.ts";
import { Accounts } from "../../lib/io/accounts.ts";
import { tempDirectory } from "../support/temp.ts";

const ENTRY: Entry = {
  kind: "file",
  size: 3,
  mtimeMs: 1_700_000_000_000,
  mode: 0o644,
};

/** The intent of a commit that puts the staged file `a` into the tree. */
function intentIn(directory: string): ServerIntent {
  const path = relativePath("a");
  return {
    scope: { prefix: "docs" },
    stage: `${directory}/.sinkd/incoming/lap`,
    stamp: { date: 20260102, cycle: 1 },
    steps: [{ do: "place", path, entry: ENTRY }],
    rows: [{ path, entry: ENTRY, before: undefined }],
  };
}

Deno.test("recoverAll() finishes what a crash left of every user's commit, and says what it cannot", async () => {
  await using temp = tempDirectory();
  for (const name of ["alice", "bob"]) {
    Accounts.create(temp.path, name)[Symbol.dispose]();
  }
  using users = new Users(temp.path);
  const alice = users.get("alice");
  const bob = users.get("bob");
  assert.ok(alice !== undefined && bob !== undefined);
  const intent = intentIn(alice.directory);
  Deno.mkdirSync(intent.stage, { recursive: true });
  Deno.writeTextFileSync(`${intent.stage}/a`, "new");
  alice.journal.prepare(intent);
  bob.journal.prepare(intentIn(bob.directory)); // what was staged is gone
  const said = await users.recoverAll();
  assert.equal(
    Deno.readTextFileSync(`${alice.directory}/docs/a`),
    "new",
  );
  assert.deepEqual(alice.journal.head().stamp, intent.stamp);
  assert.deepEqual(alice.journal.pendingIntents(), []);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /^A commit of bob is half done: Cannot commit /);
  assert.equal(bob.journal.pendingIntents().length, 1);
});
