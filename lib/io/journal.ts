/**
 * The journal: one user's entries, versions and intents on the server, in SQLite.
 *
 * One table of entries is head, journal and full listing in one. Paths are tree-relative text;
 * stamps are the integers of `stampNumber`.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { z } from "zod";
import { addColumns } from "./add_columns.ts";
import { openState } from "./state_file.ts";
import { inTransaction } from "./transaction.ts";
import type { IncomingChange } from "../core/channel_protocol.ts";
import { type Entry, sameContent } from "../core/entry.ts";
import type { RelativePath } from "../core/path.ts";
import { NO_USAGE, type Usage } from "../core/quota.ts";
import {
  type Stamp,
  stampFromNumber,
  stampNumber,
  ZERO_STAMP,
} from "../core/stamp.ts";
import type {
  ChangeSet,
  Head,
  Journal,
  Scope,
  ServerIntent,
} from "../ports.ts";
import { entryColumns, entryFromRow, rowSchema } from "./entry_rows.ts";
import { recordedUsage, usageIn, writeUsage } from "./usage_rows.ts";

/** Paths after which an update is cut at the end of a commit. */
const UPDATE_PATHS = 2_000;
/** Bytes after which an update is cut at the end of a commit. */
const UPDATE_BYTES = 256 * 1024 * 1024;

const SCHEMA = `
create table if not exists meta (key text primary key, value text not null) strict;
create table if not exists entries (
  path text primary key, kind text not null, size integer, mtime integer, mode integer,
  target text, stamp integer not null, newcomer integer not null default 0) strict, without rowid;
create index if not exists entries_by_stamp on entries (stamp);
create table if not exists versions (
  path text not null, kind text not null, size integer, mtime integer, mode integer,
  target text, ended integer not null) strict;
create index if not exists versions_by_path on versions (path, ended);
create index if not exists versions_by_end on versions (ended);
create table if not exists rewrites (path text primary key, stamp integer not null)
  strict, without rowid;
create table if not exists intents (id integer primary key, content text not null) strict;
create table if not exists usage (
  id integer primary key check (id = 1), bytes integer not null, files integer not null) strict;
`;

const entryRowSchema = z.object({
  ...rowSchema.shape,
  path: z.string(),
  stamp: z.int(),
  newcomer: z.int(),
});
const changeRowSchema = z.object({
  ...entryRowSchema.shape,
  rewritten: z.int(),
});
const versionRowSchema = z.object({ ...rowSchema.shape, path: z.string() });
const metaRowSchema = z.object({ key: z.string(), value: z.string() });
const contentRowSchema = z.object({ content: z.string() });
const maxRowSchema = z.object({ stamp: z.int().nullable() });
const countRowSchema = z.object({ count: z.int() });

