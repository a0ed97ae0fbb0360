/** One contract for both journals: the one in SQLite, and the one that the simulator has in memory. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Entry } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import { ZERO_STAMP } from "../../lib/core/stamp.ts";
import { openJournal } from "../../lib/io/journal.ts";
import type { ChangeSet, ServerIntent } from "../../lib/ports.ts";
import {
  at,
  commit,
  DOCS,
  EPOCH,
  fileOf,
  intentOf,
  type Rows,
} from "../support/journal_rows.ts";
import { type JournalStore, MemoryJournal } from "../sim/memory_journal.ts";

const dir: Entry = { kind: "directory", mode: 0o755 };

const STORES: Readonly<Record<string, () => JournalStore>> = {
  "in SQLite": () => openJournal(":memory:", () => EPOCH),
  "of the simulator": () => new MemoryJournal(EPOCH),
};

function pathsOf({ changes }: ChangeSet): string[] {
  return changes.map(({ path }) => path);
}

const PREFIXES = ["a", "a-b", "a0", "ab", "a b", "A", "a_b", "a%", "ä", "a/b"];

const CHILDREN: [string, Rows, number][] = [
  ["it is empty", { d: dir }, 0],
  ["files and directories lie in it", { d: dir, "d/a": dir, "d/b": dir }, 2],
  ["there is more below", { d: dir, "d/a": dir, "d/a/x": dir }, 1],
  ["names begin alike", { d: dir, "d-x": dir, "d0": dir, "dd": dir }, 0],
  ["all in it was deleted", { d: dir, "d/a": undefined }, 0],
  [
    "its name is not ASCII",
    { "dé🎈": dir, "dé🎈/ü": dir, "dé🎈/🎈/x": dir },
    2,
  ],
  ["only something deeper is known", { d: dir, "d/a/b/x": dir }, 1],
  ["a name has wildcards", { "d%_": dir, "d%_/%": dir, "dxx/y": dir }, 1],
];
for (const [where, journal] of Object.entries(STORES)) {
  Deno.test(`the journal ${where}: usage() is what was counted, with what came in since`, () => {
    using store = journal();
    const rows = {
      d: dir,
      "d/f": fileOf(5000),
      "d/g": fileOf(0),
    };
    const next = (cycle: number, rows: Rows) => {
      const intent = intentOf(store, { scope: DOCS, cycle, rows });
      store.prepare(intent);
      return intent;
    };
    assert.deepEqual(store.usage(), { bytes: 0, files: 0 });
    store.finish(next(1, rows), { bytes: 9999, files: 9 });
    assert.deepEqual(store.usage(), { bytes: 9999, files: 9 });
    store.setUsage({ bytes: 50_000, files: 5 });
    store.finish(next(2, { e: dir }), { bytes: 4096, files: 1 });
    assert.deepEqual(store.usage(), { bytes: 54_096, files: 6 });
    store.finish(next(3, { e: undefined }), { bytes: -99_999, files: -99 });
    assert.deepEqual(store.usage(), { bytes: 0, files: 0 });
    const { stamp } = store.head();
    store.renew({
      epoch: EPOCH,
      stamp,
      place: undefined,
      changes: new Map(),
    });
    // The record was made again from the tree.
    assert.deepEqual(store.usage(), { bytes: 16_384, files: 3 });
  });

  Deno.test(`the journal ${where}: finish() leaves other intents pending`, () => {
    using store = journal();
    const one = intentOf(store, { scope: DOCS, cycle: 1, rows: { a: dir } });
    const two = intentOf(store, { scope: DOCS, cycle: 2, rows: { b: dir } });
    store.prepare(one);
    store.prepare(two);
    store.finish(one);
    // As it may come back: what is `undefined` is not there.
    assert.equal(JSON.stringify(store.pendingIntents()), JSON.stringify([two]));
    const copy: ServerIntent = JSON.parse(JSON.stringify(two));
    store.finish(copy);
    assert.deepEqual(store.pendingIntents(), []);
  });

  Deno.test(`the journal ${where}: finish() makes no second version when it is done twice`, () => {
    using store = journal();
    commit(store, { cycle: 1, rows: { a: fileOf(1) } });
    const intent = intentOf(store, {
      scope: DOCS,
      cycle: 2,
      rows: { a: fileOf(2) },
    });
    store.prepare(intent);
    store.finish(intent);
    store.finish(intent);
    const { changes } = store.changesSince(DOCS, at(1));
    assert.deepEqual(changes, [
      { path: "a", entry: fileOf(2), versions: [fileOf(1)] },
    ]);
  });

  Deno.test(`the journal ${where}: changesSince() tells when equal size and time may be other bytes`, () => {
    using store = journal();
    const [one, two] = [fileOf(1), fileOf(2)];
    const wider: Entry = { kind: "file", size: 1, mtimeMs: 1001, mode: 0o755 };
    commit(store, { cycle: 1, rows: { a: one, b: one, c: one, d: one } });
    const rewrite = intentOf(store, {
      scope: DOCS,
      cycle: 2,
      rows: { a: one },
    });
    store.finish({
      ...rewrite,
      rows: rewrite.rows.map((row) => ({ ...row, rewritten: true })),
    });
    commit(store, { cycle: 3, rows: { b: two, d: wider } });
    commit(store, { cycle: 4, rows: { b: one, c: undefined } });
    const rewritten = (cycle: number) =>
      store.changesSince(DOCS, at(cycle)).changes
        .filter((change) => change.rewritten === true)
        .map((change) => change.path);
    assert.deepEqual(rewritten(1), ["a", "b"]);
    assert.deepEqual(rewritten(2), ["b"]);
    assert.deepEqual(rewritten(3), []);
    const { changes } = store.changesSince(DOCS, undefined);
    assert.deepEqual(changes.filter((change) => change.rewritten), [
      { path: "a", entry: one, rewritten: true },
    ]);
  });

  Deno.test(`the journal ${where}: changesSince() tells of a file that looks like one that was deleted before it`, () => {
    using store = journal();
    commit(store, { cycle: 1, rows: { a: fileOf(1), b: fileOf(1) } });
    commit(store, { cycle: 2, rows: { a: undefined, b: undefined } });
    commit(store, { cycle: 3, rows: { a: fileOf(1), b: fileOf(2) } });
    const rewritten = (since: number) =>
      store.changesSince(DOCS, at(since)).changes
        .filter((change) => change.rewritten === true)
        .map((change) => change.path);
    assert.deepEqual(rewritten(1), ["a"]);
    assert.deepEqual(rewritten(3), []);
  });

  Deno.test(`the journal ${where}: changesSince() gives later changes only, with deletions and what was there before`, () => {
    using store = journal();
    commit(store, { cycle: 1, rows: { a: fileOf(1), b: fileOf(1), d: dir } });
    commit(store, { cycle: 2, rows: { a: fileOf(2) } });
    commit(store, { cycle: 3, rows: { a: fileOf(3), b: undefined } });
    assert.deepEqual(store.changesSince(DOCS, at(1)), {
      complete: false,
      changes: [
        { path: "a", entry: fileOf(3), versions: [fileOf(1), fileOf(2)] },
        { path: "b", versions: [fileOf(1)] },
      ],
      to: at(3),
      more: false,
    });
    assert.deepEqual(store.changesSince(DOCS, at(3)).changes, []);
  });

  Deno.test(`the journal ${where}: changesSince() gives one who joins what is there, and no deletions`, () => {
    using store = journal();
    commit(store, { cycle: 1, rows: { a: fileOf(1), b: fileOf(1) } });
    commit(store, { cycle: 2, rows: { a: undefined } });
    const set = store.changesSince(DOCS, undefined);
    assert.deepEqual(set.changes, [{ path: "b", entry: fileOf(1) }]);
    assert.equal(set.complete, false);
    assert.deepEqual(set.to, at(2));
  });

  Deno.test(`the journal ${where}: changesSince() gives a complete list to who stands at nothing, or before what was pruned`, () => {
    using store = journal();
    commit(store, { cycle: 1, rows: { a: fileOf(1), b: fileOf(1) } });
    commit(store, { cycle: 2, rows: { a: undefined, c: fileOf(1) } });
    assert.ok(store.changesSince(DOCS, ZERO_STAMP).complete);
    assert.ok(!store.changesSince(DOCS, at(1)).complete);
    store.prune(at(3));
    const set = store.changesSince(DOCS, at(1));
    assert.ok(set.complete);
    assert.deepEqual(pathsOf(set), ["b", "c"]);
    commit(store, { cycle: 4, rows: { c: undefined } });
    assert.deepEqual(pathsOf(store.changesSince(DOCS, at(2))), ["c"]);
    store.prune(at(1));
    const older = store.changesSince(DOCS, at(1));
    assert.ok(older.complete, "the bound does not fall");
    assert.deepEqual(pathsOf(older), ["b"]);
  });

  Deno.test(`the journal ${where}: hasChanges() is true for who stands before what was pruned: a deletion may be forgotten`, () => {
    using store = journal();
    commit(store, { cycle: 1, rows: { a: fileOf(1), b: fileOf(1) } });
    commit(store, { cycle: 2, rows: { a: undefined } });
    commit(store, { scope: { prefix: "music" }, cycle: 3, rows: { x: dir } });
    const docs = relativePath("docs");
    assert.ok(store.hasChanges(docs, at(1)));
    assert.ok(!store.hasChanges(docs, at(2)));
    store.prune(at(3));
    assert.ok(store.hasChanges(docs, at(1)));
    assert.ok(store.hasChanges(docs, ZERO_STAMP));
    assert.ok(!store.hasChanges(docs, at(3)));
    using empty = journal();
    assert.ok(
      !empty.hasChanges(docs, ZERO_STAMP),
      "nothing ever happened here",
    );
  });

  Deno.test(`the journal ${where}: changesSince() gives the versions in between in a complete list, too`, () => {
    using store = journal();
    commit(store, { cycle: 1, rows: { a: fileOf(1) } });
    commit(store, { cycle: 2, rows: { a: fileOf(2) } });
    const { complete, changes } = store.changesSince(DOCS, ZERO_STAMP);
    assert.ok(complete);
    assert.deepEqual(changes, [
      { path: "a", entry: fileOf(2), versions: [fileOf(1)] },
    ]);
    const [joining] = store.changesSince(DOCS, undefined).changes;
    assert.equal(joining?.versions, undefined);
  });

  Deno.test(`the journal ${where}: renew() begins an epoch with what is there, and a complete list for all`, () => {
    using store = journal();
    commit(store, { cycle: 1, rows: { a: fileOf(1), b: fileOf(1) } });
    assert.equal(store.place(), undefined);
    store.setPlace("here");
    store.renew({
      epoch: "00000000000000bb",
      stamp: at(5),
      place: undefined,
      changes: new Map([["docs/a", undefined], ["docs/c", fileOf(3)]]),
    });
    assert.deepEqual(store.head(), { epoch: "00000000000000bb", stamp: at(5) });
    assert.equal(store.place(), "here");
    assert.deepEqual(
      [...store.liveEntries()].sort(),
      [["docs/b", fileOf(1)], ["docs/c", fileOf(3)]],
    );
    assert.deepEqual(pathsOf(store.changesSince(DOCS, at(1))), ["a", "c"]);
  });

  Deno.test(`the journal ${where}: changesSince() misses no deletion whatever was pruned and wherever a client stands`, () => {
    fc.assert(fc.property(
      fc.array(
        fc.record({
          path: fc.constantFrom("a", "b", "c"),
          size: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
        }),
        { minLength: 1, maxLength: 12 },
      ),
      fc.nat({ max: 13 }),
      (commits, prunedAt) => {
        using store = journal();
        const states: Map<string, Entry>[] = [new Map()];
        commits.forEach(({ path, size }, index) => {
          const entry = size === undefined ? undefined : fileOf(size);
          commit(store, { cycle: index + 1, rows: { [path]: entry } });
          const state = new Map(states.at(-1));
          if (entry === undefined) state.delete(path);
          else state.set(path, entry);
          states.push(state);
        });
        store.prune(at(prunedAt));
        const head = states.at(-1);
        states.forEach((state, cycle) => {
          const set = store.changesSince(
            DOCS,
            cycle === 0 ? ZERO_STAMP : at(cycle),
          );
          const client = set.complete
            ? new Map<string, Entry>()
            : new Map(state);
          for (const { path, entry } of set.changes) {
            if (entry === undefined) client.delete(path);
            else client.set(path, entry);
          }
          assert.deepEqual(
            [...client].sort(),
            [...head ?? []].sort(),
            `from ${cycle}, pruned at ${prunedAt}`,
          );
        });
      },
    ));
  });

  Deno.test(`the journal ${where}: changesSince() keeps scopes apart whose names begin alike`, () => {
    using store = journal();
    PREFIXES.forEach((prefix, index) => {
      const rows = { [`only ${index}`]: fileOf(index) };
      commit(store, { scope: { prefix }, cycle: index + 1, rows });
    });
    PREFIXES.forEach((prefix, index) => {
      const paths = pathsOf(store.changesSince({ prefix }, undefined));
      const nested = prefix === "a" ? [`b/only ${PREFIXES.length - 1}`] : [];
      assert.deepEqual(paths, [`only ${index}`, ...nested], prefix);
      assert.equal(
        store.hasChanges(relativePath(prefix), at(index)),
        true,
        prefix,
      );
    });
    assert.ok(!store.hasChanges(relativePath("a-b"), at(2)));
  });

  Deno.test(`the journal ${where}: changesSince() gives a single-file scope that file only`, () => {
    using store = journal();
    commit(store, {
      cycle: 1,
      rows: { "n_te": fileOf(1), "note": fileOf(2), "n_te.bak": fileOf(3) },
    });
    const scope = { prefix: "docs", only: "n_te" };
    assert.deepEqual(pathsOf(store.changesSince(scope, undefined)), ["n_te"]);
    assert.deepEqual(pathsOf(store.changesSince(scope, ZERO_STAMP)), ["n_te"]);
    assert.deepEqual(store.entryAt(scope, relativePath("n_te")), fileOf(1));
  });

  Deno.test(`the journal ${where}: changesSince() cuts between commits only, and misses nothing on the way`, () => {
    using store = journal();
    for (let cycle = 1; cycle <= 5; cycle++) {
      const rows: Rows = {};
      for (let index = 0; index < 900; index++) {
        rows[`${cycle}/${index}`] = fileOf(cycle);
      }
      commit(store, { cycle, rows });
    }
    for (const start of [undefined, at(0)]) {
      let since = start;
      const seen = new Set<string>();
      for (let turns = 1;; turns++) {
        const set = store.changesSince(DOCS, since);
        assert.ok(!set.complete);
        for (const path of pathsOf(set)) seen.add(path);
        assert.equal(seen.size, set.to.cycle * 900, "whole commits");
        since = set.to;
        if (!set.more) break;
        assert.ok(turns < 5);
      }
      assert.equal(seen.size, 4500);
    }
  });

  Deno.test(`the journal ${where}: changesSince() cuts after much data`, () => {
    using store = journal();
    const huge = fileOf(300 * 1024 * 1024);
    commit(store, { cycle: 1, rows: { a: huge } });
    commit(store, { cycle: 2, rows: { b: huge } });
    const set = store.changesSince(DOCS, undefined);
    assert.deepEqual(pathsOf(set), ["a"]);
    assert.deepEqual([set.to, set.more], [at(1), true]);
  });

  for (const [what, rows, expected] of CHILDREN) {
    Deno.test(`the journal ${where}: childCount() counts what lies directly in a directory when ${what}`, () => {
      using store = journal();
      commit(store, { cycle: 1, rows });
      const path = relativePath(Object.keys(rows)[0] ?? "");
      assert.equal(store.childCount(DOCS, path), expected);
    });
  }

  Deno.test(`the journal ${where}: entryAt() gives back every kind of entry, and nothing for a deleted one`, () => {
    using store = journal();
    const rows: Rows = {
      f: fileOf(2 ** 40),
      d: { kind: "directory", mode: 0 },
      l: { kind: "link", target: "../é\n" },
      gone: undefined,
    };
    commit(store, { cycle: 1, rows });
    for (const [path, entry] of Object.entries(rows)) {
      assert.deepEqual(store.entryAt(DOCS, relativePath(path)), entry);
    }
    assert.equal(store.entryAt(DOCS, relativePath("never")), undefined);
  });
}
