import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { AnchorConfig } from "../../lib/core/config.ts";
import { relativePath } from "../../lib/core/path.ts";
import { ZERO_STAMP } from "../../lib/core/stamp.ts";
import { settleRecords } from "../../lib/daemon/anchor_records.ts";
import { ClientStore } from "../../lib/io/base_store.ts";
import { DigestStore, openDigests } from "../../lib/io/digest_store.ts";
import { agree, file, HERE } from "../support/base_rows.ts";
import { tempDirectory } from "../support/temp.ts";

const RSYNC = {
  compress: false,
  bwlimit: undefined,
  partial: true,
  checksum: false,
  maxSize: undefined,
  minSize: undefined,
};

function config(
  path: string,
  name: string,
  more: Partial<AnchorConfig> = {},
): AnchorConfig {
  return {
    path,
    name,
    excludes: [],
    intervalMs: 0,
    trustsOthers: false,
    rsync: RSYNC,
    ...more,
  };
}

/** A client's databases and a directory for anchors. */
async function withStores(
  work: (
    given: {
      store: ClientStore;
      home: string;
      settle: (anchors: readonly AnchorConfig[], user?: string) => void;
      digests: DatabaseSync;
    },
  ) => void,
): Promise<void> {
  await using temp = tempDirectory();
  using store = new ClientStore(":memory:");
  using digests = openDigests(":memory:");
  work({
    store,
    digests,
    home: temp.path,
    settle: (anchors, user = "alice") =>
      settleRecords(store, anchors, { user, digests }),
  });
}

Deno.test("settleRecords() keeps a record that nothing changed for, with all that belongs to it", () =>
  withStores(({ store, home, settle, digests }) => {
    Deno.mkdirSync(`${home}/d`);
    const anchor = config(`${home}/d`, "docs");
    settle([anchor]);
    const record = store.anchor(anchor.path);
    agree(record, { a: file });
    record.markSent([{ path: relativePath("b") }]);
    new DigestStore(digests, anchor.path).setNote("note");
    settle([anchor]);
    assert.equal(record.count(), 1);
    assert.notEqual(record.row(relativePath("b")).sent, undefined);
    assert.deepEqual(record.position(), HERE);
    assert.equal(new DigestStore(digests, anchor.path).note(), "note");
  }));

Deno.test("settleRecords() forgets what was excluded in between, also when that was undone at once", () =>
  withStores(({ store, home, settle }) => {
    Deno.mkdirSync(`${home}/d`);
    const anchor = config(`${home}/d`, "docs");
    settle([anchor]);
    const record = store.anchor(anchor.path);
    agree(record, { "a.o": file, "a.c": file });
    record.markSent([{ path: relativePath("a.o") }]);
    settle([{ ...anchor, excludes: ["*.o"] }]);
    settle([anchor]);
    assert.deepEqual([...record.bases().keys()], ["a.c"]);
    assert.equal(record.row(relativePath("a.o")).sent, undefined);
    assert.deepEqual(record.position(), { ...HERE, stamp: ZERO_STAMP });
  }));

Deno.test("settleRecords() ends the record of an anchor that was not there in between", () =>
  withStores(({ store, home, settle, digests }) => {
    Deno.mkdirSync(`${home}/d`);
    const anchor = config(`${home}/d`, "docs");
    settle([anchor]);
    agree(store.anchor(anchor.path), { a: file });
    store.anchor(anchor.path).setPaused(true);
    new DigestStore(digests, anchor.path).setNote("note");
    settle([]);
    assert.deepEqual(store.records(), []);
    settle([anchor]);
    const record = store.anchor(anchor.path);
    assert.deepEqual([record.count(), record.paused()], [0, false]);
    assert.equal(new DigestStore(digests, anchor.path).note(), undefined);
  }));

Deno.test("settleRecords() forgets a record of another user, place or adding, and stays paused", () =>
  withStores(({ store, home, settle }) => {
    Deno.mkdirSync(`${home}/d`);
    const anchor = config(`${home}/d`, "docs");
    const changes: (() => void)[] = [
      () => settle([anchor], "bob"),
      () => settle([{ ...anchor, name: "other", excludes: ["*.o"] }]),
      () => settle([{ ...anchor, added: "today" }]),
    ];
    for (const change of changes) {
      settle([anchor]);
      const record = store.anchor(anchor.path);
      agree(record, { a: file });
      record.setPaused(true);
      change();
      assert.equal(record.count(), 0);
      assert.equal(record.position().epoch, "");
      assert.ok(record.paused());
    }
  }));