/** Opens (or makes) the journal in a database file; `epoch` names a new one. */
export function openJournal(
  file: string,
  newEpoch: () => string,
): SqliteJournal {
  const database = openState(file);
  try {
    database.exec("pragma journal_mode = wal");
    database.exec("pragma synchronous = full");
    database.exec(SCHEMA);
    addColumns(database, "entries", {
      newcomer: "integer not null default 0",
    });
    database.prepare("insert or ignore into meta values ('epoch', ?)").run(
      newEpoch(),
    );
    // From here on every commit is counted.
    if (database.prepare("select 1 from usage").get() === undefined) {
      writeUsage(database, recordedUsage(database));
    }
    return new SqliteJournal(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

/** {@linkcode Journal} in SQLite; holds the database until disposed. */
export class SqliteJournal implements Journal, Disposable {
  readonly #database: DatabaseSync;
  readonly #entryAt: StatementSync;
  #head: Head;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#entryAt = database.prepare("select * from entries where path = ?");
    this.#head = this.#readHead();
  }

  head(): Head {
    return this.#head;
  }

  changesSince(scope: Scope, since: Stamp | undefined): ChangeSet {
    const from = since === undefined ? 0 : stampNumber(since);
    const complete = since !== undefined && this.#isForgotten(from);
    const filter = complete || since === undefined ? "and kind <> '-'" : "";
    const order = complete ? "path" : "stamp, path";
    const rows = this.#database.prepare(
      `select *, exists (select 1 from rewrites where path = entries.path and stamp > ?) as rewritten
       from entries where stamp > ? and ${inScope(scope)} ${filter}
       order by ${order}`,
    ).iterate(from, complete ? -1 : from, ...scopeBounds(scope));
    const versions = since === undefined
      ? new Map<string, Entry[]>()
      : this.#versionsSince(scope, from);
    const changes: IncomingChange[] = [];
    let bytes = 0;
    let last = from;
    for (const raw of rows) {
      const row = changeRowSchema.parse(raw);
      const full = changes.length >= UPDATE_PATHS || bytes >= UPDATE_BYTES;
      if (!complete && full && row.stamp !== last) {
        return { complete, changes, to: stampFromNumber(last), more: true };
      }
      last = row.stamp;
      const entry = entryFromRow(row);
      if (entry?.kind === "file") bytes += entry.size;
      const earlier = versions.get(row.path);
      changes.push({
        path: relativeTo(scope, row.path),
        ...(entry === undefined ? {} : { entry }),
        ...(earlier === undefined ? {} : { versions: earlier }),
        ...(mayBeOthers(row, entry, earlier) ? { rewritten: true } : {}),
        ...(row.newcomer === 1 ? { newcomer: true } : {}),
      });
    }
    return { complete, changes, to: this.#head.stamp, more: false };
  }

  /** True when anything at or below `path` of the tree changed after `since`, or may have. */
  hasChanges(path: RelativePath, since: Stamp): boolean {
    const head = stampNumber(this.#head.stamp);
    if (stampNumber(since) === head) return false;
    if (this.#isForgotten(stampNumber(since))) return true;
    return this.#database.prepare(
      `select 1 from entries where stamp > ? and (path = ? or (path > ? and path < ?)) limit 1`,
    ).get(stampNumber(since), path, `${path}/`, `${path}0`) !== undefined;
  }

  entryAt(scope: Scope, path: RelativePath): Entry | undefined {
    const raw = this.#entryAt.get(treePath(scope, path));
    return raw === undefined ? undefined : entryFromRow(rowSchema.parse(raw));
  }

  childCount(scope: Scope, path: RelativePath): number {
    const directory = treePath(scope, path);
    // By names, not rows: an anchor further down has no rows for the directories above it.
    const row = this.#database.prepare(
      `select count(distinct substr(rest, 1, instr(rest || '/', '/') - 1)) as count
       from (select substr(path, ?) as rest from entries
       where path > ? and path < ? and kind <> '-')`,
    ).get([...directory].length + 2, `${directory}/`, `${directory}0`);
    return countRowSchema.parse(row).count;
  }

  pendingIntents(): readonly ServerIntent[] {
    const rows = this.#database.prepare(
      "select content from intents order by id",
    ).all();
    return rows.map((row) => {
      // Written by `prepare` of this very program; its shape is that of the type.
      const intent: ServerIntent = JSON.parse(
        contentRowSchema.parse(row).content,
      );
      return intent;
    });
  }

  prepare(intent: ServerIntent): void {
    this.#database.prepare("insert into intents (content) values (?)").run(
      JSON.stringify(intent),
    );
  }

  finish(intent: ServerIntent, growth: Usage = NO_USAGE): void {
    const stamp = stampNumber(intent.stamp);
    inTransaction(this.#database, () => {
      const upsert = this.#database.prepare(
        `insert or replace into entries (path, kind, size, mtime, mode, target, stamp, newcomer)
         values (?, ?, ?, ?, ?, ?, ?, ?)`,
      );
      const archive = this.#database.prepare(
        `insert into versions (path, kind, size, mtime, mode, target, ended)
         select ?, ?, ?, ?, ?, ?, ? where not exists
         (select 1 from versions where path = ? and ended = ?)`,
      );
      const rewrite = this.#database.prepare(
        "insert or replace into rewrites (path, stamp) values (?, ?)",
      );
      const alike = this.#database.prepare(
        "select 1 from versions where path = ? and kind = 'f' and size = ? and mtime = ?",
      );
      for (const { path, entry, before, rewritten, newcomer } of intent.rows) {
        const full = treePath(intent.scope, path);
        const isNewcomer = newcomer === true ? 1 : 0;
        upsert.run(full, ...entryColumns(entry), stamp, isNewcomer);
        // After a deletion a file of other bytes may look like the one that some client still has.
        const looksLikeDeleted = before === undefined &&
          entry?.kind === "file" &&
          alike.get(full, entry.size, entry.mtimeMs) !== undefined;
        if (rewritten === true || looksLikeDeleted) rewrite.run(full, stamp);
        if (before !== undefined) {
          archive.run(full, ...entryColumns(before), stamp, full, stamp);
        }
      }
      this.#database.prepare("insert or replace into meta values ('head', ?)")
        .run(String(stamp));
      this.#database.prepare("delete from intents where content = ?").run(
        JSON.stringify(intent),
      );
      this.#database.prepare(
        "update usage set bytes = max(bytes + ?, 0), files = max(files + ?, 0)",
      ).run(growth.bytes, growth.files);
    });
    this.#head = this.#readHead();
  }

  /** What the tree and its history take: see {@linkcode usageIn}. */
  usage(): Usage {
    return usageIn(this.#database);
  }

  /** Says what was counted. */
  setUsage(usage: Usage): void {
    writeUsage(this.#database, usage);
  }

  /** Forgets tombstones and versions that ended before `limit`; clients older than that compare in full. */
  prune(limit: Stamp): void {
    const bound = stampNumber(limit);
    const oldest = this.#database.prepare(
      `select max(stamp) as stamp from (
         select stamp from entries where kind = '-' and stamp < ?1
         union all select ended from versions where ended < ?1)`,
    ).get(bound);
    const { stamp } = maxRowSchema.parse(oldest);
    if (stamp === null) return;
    inTransaction(this.#database, () => {
      this.#database.prepare(
        "delete from entries where kind = '-' and stamp < ?",
      ).run(bound);
      this.#database.prepare("delete from versions where ended < ?").run(bound);
      this.#database.prepare("insert or replace into meta values ('floor', ?)")
        .run(String(Math.max(stamp, this.#floor())));
    });
  }

  /** Everything that lives, by its path in the user's tree. */
  liveEntries(): Map<string, Entry> {
    const found = new Map<string, Entry>();
    const rows = this.#database.prepare(
      "select * from entries where kind <> '-'",
    ).iterate();
    for (const raw of rows) {
      const row = entryRowSchema.parse(raw);
      const entry = entryFromRow(row);
      if (entry !== undefined) found.set(row.path, entry);
    }
    return found;
  }

  /** Which database file this was when it was last opened; `undefined` for a new one. */
  place(): string | undefined {
    return this.#meta().get("place");
  }

  setPlace(place: string): void {
    this.#database.prepare("insert or replace into meta values ('place', ?)")
      .run(place);
  }

  /** Begins a new epoch, in which the record is as `changes` say: every client compares in full. */
  renew(
    next: {
      readonly epoch: string;
      readonly stamp: Stamp;
      readonly place: string | undefined;
      readonly changes: ReadonlyMap<string, Entry | undefined>;
    },
  ): void {
    const stamp = stampNumber(next.stamp);
    inTransaction(this.#database, () => {
      const upsert = this.#database.prepare(
        `insert or replace into entries (path, kind, size, mtime, mode, target, stamp)
         values (?, ?, ?, ?, ?, ?, ?)`,
      );
      for (const [path, entry] of next.changes) {
        upsert.run(path, ...entryColumns(entry), stamp);
      }
      const set = this.#database.prepare(
        "insert or replace into meta values (?, ?)",
      );
      set.run("epoch", next.epoch);
      set.run("head", String(stamp));
      writeUsage(this.#database, recordedUsage(this.#database));
      if (next.place !== undefined) set.run("place", next.place);
    });
    this.#head = this.#readHead();
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** True when deletions after this stamp may have been forgotten: only a complete list tells. */
  #isForgotten(stamp: number): boolean {
    return stamp === 0 || stamp < this.#floor();
  }

  #floor(): number {
    return Number(this.#meta().get("floor") ?? "0");
  }

  #meta(): Map<string, string> {
    const rows = this.#database.prepare("select key, value from meta").all();
    return new Map(
      rows.map((row) => metaRowSchema.parse(row)).map((
        row,
      ) => [row.key, row.value]),
    );
  }

  #readHead(): Head {
    const meta = this.#meta();
    const head = meta.get("head");
    const epoch = meta.get("epoch");
    if (epoch === undefined) {
      throw new Error("Cannot read state: it has no epoch");
    }
    return {
      epoch,
      stamp: head === undefined ? ZERO_STAMP : stampFromNumber(Number(head)),
    };
  }

  #versionsSince(scope: Scope, from: number): Map<string, Entry[]> {
    const found = new Map<string, Entry[]>();
    const rows = this.#database.prepare(
      `select * from versions where ended > ? and ${
        inScope(scope)
      } order by path, ended`,
    ).iterate(from, ...scopeBounds(scope));
    for (const raw of rows) {
      const row = versionRowSchema.parse(raw);
      const entry = entryFromRow(row);
      if (entry === undefined) continue;
      const list = found.get(row.path) ?? [];
      if (list.length < 1000) list.push(entry);
      found.set(row.path, list);
    }
    return found;
  }
}

