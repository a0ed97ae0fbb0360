/**
 * Digests of files, beside the record: what each file summed up to when it was last read, and when
 * it is to be read again. The order in which files are due is durable, so that a restart goes on
 * where it was.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { z } from "zod";
import { logger } from "./log.ts";
import { inTransaction } from "./transaction.ts";
import { openState, setAsideIfDamaged } from "./state_file.ts";

const SCHEMA = `
create table if not exists digests (
  scope text not null, path text not null, size integer not null, mtime integer not null,
  inode integer not null, ctime integer not null, version integer not null, digest text not null,
  state text not null, due integer not null, primary key (scope, path)) strict, without rowid;
create index if not exists digests_by_due on digests (scope, due);
create index if not exists digests_by_state on digests (scope, state, path);
create table if not exists notes (scope text primary key, content text not null) strict;
`;

const log = logger("checksum");

/** Counting may take one part in so many of the time. */
const COUNT_SHARE = 50;

/**
 * What is thought of a digest.
 * - `waiting`: the file is yet to be read.
 * - `read`: computed here; the other side has not confirmed it.
 * - `proved`: the other side has the same.
 * - `damaged`: the file's bytes are others than they were, without a change that is recorded.
 * - `mended`: it was damaged, and is whole again.
 */
const stateSchema = z.enum(["waiting", "read", "proved", "damaged", "mended"]);
/** See {@linkcode stateSchema}. */
export type DigestState = z.infer<typeof stateSchema>;

const digestRowSchema = z.object({
  path: z.string(),
  size: z.int(),
  mtime: z.int(),
  inode: z.int(),
  ctime: z.int(),
  version: z.int(),
  digest: z.string(),
  state: stateSchema,
  due: z.int(),
});
const countsSchema = z.object({ files: z.int(), checked: z.int() });
const markSchema = z.object({ path: z.string(), mark: z.string() });
const scopeSchema = z.object({ scope: z.string() });
const contentSchema = z.object({ content: z.string() });

/**
 * A file's digest: of the bytes it had with this size, mtime (milliseconds), inode, ctime (seconds)
 * and `version` (the stamp of its entry on the server; 0 on a client). `digest` is empty when it was
 * never read. `due` is when it is to be read, in milliseconds since 1970.
 */
export type DigestRow = z.infer<typeof digestRowSchema>;

/** What tells whether a digest is of a file as it is: a text that is equal for the same. */
export function markOf(
  row: Omit<DigestRow, "path" | "digest" | "state" | "due">,
): string {
  const { size, mtime, inode, ctime, version } = row;
  return `${size} ${mtime} ${inode} ${ctime} ${version}`;
}

/**
 * Opens a database of digests; one that is damaged is set aside, for all in it is made again. Where
 * there is no room for one, it is in memory until the next start.
 */
export function openDigests(file: string): DatabaseSync {
  try {
    setAsideIfDamaged(file, Date.now());
    return openAt(file);
  } catch (error) {
    log
      .warn`Checksums are forgotten at the next start: ${file} cannot be used: ${
      String(error)
    }`;
    return openAt(":memory:");
  }
}

