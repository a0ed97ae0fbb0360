/**
 * The bases: a client's record of what was last agreed with the server, in SQLite.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { APART_SCHEMA, ApartRows } from "./apart_rows.ts";
import { inTransaction } from "./transaction.ts";
import type { EditChange } from "../core/channel_protocol.ts";
import type { Entry, Found } from "../core/entry.ts";
import type { RelativePath } from "../core/path.ts";
import { CONFLICT_MARK } from "../core/reconcile.ts";
import {
  type RecordIdentity,
  recordIdentitySchema,
  type RecordPlace,
} from "../core/record_identity.ts";
import type { RootIdentity } from "../core/root_identity.ts";
import { stampFromNumber, stampNumber, ZERO_STAMP } from "../core/stamp.ts";
import type {
  Agreement,
  Apart,
  Base,
  BaseRow,
  ClientIntent,
  Position,
} from "../ports.ts";
import { MOUNTS_SCHEMA, MountStore } from "./mount_store.ts";
import { addColumns } from "./add_columns.ts";
import { setAsideIfDamaged } from "./state_file.ts";
import { entryColumns, entryFromRow, rowSchema } from "./entry_rows.ts";

const SCHEMA = `
create table if not exists anchors (
  id integer primary key, path text unique not null, epoch text not null, stamp integer not null,
  device integer, inode integer, last_sync integer, paused integer not null default 0,
  identity text) strict;
create table if not exists bases (
  anchor integer not null, path text not null, kind text not null, size integer, mtime integer,
  mode integer, target text, inode integer not null, ctime integer not null,
  primary key (anchor, path)) strict, without rowid;
create index if not exists bases_by_inode on bases (anchor, inode) where kind = 'f';
create table if not exists sent (
  anchor integer not null, path text not null, kind text not null, size integer, mtime integer,
  mode integer, target text, primary key (anchor, path)) strict, without rowid;
create table if not exists held (
  anchor integer not null, path text not null, since integer not null, primary key (anchor, path)) strict, without rowid;
create table if not exists intents (anchor integer primary key, content text not null) strict;
${APART_SCHEMA}`;

/** What is forgotten of an anchor that joins as at first. */
const TABLES = ["bases", "sent", "held", "apart", "intents"];

const baseRowSchema = z.object({
  ...rowSchema.shape,
  path: z.string(),
  inode: z.int(),
  ctime: z.int(),
});
const anchorRowSchema = z.object({
  id: z.int(),
  epoch: z.string(),
  stamp: z.int(),
  device: z.int().nullable(),
  inode: z.int().nullable(),
  last_sync: z.int().nullable(),
  paused: z.int(),
  identity: z.string().nullable(),
});
type AnchorRow = z.infer<typeof anchorRowSchema>;
const idSchema = z.object({ id: z.int(), path: z.string() });
const placeSchema = z.object({
  path: z.string(),
  identity: z.string().nullable(),
  inode: z.int().nullable(),
});
const contentRowSchema = z.object({ content: z.string() });
const countRowSchema = z.object({ count: z.int() });
const pathRowSchema = z.object({ path: z.string() });
const heldRowSchema = z.object({ path: z.string(), since: z.int() });

/** The client's state database; one for all anchors. */
export class ClientStore implements Disposable {
  readonly #database: DatabaseSync;

  /** Where a damaged database was set aside when this one was opened in its place. */
  readonly damaged: string | undefined;

