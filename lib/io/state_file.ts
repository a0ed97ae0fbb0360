/**
 * State databases: opened, checked, and set aside when they are damaged.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { codeOf, isMissing, lstatIfAny } from "./files.ts";

const BUSY_MS = 5000;
const DAMAGE = /malformed|not a database|disk image|file is encrypted/;

/** What SQLite keeps beside a database, with the database's mode when it makes them. */
const PARTS = ["", "-wal", "-shm"];
const PRIVATE_MODE = 0o600;
const OTHERS = 0o077;

const checkRow = z.object({ quick_check: z.string() });

/**
 * Makes sure that a state database can be used: one that is damaged moves to
 * `<file>.damaged-<time>`, which is returned; a new one is made where it was.
 */
export function setAsideIfDamaged(
  file: string,
  nowMs: number,
): string | undefined {
  if (file === ":memory:" || lstatIfAny(file) === undefined || isSound(file)) {
    return undefined;
  }
  const aside = `${file}.damaged-${nowMs}`;
  for (const suffix of PARTS) {
    try {
      Deno.renameSync(`${file}${suffix}`, `${aside}${suffix}`);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return aside;
}

/**
 * Opens a state database, or makes it, for this account alone: whatever umask started the program.
 * It must not be opened by hand here: a close would end SQLite's locks in the whole process.
 */
export function openState(file: string): DatabaseSync {
  if (file !== ":memory:") {
    if (lstatIfAny(file) === undefined) makeEmpty(file);
    for (const part of PARTS) closeToOthers(`${file}${part}`);
  }
  return new DatabaseSync(file, { timeout: BUSY_MS });
}

function makeEmpty(file: string): void {
  try {
    Deno.openSync(file, { write: true, createNew: true, mode: PRIVATE_MODE })
      .close();
  } catch (error) {
    // Another process makes it at the same moment.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** Takes away what others may do with a file of ours that is there. */
export function closeToOthers(file: string): void {
  const mode = lstatIfAny(file)?.mode ?? 0;
  if ((mode & OTHERS) === 0) return;
  try {
    Deno.chmodSync(file, mode & 0o7700);
  } catch (error) {
    // Its file system (FAT) has no such modes, or the file went.
    if (codeOf(error) !== "EPERM" && !isMissing(error)) throw error;
  }
}

/** Which file this is: a copy, or one brought back from a backup, is another. */
export function placeOf(file: string): string {
  const { ino, birthtime } = Deno.statSync(file);
  return `${ino ?? 0}:${birthtime?.getTime() ?? 0}`;
}

function isSound(file: string): boolean {
  let database: DatabaseSync | undefined;
  try {
    database = openState(file);
    const row = database.prepare("pragma quick_check(1)").get();
    return checkRow.parse(row).quick_check === "ok";
  } catch (error) {
    if (error instanceof Error && DAMAGE.test(error.message)) return false;
    throw error;
  } finally {
    database?.close();
  }
}
