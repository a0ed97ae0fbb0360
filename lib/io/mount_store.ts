/**
 * The file systems that are known in an anchor, in the client's state database.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { MountIdentity } from "../core/mounts.ts";
import type { RelativePath } from "../core/path.ts";

/** The table of it. */
export const MOUNTS_SCHEMA = `
create table if not exists mounts (
  anchor integer not null, path text not null, inode integer, born integer,
  waits integer not null default 0, primary key (anchor, path)) strict, without rowid;
`;

const rowSchema = z.object({
  path: z.string(),
  inode: z.int().nullable(),
  born: z.int().nullable(),
  waits: z.int(),
});

const directorySchema = z.object({ path: z.string(), inode: z.int() });

/** One directory: the file system that counts there, and whether it was waited for. */
export interface KnownMount {
  /** `undefined`: none does; what was mounted there hid what was synced. */
  readonly identity: MountIdentity | undefined;
  /** True from when nothing below it was synced until all of it has been compared again. */
  readonly waits: boolean;
}

/** See the module. */
export class MountStore {
  readonly #database: DatabaseSync;
  readonly #anchor: number;

  constructor(database: DatabaseSync, anchor: number) {
    this.#database = database;
    this.#anchor = anchor;
  }

  all(): Map<RelativePath, KnownMount> {
    const rows = this.#database.prepare(
      "select path, inode, born, waits from mounts where anchor = ? order by path",
    ).all(this.#anchor);
    return new Map(rows.map((raw) => {
      const { path, inode, born, waits } = rowSchema.parse(raw);
      const identity = inode === null ? undefined : { inode, bornMs: born };
      return [path as RelativePath, { identity, waits: waits === 1 }];
    }));
  }

  /** Inodes of the directories on record, at and below a path or everywhere. */
  directories(below: RelativePath | undefined): Map<string, number> {
    const rows = this.#database.prepare(
      `select path, inode from bases where anchor = ? and kind = 'd' and
       (? is null or path = ? or path > ? || '/' and path < ? || '0')`,
    ).all(this.#anchor, ...new Array(4).fill(below ?? null));
    return new Map(rows.map((raw) => {
      const { path, inode } = directorySchema.parse(raw);
      return [path, inode];
    }));
  }

  set(path: RelativePath, { identity, waits }: KnownMount): void {
    this.#database.prepare(
      "insert or replace into mounts (anchor, path, inode, born, waits) values (?, ?, ?, ?, ?)",
    ).run(
      this.#anchor,
      path,
      identity?.inode ?? null,
      identity?.bornMs ?? null,
      waits ? 1 : 0,
    );
  }

  drop(path: RelativePath): void {
    this.#database.prepare("delete from mounts where anchor = ? and path = ?")
      .run(this.#anchor, path);
  }
}