Deno.test("settleRecords() goes on with records whose directories were moved, also crosswise", () =>
  withStores(({ store, home, settle }) => {
    for (const name of ["one", "two"]) {
      Deno.mkdirSync(`${home}/${name}`);
    }
    const [one, two] = [config(`${home}/one`, "x"), config(`${home}/two`, "y")];
    settle([one, two]);
    for (const [anchor, path] of [[one, "in-x"], [two, "in-y"]] as const) {
      const { dev: device, ino } = Deno.statSync(anchor.path);
      store.anchor(anchor.path).setRoot({ device, inode: ino ?? 0 });
      agree(store.anchor(anchor.path), { [path]: file });
    }
    Deno.renameSync(one.path, `${home}/three`);
    Deno.renameSync(two.path, one.path);
    Deno.renameSync(`${home}/three`, two.path);
    settle([{ ...one, name: "y" }, { ...two, name: "x" }]);
    assert.deepEqual([...store.anchor(one.path).bases().keys()], ["in-y"]);
    assert.deepEqual([...store.anchor(two.path).bases().keys()], ["in-x"]);
  }));

Deno.test("settleRecords() takes a single file that is gone for the file that it was", () =>
  withStores(({ store, home, settle }) => {
    Deno.writeTextFileSync(`${home}/note`, "x");
    const anchor = config(`${home}/note`, "note");
    settle([anchor]);
    agree(store.anchor(anchor.path), { note: file });
    Deno.removeSync(anchor.path);
    settle([anchor]);
    assert.equal(store.anchor(anchor.path).identity()?.single, true);
    assert.equal(store.anchor(anchor.path).count(), 1);
    Deno.mkdirSync(anchor.path);
    settle([anchor]);
    assert.equal(store.anchor(anchor.path).identity()?.single, true);
    assert.equal(store.anchor(anchor.path).count(), 1);
    settle([{ ...anchor, added: "again" }]);
    assert.equal(store.anchor(anchor.path).identity()?.single, false);
    assert.equal(store.anchor(anchor.path).count(), 0);
  }));

Deno.test("settleRecords() takes a directory with a file in its place for a directory that is gone", () =>
  withStores(({ store, home, settle }) => {
    const anchor = config(`${home}/docs`, "docs");
    Deno.mkdirSync(anchor.path);
    settle([anchor]);
    agree(store.anchor(anchor.path), { a: file });
    Deno.removeSync(anchor.path);
    Deno.writeTextFileSync(anchor.path, "x");
    settle([anchor]);
    assert.equal(store.anchor(anchor.path).identity()?.single, false);
    assert.equal(store.anchor(anchor.path).count(), 1);
  }));

Deno.test("settleRecords() has the anchors of an earlier version's database join as at first, paused as they were", async () => {
  await using temp = tempDirectory();
  const state = `${temp.path}/client.db`;
  {
    using old = new DatabaseSync(state);
    old.exec(`
      create table anchors (
        id integer primary key, path text unique not null, epoch text not null, stamp integer not null,
        device integer, inode integer, last_sync integer, paused integer not null default 0,
        selection text) strict;
      create table bases (
        anchor integer not null, path text not null, kind text not null, size integer, mtime integer,
        mode integer, target text, inode integer not null, ctime integer not null,
        primary key (anchor, path)) strict, without rowid;
      insert into anchors values (1, '/d', 'e', 20260101000001, 5, 6, null, 1, '{}');
      insert into bases values (1, 'a', 'f', 1, 1, 420, null, 1, 1);
    `);
  }
  using store = new ClientStore(state);
  using digests = openDigests(":memory:");
  settleRecords(store, [config("/d", "docs")], { user: "alice", digests });
  const record = store.anchor("/d");
  assert.equal(record.count(), 0);
  assert.equal(record.position().epoch, "");
  assert.ok(record.paused());
  assert.deepEqual(record.root(), { device: 5, inode: 6 });
});
