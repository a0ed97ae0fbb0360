/** What only the database of a client does; the rest is in `test/contract/base_test.ts`. */
import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import { ZERO_STAMP } from "../../lib/core/stamp.ts";
import { type AnchorStore, ClientStore } from "../../lib/io/base_store.ts";
import type { ClientIntent } from "../../lib/ports.ts";
import { agree, file, HERE, on } from "../support/base_rows.ts";
import { tempDirectory } from "../support/temp.ts";

function withStore(
  work: (store: AnchorStore, client: ClientStore) => void,
): void {
  using client = new ClientStore(":memory:");
  work(client.anchor("/home/alice/docs"), client);
}

const INTENT: ClientIntent = {
  stage: ".sinkd/incoming",
  steps: [
    { do: "remove", path: relativePath("a\n'ü"), saw: on(file) },
    { do: "makeDirectory", path: relativePath("d") },
  ],
  agreements: [{ path: relativePath("d"), entry: undefined, trusted: true }],
  position: HERE,
};

const STORED: ClientIntent = JSON.parse(JSON.stringify(INTENT));

Deno.test("ClientStore keeps everything over a restart, anchors apart", async () => {
  await using temp = tempDirectory();
  const path = `${temp.path}/state.db`;
  {
    using client = new ClientStore(path);
    const store = client.anchor("/one");
    agree(store, { f: file });
    store.prepare(INTENT);
    store.markSent([{ path: relativePath("s"), entry: file }]);
    store.setRoot({ device: 5, inode: 2 ** 50 });
    store.setLastSync(123);
    store.setPaused(true);
  }
  using client = new ClientStore(path);
  const store = client.anchor("/one");
  assert.deepEqual(store.intent(), STORED);
  assert.deepEqual(store.row(relativePath("f")).base, on(file));
  assert.deepEqual(store.row(relativePath("s")).sent, { entry: file });
  assert.deepEqual(store.root(), { device: 5, inode: 2 ** 50 });
  assert.equal(store.lastSyncMs(), 123);
  assert.equal(store.paused(), true);
  const other = client.anchor("/two");
  assert.deepEqual(
    [other.count(), other.intent(), other.root(), other.position().stamp],
    [0, undefined, undefined, ZERO_STAMP],
  );
  other.forget();
  assert.equal(store.count(), 1);
});

Deno.test("forget() keeps the root: the anchor is still the same directory", () => {
  withStore((store) => {
    store.setRoot({ device: 1, inode: 1 });
    store.forget();
    assert.deepEqual(store.root(), { device: 1, inode: 1 });
  });
});

Deno.test("agree() changes nothing when it cannot change all", () => {
  withStore((store) => {
    agree(store, { f: file });
    const broken = { ...on(file), inode: Number.NaN };
    assert.throws(() =>
      store.agree([
        { path: relativePath("f"), base: undefined },
        { path: relativePath("g"), base: broken },
      ], { ...HERE, stamp: { date: 20260103, cycle: 0 } })
    );
    assert.deepEqual(store.row(relativePath("f")).base, on(file));
    assert.deepEqual(store.position(), HERE);
  });
});

Deno.test("conflicts() lists conflict copies, files and links only", () => {
  withStore((store) => {
    const mark = "x.sinkd-conflict-lap-20260102-030405";
    agree(store, {
      [mark]: file,
      [`d/${mark}.txt`]: { kind: "link", target: "y" },
      [`dir.${mark}`]: { kind: "directory", mode: 0o755 },
      plain: file,
    });
    assert.deepEqual(store.conflicts(), [`d/${mark}.txt`, mark]);
  });
});
