import assert from "node:assert/strict";
import {
  ChecksumWorker,
  type FileNow,
} from "../../lib/daemon/checksum_worker.ts";
import { DigestStore, openDigests } from "../../lib/io/digest_store.ts";
import { eventually, tempDirectory } from "../support/temp.ts";

const FILES = 3000;

/** A worker with many files due, each of which is as `look` says. */
async function withWorker(
  look: () => FileNow,
  work: (
    rig: { worker: ChecksumWorker; store: DigestStore; looks: () => number },
  ) => Promise<void>,
): Promise<void> {
  await using temp = tempDirectory();
  using database = openDigests(`${temp.path}/checks.db`);
  const store = new DigestStore(database, "");
  store.putAll(Array.from({ length: FILES }, (_, index) => ({
    path: `${index}`,
    size: 0,
    mtime: 0,
    inode: 0,
    ctime: 0,
    version: 0,
    digest: "",
    state: "waiting",
    due: 0,
  })));
  let looks = 0;
  await using worker = new ChecksumWorker({
    store,
    intervalMs: 1000,
    fullPath: (path) => `${temp.path}/${path}`,
    usable: () => true,
    look: () => {
      looks++;
      // So that a worker that never gives way ends, and the test with it.
      if (looks > 20 * FILES) throw new Error("it never gave way");
      return look();
    },
    onDigest: (row) => row,
    onRest: () => {},
  });
  await work({ worker, store, looks: () => looks });
}

Deno.test("ChecksumWorker() gives way after each file that it puts off", async () => {
  await withWorker(
    () => ({ kind: "later", dueMs: 0 }),
    async ({ worker, looks }) => {
      worker.wake();
      await eventually(() => looks() > 0);
      assert.ok(looks() < FILES, `${looks()} looks in one go`);
    },
  );
});

Deno.test("ChecksumWorker() rests as a whole, and looks at no other file, when it is told that all is busy", async () => {
  await withWorker(
    () => ({ kind: "busy", restMs: 60_000 }),
    async ({ worker, store, looks }) => {
      worker.wake();
      await eventually(() => looks() > 0);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(looks(), 1);
      assert.equal(store.first()?.due, 0);
    },
  );
});
