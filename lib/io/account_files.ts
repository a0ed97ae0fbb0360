/**
 * Where a user's accounts lie on the server's disk.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { OWN_NAME } from "../core/path.ts";

const USER_MODE = 0o2770;
const OWN_MODE = 0o700;
const BUSY_TIMEOUT_MS = 5000;

const SCHEMA = `
create table if not exists account (
  id integer primary key check (id = 1), active integer not null) strict;
create table if not exists clients (
  client text primary key, host text not null, created_ms integer not null,
  revoked integer not null, secret_hash text not null) strict;
create table if not exists join_tokens (
  token_hash text primary key, expires_ms integer not null, used integer not null) strict;
`;

const activeRow = z.object({ active: z.int() });

/** Makes `<root>/<user>` (2770) and its own directory (0700); what is there keeps its mode. */
export function makeUserDirectories(root: string, user: string): void {
  makeDirectory(`${root}/${user}`, USER_MODE);
  makeDirectory(`${root}/${user}/${OWN_NAME}`, OWN_MODE);
}

function databaseFile(root: string, user: string): string {
  return `${root}/${user}/${OWN_NAME}/state.db`;
}

/** Opens the user's database and makes the tables of accounts in it. */
export function openDatabase(root: string, user: string): DatabaseSync {
  const file = databaseFile(root, user);
  try {
    const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    database.exec("pragma journal_mode = wal");
    database.exec("pragma synchronous = full");
    database.exec(SCHEMA);
    return database;
  } catch (cause) {
    throw new Error(`Cannot open the accounts of ${user} in ${file}`, {
      cause,
    });
  }
}

/** True when the user was added and not removed. */
export function isActive(database: DatabaseSync): boolean {
  const row = database.prepare("select active from account").get();
  return row !== undefined && activeRow.parse(row).active === 1;
}

/** True when `user` has a database. */
export function hasState(root: string, user: string): boolean {
  try {
    return Deno.lstatSync(databaseFile(root, user)).isFile;
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory
    ) return false;
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