/** True when the client may have a version of the same size and mtime, but with other bytes. */
function mayBeOthers(
  { rewritten }: z.infer<typeof changeRowSchema>,
  entry: Entry | undefined,
  earlier: readonly Entry[] = [],
): boolean {
  return entry?.kind === "file" &&
    (rewritten === 1 || cameBack(entry, earlier));
}

/** True when the version that the client had looks like the one of now, and there was another between. */
export function cameBack(entry: Entry, earlier: readonly Entry[]): boolean {
  const [first] = earlier;
  return first !== undefined && sameContent(first, entry) &&
    earlier.some((version) => !sameContent(version, entry));
}

/** Path in the user's tree of a path in a scope. */
export function treePath(scope: Scope, path: string): string {
  return scope.prefix === "" ? path : `${scope.prefix}/${path}`;
}

function relativeTo(scope: Scope, path: string): RelativePath {
  const start = scope.prefix === "" ? 0 : scope.prefix.length + 1;
  return path.slice(start) as RelativePath;
}

function inScope(scope: Scope): string {
  return scope.only === undefined ? "path > ? and path < ?" : "path = ?";
}

function scopeBounds(scope: Scope): string[] {
  return scope.only === undefined
    ? [`${scope.prefix}/`, `${scope.prefix}0`]
    : [treePath(scope, scope.only)];
}
