/** One contract for both records of an anchor: the one in SQLite, and the simulator's in memory. */
import assert from "node:assert/strict";
import type { Entry } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import { ZERO_STAMP } from "../../lib/core/stamp.ts";
import { ClientStore } from "../../lib/io/base_store.ts";
import type { Base, ClientIntent } from "../../lib/ports.ts";
import { agree, file, HERE, on } from "../support/base_rows.ts";
import { MemoryBase } from "../sim/memory_base.ts";

const INTENT: ClientIntent = {
  stage: ".sinkd/incoming",
  steps: [
    { do: "remove", path: relativePath("a\n'ü"), saw: on(file) },
    { do: "makeDirectory", path: relativePath("d") },
  ],
  agreements: [{ path: relativePath("d"), entry: undefined, trusted: true }],
  position: HERE,
};

/** An intent as it may come back: what is `undefined` is not there. */
function stored(intent: ClientIntent | undefined): unknown {
  return JSON.parse(JSON.stringify(intent ?? null));
}

type Work = (store: Base) => void;

const STORES: Readonly<Record<string, (work: Work) => void>> = {
  "in SQLite": (work) => {
    using client = new ClientStore(":memory:");
    work(client.anchor("/home/alice/docs"));
  },
  "of the simulator": (work) => work(new MemoryBase()),
};

for (const [where, withStore] of Object.entries(STORES)) {
  Deno.test(`the record ${where}: it begins with nothing`, () => {
    withStore((store) => {
      assert.deepEqual(store.position(), { epoch: "", stamp: ZERO_STAMP });
      assert.deepEqual(store.row(relativePath("a")), {
        base: undefined,
        sent: undefined,
      });
      assert.equal(store.count(), 0);
      assert.equal(store.bases().size, 0);
      assert.equal(store.intent(), undefined);
    });
  });

  Deno.test(`the record ${where}: agree() keeps every kind of entry, and drops what is agreed to be gone`, () => {
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
      agree(store, { l: undefined, d: { kind: "directory", mode: 0o700 } });
      assert.equal(store.row(relativePath("l")).base, undefined);
      assert.deepEqual(
        store.row(relativePath("d")).base,
        on({ kind: "directory", mode: 0o700 }),
      );
      assert.equal(store.count(), 2);
    });
  });

  Deno.test(`the record ${where}: bases() gives what is at and below a path, in order, and nothing whose name begins alike`, () => {
    withStore((store) => {
      const paths = ["a0", "a/b", "a", "a/b/c", "a-b", "ab", "a b/c", "A/b"];
      agree(store, Object.fromEntries(paths.map((path) => [path, file])));
      assert.deepEqual(
        [...store.bases(relativePath("a"))],
        ["a", "a/b", "a/b/c"].map((path) => [path, on(file)]),
      );
      assert.deepEqual([...store.bases().keys()], paths.toSorted());
      assert.deepEqual([...store.bases(relativePath("x")).keys()], []);
    });
  });

  Deno.test(`the record ${where}: bases() is a picture, not a view`, () => {
    withStore((store) => {
      agree(store, { a: file });
      const before = store.bases();
      agree(store, { a: undefined, b: file });
      assert.deepEqual([...before.keys()], ["a"]);
    });
  });

  Deno.test(`the record ${where}: markSent() is answered by agree(), path by path`, () => {
    withStore((store) => {
      const [f, g] = [relativePath("f"), relativePath("g")];
      store.markSent([{ path: f, entry: file }, { path: g }]);
      assert.deepEqual(store.row(f).sent, { entry: file });
      assert.deepEqual(store.row(g).sent, { entry: undefined });
      assert.deepEqual(store.position(), { epoch: "", stamp: ZERO_STAMP });
      agree(store, { f: file });
      assert.equal(store.row(f).sent, undefined);
      assert.deepEqual(store.row(g).sent, { entry: undefined });
      store.markSent([{ path: g, entry: file }]);
      assert.deepEqual(store.row(g).sent, { entry: file });
      store.agree([], store.position(), [g]);
      assert.equal(store.row(g).sent, undefined);
    });
  });

  Deno.test(`the record ${where}: agree() ends the intent together with what it agreed on`, () => {
    withStore((store) => {
      store.prepare(INTENT);
      assert.deepEqual(stored(store.intent()), stored(INTENT));
      assert.equal(store.count(), 0);
      agree(store, { d: undefined });
      assert.equal(store.intent(), undefined);
    });
  });

  Deno.test(`the record ${where}: prepare() takes the place of what was prepared`, () => {
    withStore((store) => {
      store.prepare(INTENT);
      const next = { ...INTENT, steps: [] };
      store.prepare(next);
      assert.deepEqual(stored(store.intent()), stored(next));
    });
  });

  Deno.test(`the record ${where}: forget() leaves nothing of the old server, not even a commit that was not finished`, () => {
    withStore((store) => {
      agree(store, { f: file });
      store.markSent([{ path: relativePath("s") }]);
      store.prepare(INTENT);
      store.forget();
      assert.deepEqual(store.position(), { epoch: "", stamp: ZERO_STAMP });
      assert.equal(store.count(), 0);
      assert.equal(store.row(relativePath("s")).sent, undefined);
      assert.equal(store.intent(), undefined);
    });
  });
}
