import assert from "node:assert/strict";
import {
  type DigestRow,
  type DigestState,
  DigestStore,
  openDigests,
} from "../../lib/io/digest_store.ts";
import { tempDirectory } from "../support/temp.ts";

function row(path: string, over: Partial<DigestRow> = {}): DigestRow {
  return {
    path,
    size: 1,
    mtime: 2,
    inode: 3,
    ctime: 4,
    version: 5,
    digest: "d".repeat(64),
    state: "read",
    due: 1000,
    ...over,
  };
}

Deno.test("DigestStore goes on, when opened again, with the file that is due first", async () => {
  await using directory = tempDirectory();
  const file = `${directory.path}/checks.db`;
  {
    using database = openDigests(file);
    const store = new DigestStore(database, "docs");
    for (const [path, due] of [["a", 30], ["b", 10], ["c", 20]] as const) {
      store.put(row(path, { due }));
    }
    store.setNote("one");
    store.setNote("two");
  }
  using database = openDigests(file);
  const store = new DigestStore(database, "docs");
  assert.deepEqual(store.first(), row("b", { due: 10 }));
  store.put(row("b", { due: 40 }));
  assert.equal(store.first()?.path, "c");
  store.drop("c");
  assert.equal(store.first()?.path, "a");
  assert.equal(store.note(), "two");
});

Deno.test("DigestStore keeps scopes apart", () => {
  using database = openDigests(":memory:");
  const [one, other] = ["one", "other"].map((scope) =>
    new DigestStore(database, scope)
  );
  one?.put(row("a"));
  assert.equal(other?.get("a"), undefined);
  assert.equal(other?.first(), undefined);
  assert.equal(other?.note(), undefined);
  assert.deepEqual(other?.counts(), { files: 0, checked: 0 });
});

Deno.test("hurry() makes files below a path due, and unread unless they are damaged", () => {
  using database = openDigests(":memory:");
  const store = new DigestStore(database, "");
  const states: DigestState[] = ["read", "proved", "mended", "damaged"];
  for (const state of states) {
    store.put(row(`in/${state}`, { state }));
    store.put(row(`out/${state}`, { state }));
  }
  store.hurry("in/", "in0");
  const seen = (place: string) =>
    states.map((state) => {
      const found = store.get(`${place}/${state}`);
      return [found?.state, found?.due];
    });
  assert.deepEqual(seen("in"), [
    ["waiting", 0],
    ["waiting", 0],
    ["waiting", 0],
    ["damaged", 0],
  ]);
  assert.deepEqual(seen("out"), states.map((state) => [state, 1000]));
  assert.deepEqual(store.counts(), { files: 8, checked: 5 });
  assert.deepEqual(
    store.inState("damaged", "in/damaged", 10).map(({ path }) => path),
    ["out/damaged"],
  );
});

Deno.test("openDigests() sets a damaged database aside and starts anew", async () => {
  await using directory = tempDirectory();
  const file = `${directory.path}/checks.db`;
  Deno.writeTextFileSync(file, "this is no database".repeat(100));
  using database = openDigests(file);
  assert.equal(new DigestStore(database, "").first(), undefined);
});

Deno.test("openDigests() works without a place on the disk", async () => {
  await using directory = tempDirectory();
  using database = openDigests(`${directory.path}/none/checks.db`);
  const store = new DigestStore(database, "");
  store.put(row("a"));
  assert.deepEqual(store.first(), row("a"));
});
