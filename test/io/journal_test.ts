/** What a journal keeps over a restart; the rest is in `test/contract/journal_test.ts`. */
import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import { ZERO_STAMP } from "../../lib/core/stamp.ts";
import { openJournal } from "../../lib/io/journal.ts";
import type { ServerIntent } from "../../lib/ports.ts";
import {
  at,
  commit,
  DOCS,
  EPOCH,
  fileOf,
  intentOf,
} from "../support/journal_rows.ts";
import { tempDirectory } from "../support/temp.ts";

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