  constructor(file: string) {
    this.damaged = setAsideIfDamaged(file, Date.now());
    this.#database = new DatabaseSync(file, { timeout: 5000 });
    this.#database.exec("pragma journal_mode = wal");
    this.#database.exec("pragma synchronous = normal");
    this.#database.exec(SCHEMA);
    this.#database.exec(MOUNTS_SCHEMA);
    addColumns(this.#database, "anchors", { identity: "text" });
  }

  /** The record of one anchor, by its absolute path (and file name, for a single file); made when new. */
  anchor(path: string): AnchorStore {
    this.#database.prepare(
      "insert or ignore into anchors (path, epoch, stamp) values (?, '', ?)",
    ).run(path, stampNumber(ZERO_STAMP));
    const row = this.#database.prepare("select * from anchors where path = ?")
      .get(path);
    return new AnchorStore(this.#database, anchorRowSchema.parse(row).id);
  }

  /** All records that are kept. */
  records(): RecordPlace[] {
    return this.#database.prepare("select * from anchors order by id").all()
      .map((raw) => placeSchema.parse(raw))
      .map(({ path, identity, inode }) => ({
        path,
        identity: identityFrom(identity),
        inode: inode ?? undefined,
      }));
  }

  /** Keeps these records, each for the anchor at the path that is its key, and ends all others. */
  reassign(pairs: ReadonlyMap<string, string>): void {
    const kept = new Map([...pairs].map(([path, record]) => [record, path]));
    inTransaction(this.#database, () => {
      const moved: { id: number; path: string }[] = [];
      const park = this.#database.prepare(
        "update anchors set path = id where id = ?",
      );
      for (const { id, path } of this.#ids()) {
        const next = kept.get(path);
        if (next === undefined) this.#end(id);
        else if (next !== path) {
          park.run(id); // out of the way of another one's new path
          moved.push({ id, path: next });
        }
      }
      const place = this.#database.prepare(
        "update anchors set path = ? where id = ?",
      );
      for (const { id, path } of moved) place.run(path, id);
    });
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #ids(): { id: number; path: string }[] {
    return this.#database.prepare("select id, path from anchors").all()
      .map((raw) => idSchema.parse(raw));
  }

  #end(id: number): void {
    for (const table of [...TABLES, "mounts"]) {
      this.#database.prepare(`delete from ${table} where anchor = ?`).run(id);
    }
    this.#database.prepare("delete from anchors where id = ?").run(id);
  }
}

/** {@linkcode Base} of one anchor in SQLite, with the little else that is kept of an anchor. */
export class AnchorStore implements Base {
  /** The file systems that are known in the anchor. */
  readonly mounts: MountStore;
  readonly #database: DatabaseSync;
  readonly #id: number;
  readonly #aparts: ApartRows;
  readonly #statements;
  /** As it is in the database, once it was asked for. */
  #held: ReadonlySet<RelativePath> | undefined;

