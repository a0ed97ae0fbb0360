/**
 * Commits for the tests of journals, with rows in place of files.
 *
 * @module
 */
import type { Entry } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import type { JournalRow } from "../../lib/core/server_commit.ts";
import type { Stamp } from "../../lib/core/stamp.ts";
import type { SqliteJournal } from "../../lib/io/journal.ts";
import type { Scope, ServerIntent } from "../../lib/ports.ts";

/** Epoch of the journals. */
export const EPOCH = "00000000000000aa";
/** Where rows lie when nothing else is said. */
export const DOCS: Scope = { prefix: "docs" };

/** A file that differs from those of other sizes in its time, too. */
export function fileOf(size: number): Entry {
  return { kind: "file", size, mtimeMs: 1000 + size, mode: 0o644 };
}

/** The stamp of a cycle of the one day there is. */
export function at(cycle: number): Stamp {
  return { date: 20260102, cycle };
}

/** What a commit puts where; `undefined` deletes. */
export type Rows = Record<string, Entry | undefined>;

type Store = Pick<SqliteJournal, "entryAt" | "prepare" | "finish">;

/** The intent of a commit. */
export function intentOf(
  store: Store,
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

/** Does a commit, whole. */
export function commit(
  store: Store,
  item: { scope?: Scope; cycle: number; rows: Rows },
): void {
  const intent = intentOf(store, { scope: DOCS, ...item });
  store.prepare(intent);
  store.finish(intent);
}