function openAt(file: string): DatabaseSync {
  const database = openState(file);
  try {
    database.exec("pragma journal_mode = wal");
    database.exec("pragma synchronous = normal");
    database.exec(SCHEMA);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Forgets all that is known of the scopes for which `isStale` holds. */
export function dropScopes(
  database: DatabaseSync,
  isStale: (scope: string) => boolean,
): void {
  for (const table of ["digests", "notes"]) {
    const scopes = database.prepare(`select distinct scope from ${table}`)
      .all().map((row) => scopeSchema.parse(row).scope).filter(isStale);
    const drop = database.prepare(`delete from ${table} where scope = ?`);
    for (const scope of scopes) drop.run(scope);
  }
}

/** Digests of one anchor, or of one user's tree. */
export class DigestStore {
  readonly #database: DatabaseSync;
  readonly #scope: string;
  #counts = { files: 0, checked: 0 };
  #countAgainMs = 0;
  readonly #statements: Record<
    "get" | "put" | "drop" | "due" | "state" | "hurry" | "count" | "marks",
    StatementSync
  >;

  constructor(database: DatabaseSync, scope: string) {
    this.#database = database;
    this.#scope = scope;
    this.#statements = {
      get: database.prepare(
        "select * from digests where scope = ? and path = ?",
      ),
      put: database.prepare(
        `insert or replace into digests
         (scope, path, size, mtime, inode, ctime, version, digest, state, due)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      drop: database.prepare(
        "delete from digests where scope = ? and path = ?",
      ),
      due: database.prepare(
        "select * from digests where scope = ? order by due limit 1",
      ),
      state: database.prepare(
        `select * from digests indexed by digests_by_state
         where scope = ? and state = ? and path > ? order by path limit ?`,
      ),
      hurry: database.prepare(
        `update digests set due = 0, state = case state when 'damaged' then state else 'waiting' end
         where scope = ? and path >= ? and path < ?`,
      ),
      count: database.prepare(
        `select count(*) as files, count(case when state <> 'waiting' then 1 end) as checked
         from digests indexed by digests_by_state where scope = ?`,
      ),
      marks: database.prepare(
        `select path, size || ' ' || mtime || ' ' || inode || ' ' || ctime || ' ' || version as mark
         from digests where scope = ? and path >= ? and path <= ?`,
      ),
    };
  }

  get(path: string): DigestRow | undefined {
    const raw = this.#statements.get.get(this.#scope, path);
    return raw === undefined ? undefined : digestRowSchema.parse(raw);
  }

  put(row: DigestRow): void {
    const { path, size, mtime, inode, ctime, version, digest, state, due } =
      row;
    this.#statements.put.run(
      this.#scope,
      path,
      size,
      mtime,
      inode,
      ctime,
      version,
      digest,
      state,
      due,
    );
  }

  /** Writes many at once. */
  putAll(rows: readonly DigestRow[]): void {
    if (rows.length === 0) return;
    inTransaction(this.#database, () => {
      for (const row of rows) this.put(row);
    });
  }

  /** What is known from one path to another, by {@linkcode markOf}. */
  marks(from: string, to: string): Map<string, string> {
    const raw = this.#statements.marks.all(this.#scope, from, to);
    return new Map(
      raw.map((row) => markSchema.parse(row)).map(({ path, mark }) => [
        path,
        mark,
      ]),
    );
  }

  drop(path: string): void {
    this.#statements.drop.run(this.#scope, path);
  }

  /** The file that is due first. */
  first(): DigestRow | undefined {
    const raw = this.#statements.due.get(this.#scope);
    return raw === undefined ? undefined : digestRowSchema.parse(raw);
  }

  /** Files in a state, in the order of paths, after `after`. */
  inState(state: DigestState, after: string, limit: number): DigestRow[] {
    return this.#statements.state.all(this.#scope, state, after, limit)
      .map((raw) => digestRowSchema.parse(raw));
  }

  /** Makes everything from path `from` on, up to `to`, due now. */
  hurry(from = "", to = "\u{10ffff}"): void {
    this.#statements.hurry.run(this.#scope, from, to);
  }

  /**
   * How many files are known, and how many of them were read since they last changed; of very many
   * as it was a moment ago.
   */
  counts(): { files: number; checked: number } {
    const startMs = performance.now();
    if (startMs < this.#countAgainMs) return this.#counts;
    this.#counts = countsSchema.parse(this.#statements.count.get(this.#scope));
    const tookMs = performance.now() - startMs;
    this.#countAgainMs = performance.now() + tookMs * COUNT_SHARE;
    return this.#counts;
  }

  /** A note beside the digests, as JSON; `undefined` when there is none. */
  note(): string | undefined {
    const raw = this.#database.prepare(
      "select content from notes where scope = ?",
    ).get(this.#scope);
    return raw === undefined ? undefined : contentSchema.parse(raw).content;
  }

  setNote(content: string): void {
    this.#database.prepare("insert or replace into notes values (?, ?)")
      .run(this.#scope, content);
  }
}
