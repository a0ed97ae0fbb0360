/**
 * Paths of an anchor where this machine knowingly does not hold the server's version, in SQLite.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { RelativePath } from "../core/path.ts";
import type { Apart } from "../ports.ts";
import { entryColumns, entryFromRow, rowSchema } from "./entry_rows.ts";

/** The table; `inode` is that of the directory that is left over. */
export const APART_SCHEMA = `
create table if not exists apart (
  anchor integer not null, path text not null, kind text not null, size integer, mtime integer,
  mode integer, target text, inode integer not null, primary key (anchor, path)) strict, without rowid;
`;

const apartSchema = z.object({
  ...rowSchema.shape,
  path: z.string(),
  inode: z.int(),
});

/** The rows of one anchor; few, and asked for at every look, so they are kept in memory too. */
export class ApartRows {
  readonly #database: DatabaseSync;
  readonly #anchor: number;
  #known: Map<RelativePath, Apart> | undefined;

  constructor(database: DatabaseSync, anchor: number) {
    this.#database = database;
    this.#anchor = anchor;
  }

  all(): ReadonlyMap<RelativePath, Apart> {
    return this.#rows();
  }

  set(path: RelativePath, apart: Apart | undefined): void {
    const rows = this.#rows();
    if (apart === undefined) {
      if (!rows.delete(path)) return;
      this.#database.prepare("delete from apart where anchor = ? and path = ?")
        .run(this.#anchor, path);
      return;
    }
    this.#database.prepare(
      `insert or replace into apart (anchor, path, kind, size, mtime, mode, target, inode)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(this.#anchor, path, ...entryColumns(apart.entry), apart.inode);
    rows.set(path, apart);
  }

  /** Forgets what was beyond the limits, which are others now; what is left over stays so. */
  dropBeyond(): void {
    for (const [path, { entry }] of [...this.#rows()]) {
      if (entry !== undefined) this.set(path, undefined);
    }
  }

  clear(): void {
    this.#known = undefined;
    this.#database.prepare("delete from apart where anchor = ?")
      .run(this.#anchor);
  }

  #rows(): Map<RelativePath, Apart> {
    this.#known ??= new Map(
      this.#database.prepare("select * from apart where anchor = ?")
        .all(this.#anchor).map((raw) => {
          const row = apartSchema.parse(raw);
          const apart = { entry: entryFromRow(row), inode: row.inode };
          return [row.path as RelativePath, apart];
        }),
    );
    return this.#known;
  }
}
