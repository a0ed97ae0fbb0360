/**
 * Where a user's accounts lie on the server's disk.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { OWN_NAME } from "../core/path.ts";
import { addColumns } from "./add_columns.ts";
import { replaceFile } from "./replace_file.ts";
import { openState } from "./state_file.ts";

const USER_MODE = 0o2770;
const OWN_MODE = 0o700;

const SCHEMA = `
create table if not exists account (
  id integer primary key check (id = 1), active integer not null, quota text) strict;
create table if not exists clients (
  client text primary key, host text not null, created_ms integer not null,
  revoked integer not null, secret_hash text not null) strict;
create table if not exists join_tokens (
  token_hash text primary key, expires_ms integer not null, used integer not null) strict;
create table if not exists client_networks (
  client text not null, network text not null, seen_ms integer not null,
  primary key (client, network)) strict, without rowid;
`;

const copySchema = z.strictObject({
  active: z.boolean(),
  quota: z.string().optional(),
  clients: z.array(z.strictObject({
    client: z.string(),
    host: z.string(),
    created_ms: z.int(),
    revoked: z.int(),
    secret_hash: z.string(),
  })),
});
const activeRow = z.object({ active: z.int() });
const quotaRow = z.object({ quota: z.string().nullable() });

/** Makes `<root>/<user>` (2770) and its own directory (0700); what is there keeps its mode. */
export function makeUserDirectories(root: string, user: string): void {
  makeDirectory(`${root}/${user}`, USER_MODE);
  makeDirectory(`${root}/${user}/${OWN_NAME}`, OWN_MODE);
}

/** The accounts once more, for when the database is lost. */
export function copyFile(root: string, user: string): string {
  return `${root}/${user}/${OWN_NAME}/clients.json`;
}

function databaseFile(root: string, user: string): string {
  return `${root}/${user}/${OWN_NAME}/state.db`;
}

/** Opens the user's database and makes the tables of accounts in it. */
export function openDatabase(root: string, user: string): DatabaseSync {
  const file = databaseFile(root, user);
  let database: DatabaseSync | undefined;
  try {
    database = openState(file);
    database.exec("pragma journal_mode = wal");
    database.exec("pragma synchronous = full");
    database.exec(SCHEMA);
    addColumns(database, "account", { quota: "text" });
    bringBack(database, copyFile(root, user));
    return database;
  } catch (cause) {
    database?.close();
    throw new Error(`Cannot open the accounts of ${user} in ${file}`, {
      cause,
    });
  }
}

/** Writes the accounts beside the database, private. */
export function writeCopy(database: DatabaseSync, file: string): void {
  const clients = database.prepare("select * from clients").all();
  const quota = quotaIn(database);
  const copy = {
    active: isActive(database),
    ...(quota === undefined ? {} : { quota }),
    clients,
  };
  replaceFile(file, `${JSON.stringify(copySchema.parse(copy))}\n`);
}

/** Fills a database that is new with the accounts of its copy. */
function bringBack(database: DatabaseSync, file: string): void {
  if (database.prepare("select 1 from account").get() !== undefined) return;
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  const copy = copySchema.parse(JSON.parse(text));
  const insert = database.prepare(
    "insert or replace into clients values (?, ?, ?, ?, ?)",
  );
  for (
    const { client, host, created_ms, revoked, secret_hash } of copy.clients
  ) {
    insert.run(client, host, created_ms, revoked, secret_hash);
  }
  database.prepare("insert into account values (1, ?, ?)").run(
    copy.active ? 1 : 0,
    copy.quota ?? null,
  );
}

/** The user's own quota as text, if it has one. */
export function quotaIn(database: DatabaseSync): string | undefined {
  const row = database.prepare("select quota from account").get();
  if (row === undefined) return undefined;
  return quotaRow.parse(row).quota ?? undefined;
}

/** True when the user was added and not removed. */
export function isActive(database: DatabaseSync): boolean {
  const row = database.prepare("select active from account").get();
  return row !== undefined && activeRow.parse(row).active === 1;
}

/**
 * True when `user` has a database, or what is left of one. Through a link nothing is taken for a
 * user: it could lead to another's files, or out of the root.
 */
export function hasState(root: string, user: string): boolean {
  const directory = `${root}/${user}`;
  if (!isDirectory(directory) || !isDirectory(`${directory}/${OWN_NAME}`)) {
    return false;
  }
  return [databaseFile(root, user), copyFile(root, user)].some(isFile);
}

function isFile(path: string): boolean {
  return lookAt(path)?.isFile === true;
}

function isDirectory(path: string): boolean {
  return lookAt(path)?.isDirectory === true;
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory
    ) return undefined;
    throw error;
  }
}

/** What is in `root`; nothing when it is not there. */
export function readDirectory(root: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(root)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Makes a directory with just this mode; one that is there keeps its own. */
function makeDirectory(path: string, mode: number): void {
  try {
    const info = Deno.lstatSync(path);
    if (info.isDirectory) return;
    throw new Error(`Cannot use ${path}: it is not a directory`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.mkdirSync(path, { recursive: true, mode: OWN_MODE });
  Deno.chmodSync(path, mode);
}