  constructor(database: DatabaseSync, id: number) {
    this.mounts = new MountStore(database, id);
    this.#database = database;
    this.#id = id;
    this.#aparts = new ApartRows(database, id);
    this.#statements = {
      anchor: database.prepare("select * from anchors where id = ?"),
      base: database.prepare(
        "select * from bases where anchor = ? and path = ?",
      ),
      linked: database.prepare(
        "select path from bases where anchor = ? and inode = ? and kind = 'f'",
      ),
      all: database.prepare(
        "select * from bases where anchor = ? order by path",
      ),
      below: database.prepare(
        "select * from bases where anchor = ? and path > ? and path < ? order by path",
      ),
      sent: database.prepare(
        "select * from sent where anchor = ? and path = ?",
      ),
      put: database.prepare(
        `insert or replace into bases (anchor, path, kind, size, mtime, mode, target, inode, ctime)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      drop: database.prepare("delete from bases where anchor = ? and path = ?"),
      held: database.prepare("select path, since from held where anchor = ?"),
      hold: database.prepare(
        "insert or ignore into held (anchor, path, since) values (?, ?, ?)",
      ),
      release: database.prepare(
        "delete from held where anchor = ? and path = ?",
      ),
      unsend: database.prepare(
        "delete from sent where anchor = ? and path = ?",
      ),
      send: database.prepare(
        `insert or replace into sent (anchor, path, kind, size, mtime, mode, target)
         values (?, ?, ?, ?, ?, ?, ?)`,
      ),
    };
  }

  position(): Position {
    const { epoch, stamp } = this.#row();
    return { epoch, stamp: stampFromNumber(stamp) };
  }

  row(path: RelativePath): BaseRow {
    const base = this.#statements.base.get(this.#id, path);
    const sent = this.#statements.sent.get(this.#id, path);
    return {
      base: base === undefined
        ? undefined
        : foundFromRow(baseRowSchema.parse(base)),
      sent: sent === undefined
        ? undefined
        : { entry: entryFromRow(rowSchema.parse(sent)) },
    };
  }

  bases(below?: RelativePath): Map<RelativePath, Found> {
    const found = new Map<RelativePath, Found>();
    const take = (raw: unknown) => {
      const row = baseRowSchema.parse(raw);
      found.set(row.path as RelativePath, foundFromRow(row));
    };
    if (below === undefined) {
      for (const raw of this.#statements.all.iterate(this.#id)) take(raw);
      return found;
    }
    const own = this.#statements.base.get(this.#id, below);
    if (own !== undefined) take(own);
    // A range of its own: SQLite would read the whole anchor for "this path or those below it".
    for (
      const raw of this.#statements.below.iterate(
        this.#id,
        `${below}/`,
        `${below}0`,
      )
    ) take(raw);
    return found;
  }

  aparts(): ReadonlyMap<RelativePath, Apart> {
    return this.#aparts.all();
  }

  setApart(path: RelativePath, apart: Apart | undefined): void {
    this.#aparts.set(path, apart);
  }

  count(): number {
    const row = this.#database.prepare(
      "select count(*) as count from bases where anchor = ?",
    ).get(this.#id);
    return countRowSchema.parse(row).count;
  }

  /** Files on record that have, or had, this inode. */
  filesWith(inode: number): RelativePath[] {
    return this.#statements.linked.all(this.#id, inode)
      .map((row) => pathRowSchema.parse(row).path as RelativePath);
  }

  /** Conflict copies that are there, oldest name first. */
  conflicts(): string[] {
    return this.#database.prepare(
      "select path from bases where anchor = ? and kind <> 'd' and instr(path, ?) > 0 order by path",
    ).all(this.#id, CONFLICT_MARK).map((row) => pathRowSchema.parse(row).path);
  }

  forget(): void {
    this.#held = undefined;
    inTransaction(this.#database, () => this.#forget());
  }

  held(): ReadonlySet<RelativePath> {
    this.#held ??= new Set(this.heldSince().keys());
    return this.#held;
  }

  /** The same, with when each began to wait, in milliseconds since 1970. */
  heldSince(): Map<RelativePath, number> {
    return new Map(
      this.#statements.held.all(this.#id).map((row) => {
        const { path, since } = heldRowSchema.parse(row);
        return [path as RelativePath, since];
      }),
    );
  }

  hold(paths: readonly RelativePath[]): void {
    if (paths.length === 0) return;
    this.#held = undefined;
    const sinceMs = Date.now();
    inTransaction(this.#database, () => {
      for (const path of paths) {
        this.#statements.hold.run(this.#id, path, sinceMs);
      }
    });
  }

  markSent(changes: readonly EditChange[]): void {
    inTransaction(this.#database, () => {
      for (const { path, entry } of changes) {
        this.#statements.send.run(this.#id, path, ...entryColumns(entry));
      }
    });
  }

  agree(
    agreements: readonly Agreement[],
    position: Position,
    refused: readonly RelativePath[] = [],
  ): void {
    this.#held = undefined;
    inTransaction(this.#database, () => {
      for (const path of refused) this.#statements.unsend.run(this.#id, path);
      for (const { path, base, apart } of agreements) {
        this.#aparts.set(path, apart);
        this.#statements.unsend.run(this.#id, path);
        this.#statements.release.run(this.#id, path);
        if (base === undefined) this.#statements.drop.run(this.#id, path);
        else {
          const columns = entryColumns(base.entry);
          this.#statements.put.run(
            this.#id,
            path,
            ...columns,
            base.inode,
            base.ctimeS,
          );
        }
      }
      this.#move(position);
      this.#database.prepare("delete from intents where anchor = ?").run(
        this.#id,
      );
    });
  }

  intent(): ClientIntent | undefined {
    const row = this.#database.prepare(
      "select content from intents where anchor = ?",
    )
      .get(this.#id);
    if (row === undefined) return undefined;
    // Written by `prepare` of this very program; its shape is that of the type.
    const intent: ClientIntent = JSON.parse(
      contentRowSchema.parse(row).content,
    );
    return intent;
  }

  prepare(intent: ClientIntent): void {
    this.#database.prepare(
      "insert or replace into intents (anchor, content) values (?, ?)",
    )
      .run(this.#id, JSON.stringify(intent));
  }

  /** The root as it was last seen; `undefined` before the first scan. */
  root(): RootIdentity | undefined {
    const { device, inode } = this.#row();
    return device === null || inode === null ? undefined : { device, inode };
  }

  setRoot(root: RootIdentity): void {
    this.#database.prepare(
      "update anchors set device = ?, inode = ? where id = ?",
    )
      .run(root.device, root.inode, this.#id);
  }

  /** Time of the last turn after which the anchor was in step, in milliseconds since 1970. */
  lastSyncMs(): number | undefined {
    return this.#row().last_sync ?? undefined;
  }

  setLastSync(timeMs: number): void {
    this.#database.prepare("update anchors set last_sync = ? where id = ?")
      .run(timeMs, this.#id);
  }

  /** What the record was made under; `undefined` for one of an earlier version. */
  identity(): RecordIdentity | undefined {
    return identityFrom(this.#row().identity);
  }

  /** Begins anew under `identity`: a first join. */
  begin(identity: RecordIdentity): void {
    this.#held = undefined;
    inTransaction(this.#database, () => {
      this.#forget();
      this.#identify(identity);
    });
  }

  /**
   * Goes on under `identity` with the rows for which `counts` holds; what may have come in with it is
   * asked for by a comparison in full. A commit that a crash cut short is done anew by that, too.
   */
  choose(
    identity: RecordIdentity,
    counts: (path: RelativePath, entry: Entry) => boolean,
  ): RelativePath[] {
    this.#held = undefined;
    const left = [...this.bases()].filter(([path, { entry }]) =>
      !counts(path, entry)
    ).map(([path]) => path);
    inTransaction(this.#database, () => {
      this.#aparts.dropBeyond();
      for (const path of left) {
        this.#statements.drop.run(this.#id, path);
        this.#statements.unsend.run(this.#id, path);
        this.#statements.release.run(this.#id, path);
      }
      this.#database.prepare("delete from intents where anchor = ?").run(
        this.#id,
      );
      this.#identify(identity);
      this.#move({ ...this.position(), stamp: ZERO_STAMP });
    });
    return left;
  }

  paused(): boolean {
    return this.#row().paused === 1;
  }

  setPaused(paused: boolean): void {
    this.#database.prepare("update anchors set paused = ? where id = ?")
      .run(paused ? 1 : 0, this.#id);
  }

  #forget(): void {
    this.#aparts.clear();
    for (const table of TABLES) {
      this.#database.prepare(`delete from ${table} where anchor = ?`).run(
        this.#id,
      );
    }
    this.#move({ epoch: "", stamp: ZERO_STAMP });
  }

  #identify(identity: RecordIdentity): void {
    this.#database.prepare("update anchors set identity = ? where id = ?")
      .run(JSON.stringify(identity), this.#id);
  }

  #row(): AnchorRow {
    return anchorRowSchema.parse(this.#statements.anchor.get(this.#id));
  }

  #move({ epoch, stamp }: Position): void {
    this.#database.prepare(
      "update anchors set epoch = ?, stamp = ? where id = ?",
    )
      .run(epoch, stampNumber(stamp), this.#id);
  }
}

function foundFromRow(row: z.infer<typeof baseRowSchema>): Found {
  const entry = entryFromRow(row);
  if (entry === undefined) {
    throw new Error("Cannot read state: a base is a tombstone");
  }
  return { entry, inode: row.inode, ctimeS: row.ctime };
}

/** An identity of another shape than this version writes is none. */
function identityFrom(text: string | null): RecordIdentity | undefined {
  if (text === null) return undefined;
  const parsed = recordIdentitySchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}
