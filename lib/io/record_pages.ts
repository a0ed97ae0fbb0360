/**
 * Reading a record from end to end without holding anybody up: pages in the order of paths, on a
 * connection of their own, with a turn of the event loop between two of them.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import { z } from "zod";
import type { Entry, Found } from "../core/entry.ts";
import type { RelativePath } from "../core/path.ts";
import { stampFromNumber } from "../core/stamp.ts";
import type { Position, Scope } from "../ports.ts";
import { entryFromRow, rowSchema } from "./entry_rows.ts";

const PAGE = 500;

/** A row of a client's record. */
export interface BaseRecord {
  readonly path: RelativePath;
  readonly found: Found;
}

/** A row of a user's record on the server; `path` is relative to the scope, `stamp` as a number. */
export interface JournalRecord {
  readonly path: RelativePath;
  readonly entry: Entry;
  readonly stamp: number;
}

const baseSchema = z.object({
  ...rowSchema.shape,
  path: z.string(),
  inode: z.int(),
  ctime: z.int(),
});
const positionSchema = z.object({ epoch: z.string(), stamp: z.int() });
const journalSchema = z.object({
  ...rowSchema.shape,
  path: z.string(),
  stamp: z.int(),
});

/** Reads the bases of the anchor at `anchorPath` in a client's database; gives the position they belong to. Where this machine
 * knowingly does not hold the server's version, it is that one. */
export async function readBases(
  from: { readonly file: string; readonly anchorPath: string },
  take: (page: readonly BaseRecord[]) => void,
  signal: AbortSignal,
): Promise<Position> {
  using database = openSnapshot(from.file);
  const { epoch, stamp } = positionSchema.parse(
    database.prepare("select epoch, stamp from anchors where path = ?")
      .get(from.anchorPath),
  );
  const page = database.prepare(
    `with own as (select id from anchors where path = ?), recorded as (
       select path, kind, size, mtime, mode, target, inode, ctime from bases
       where anchor = (select id from own) and path > ?2 and not exists (
         select 1 from apart where apart.anchor = bases.anchor and apart.path = bases.path)
       union all
       select path, kind, size, mtime, mode, target, 0, 0 from apart
       where anchor = (select id from own) and path > ?2 and kind <> '-')
     select * from recorded order by path limit ${PAGE}`,
  );
  await readPages((after) => {
    const records = page.all(from.anchorPath, after).map(baseOf);
    take(records);
    return { rows: records.length, last: records.at(-1)?.path ?? after };
  }, signal);
  return { epoch, stamp: stampFromNumber(stamp) };
}

/** A connection that sees the database as it is now, whatever is written meanwhile. */
function openSnapshot(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  database.exec("begin");
  return database;
}

/** Reads all live entries of a scope in a user's database. */
export async function readEntries(
  from: { readonly file: string; readonly scope: Scope },
  take: (page: readonly JournalRecord[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const { prefix, only } = from.scope;
  using database = openSnapshot(from.file);
  const start = prefix === "" ? "" : `${prefix}/`;
  const next = pageOf(database, { start, prefix, only });
  await readPages((after) => {
    const rows = next(after).map((raw) => journalSchema.parse(raw));
    take(rows.flatMap((row) => {
      const entry = entryFromRow(row);
      const path = row.path.slice(start.length) as RelativePath;
      return entry === undefined ? [] : [{ path, entry, stamp: row.stamp }];
    }));
    return { rows: rows.length, last: rows.at(-1)?.path ?? after };
  }, signal);
}

function baseOf(raw: unknown): BaseRecord {
  const row = baseSchema.parse(raw);
  const entry = entryFromRow(row);
  if (entry === undefined) throw new Error("Cannot read state: a tombstone");
  const path = row.path as RelativePath;
  return { path, found: { entry, inode: row.inode, ctimeS: row.ctime } };
}

/** Looks single entries of a user's record up. */
export class EntryLookup implements Disposable {
  readonly #database: DatabaseSync;
  readonly #one: StatementSync;

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
    this.#one = this.#database.prepare("select * from entries where path = ?");
  }

  /** The live entry at a path of the tree, with its stamp as a number. */
  at(path: string): { entry: Entry; stamp: number } | undefined {
    const raw = this.#one.get(path);
    if (raw === undefined) return undefined;
    const row = journalSchema.parse(raw);
    const entry = entryFromRow(row);
    return entry === undefined ? undefined : { entry, stamp: row.stamp };
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function pageOf(
  database: DatabaseSync,
  { start, prefix, only }: {
    start: string;
    prefix: string;
    only: string | undefined;
  },
): (after: string) => unknown[] {
  if (only !== undefined) {
    const one = database.prepare(
      "select * from entries where path = ? and path > ? and kind <> '-'",
    );
    return (after) => one.all(start + only, after);
  }
  const page: StatementSync = database.prepare(
    `select * from entries where path > ? and path < ? and kind <> '-' order by path limit ${PAGE}`,
  );
  const end = prefix === "" ? "\u{10ffff}" : `${prefix}0`;
  return (after) => page.all(after === "" ? start : after, end);
}

/** `next` takes the page after a path, and tells how many rows it had and the path of the last. */
async function readPages(
  next: (after: string) => { rows: number; last: string },
  signal: AbortSignal,
): Promise<void> {
  let after = "";
  for (;;) {
    const { rows, last } = next(after);
    if (rows < PAGE) return;
    after = last;
    await new Promise<void>((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  }
}
