import assert from "node:assert/strict";
import type { Entry, Found } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import { ZERO_STAMP } from "../../lib/core/stamp.ts";
import { type AnchorStore, ClientStore } from "../../lib/io/base_store.ts";
import type { ClientIntent, Position } from "../../lib/ports.ts";
import { tempDirectory } from "../support/temp.ts";

const HERE: Position = {
  epoch: "00000000000000aa",
  stamp: { date: 20260102, cycle: 3 },
};
const file: Entry = {
  kind: "file",
  size: 5,
  mtimeMs: 1_700_000_000_123,
  mode: 0,
};

function on(entry: Entry): Found {
  return { entry, inode: 2 ** 40, ctimeS: 1_700_000_000 };
}

function agree(
  store: AnchorStore,
  paths: Record<string, Entry | undefined>,
): void {
  store.agree(
    Object.entries(paths).map(([path, entry]) => ({
      path: relativePath(path),
      base: entry === undefined ? undefined : on(entry),
    })),
    HERE,
  );
}

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

Deno.test("agree() keeps every kind of entry, and drops what is agreed to be gone", () => {
  withStore((store) => {
    const entries: Record<string, Entry> = {
      "f\n' \u{1f388}": file,
      d: { kind: "directory", mode: 0o500 },
      l: { kind: "link", target: "../x\n" },
    };
    agree(store, entries);
    for (const [path, entry] of Object.entries(entries)) {
      assert.deepEqual(store.row(relativePath(path)), {
        base: on(entry),
        sent: undefined,
      });
    }
    assert.equal(store.count(), 3);
    assert.deepEqual(store.position(), HERE);
    agree(store, { l: undefined });
    assert.equal(store.row(relativePath("l")).base, undefined);
    assert.equal(store.count(), 2);
  });
});

Deno.test("bases() gives what is at and below a path, and nothing whose name begins alike", () => {
  withStore((store) => {
    const paths = ["a", "a/b", "a/b/c", "a-b", "a0", "ab", "a b/c", "A/b"];
    agree(store, Object.fromEntries(paths.map((path) => [path, file])));
    assert.deepEqual(
      [...store.bases(relativePath("a")).keys()].sort(),
      ["a", "a/b", "a/b/c"],
    );
    assert.deepEqual([...store.bases().keys()].sort(), [...paths].sort());
  });
});

Deno.test("markSent() is answered by agree(), path by path", () => {
  withStore((store) => {
    const [f, g] = [relativePath("f"), relativePath("g")];
    store.markSent([{ path: f, entry: file }, { path: g }]);
    assert.deepEqual(store.row(f).sent, { entry: file });
    assert.deepEqual(store.row(g).sent, { entry: undefined });
    agree(store, { f: file });
    assert.equal(store.row(f).sent, undefined);
    assert.deepEqual(store.row(g).sent, { entry: undefined });
  });
});

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

Deno.test("agree() ends the intent together with what it agreed on", () => {
  withStore((store) => {
    store.prepare(INTENT);
    assert.deepEqual(store.intent(), STORED);
    agree(store, { d: undefined });
    assert.equal(store.intent(), undefined);
  });
});

Deno.test("forget() leaves nothing of the old server, not even a commit that was not finished", () => {
  withStore((store) => {
    agree(store, { f: file });
    store.markSent([{ path: relativePath("s") }]);
    store.prepare(INTENT);
    store.setRoot({ device: 1, inode: 1 });
    store.forget();
    assert.deepEqual(store.position(), { epoch: "", stamp: ZERO_STAMP });
    assert.equal(store.count(), 0);
    assert.equal(store.row(relativePath("s")).sent, undefined);
    assert.equal(store.intent(), undefined);
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
