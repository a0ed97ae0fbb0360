/**
 * State databases: opened, checked, and set aside when they are damaged.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { isMissing, lstatIfAny } from "./files.ts";

const BUSY_MS = 5000;
const DAMAGE = /malformed|not a database|disk image|file is encrypted/;

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
  for (const suffix of ["", "-wal", "-shm"]) {
    try {
      Deno.renameSync(`${file}${suffix}`, `${aside}${suffix}`);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return aside;
}

/** Which file this is: a copy, or one brought back from a backup, is another. */
export function placeOf(file: string): string {
  const { ino, birthtime } = Deno.statSync(file);
  return `${ino ?? 0}:${birthtime?.getTime() ?? 0}`;
}

function isSound(file: string): boolean {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: BUSY_MS });
    const row = database.prepare("pragma quick_check(1)").get();
    return checkRow.parse(row).quick_check === "ok";
  } catch (error) {
    if (error instanceof Error && DAMAGE.test(error.message)) return false;
    throw error;
  } finally {
    database?.close();
  }
}
