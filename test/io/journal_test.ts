/** What a journal keeps over a restart; the rest is in `test/contract/journal_test.ts`. */
import assert from "node:assert/strict";
import type { Entry } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import type { JournalRow } from "../../lib/core/server_commit.ts";
import { type Stamp, ZERO_STAMP } from "../../lib/core/stamp.ts";
import { openJournal, type SqliteJournal } from "../../lib/io/journal.ts";
import type { Scope, ServerIntent } from "../../lib/ports.ts";
import { tempDirectory } from "../support/temp.ts";

const EPOCH = "00000000000000aa";
const DOCS: Scope = { prefix: "docs" };
function fileOf(size: number): Entry {
  return { kind: "file", size, mtimeMs: 1000 + size, mode: 0o644 };
}

function at(cycle: number): Stamp {
  return { date: 20260102, cycle };
}

type Rows = Record<string, Entry | undefined>;

function intentOf(
  store: SqliteJournal,
  { scope, cycle, rows }: { scope: Scope; cycle: number; rows: Rows },
): ServerIntent {
  return {
    scope,
    stage: "/stage",
    stamp: at(cycle),
    steps: [],
    rows: Object.entries(rows).map(([path, entry]): JournalRow => ({
      path: relativePath(path),
      entry,
      before: store.entryAt(scope, relativePath(path)),
    })),
  };
}

function commit(
  store: SqliteJournal,
  item: { scope?: Scope; cycle: number; rows: Rows },
): void {
  const intent = intentOf(store, { scope: DOCS, ...item });
  store.prepare(intent);
  store.finish(intent);
}

Deno.test("openJournal() keeps epoch and head when it is opened again", async () => {
  await using temp = tempDirectory();
  const file = `${temp.path}/state.db`;
  {
    using store = openJournal(file, () => EPOCH);
    assert.deepEqual(store.head(), { epoch: EPOCH, stamp: ZERO_STAMP });
    commit(store, { cycle: 3, rows: { a: fileOf(1) } });
  }
  using again = openJournal(file, () => "00000000000000bb");
  assert.deepEqual(again.head(), { epoch: EPOCH, stamp: at(3) });
});

Deno.test("prepare() keeps an intent over a restart, and finish() ends it", async () => {
  await using temp = tempDirectory();
  const file = `${temp.path}/state.db`;
  let intent: ServerIntent;
  {
    using store = openJournal(file, () => EPOCH);
    intent = intentOf(store, {
      scope: DOCS,
      cycle: 1,
      rows: { "a\n'\"ü": fileOf(1), gone: undefined },
    });
    store.prepare(intent);
  }
  using again = openJournal(file, () => EPOCH);
  const [pending] = again.pendingIntents();
  assert.ok(pending !== undefined);
  assert.equal(again.head().stamp.cycle, 0);
  again.finish(pending);
  assert.deepEqual(again.pendingIntents(), []);
  assert.deepEqual(again.head().stamp, at(1));
  assert.deepEqual(
    again.entryAt(DOCS, relativePath("a\n'\"ü")),
    fileOf(1),
  );
});
