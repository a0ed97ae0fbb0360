/**
 * Telling a full disk by the codes of an error.
 *
 * @module
 */

/** `"maybe"`: SQLite says so where a disk is full, but not only there. */
export type Fullness = "full" | "maybe" | "no";

const FULL_CODES: readonly unknown[] = ["ENOSPC", "EDQUOT"];
/** SQLITE_FULL. */
const SQLITE_FULL = 13;
/** SQLITE_IOERR (a shared-memory file that could not grow) and SQLITE_CANTOPEN. */
const SQLITE_MAYBE: readonly number[] = [10, 14];
/** `sqlite3_errstr` of these codes: `exec` of node:sqlite gives no other sign of them. */
const SQLITE_MESSAGES: Readonly<Record<string, number>> = {
  "database or disk is full": 13,
  "disk I/O error": 10,
  "unable to open database file": 14,
};

/**
 * Whether an error, or what caused it, is a disk without space.
 *
 * @example
 * ```ts
 * import { fullnessOf } from "./disk_full.ts";
 * import assert from "node:assert/strict";
 * const full = Object.assign(new Error("raw"), { code: "ENOSPC" });
 * assert.equal(fullnessOf(new Error("Cannot write", { cause: full })), "full");
 * assert.equal(fullnessOf(Object.assign(new Error(), { errcode: 4874 })), "maybe");
 * assert.equal(fullnessOf(new Error("other")), "no");
 * ```
 */
export function fullnessOf(error: unknown): Fullness {
  if (!(error instanceof Error)) return "no";
  if ("code" in error && FULL_CODES.includes(error.code)) return "full";
  const primary = sqliteCode(error);
  if (primary === SQLITE_FULL) return "full";
  if (SQLITE_MAYBE.includes(primary)) return "maybe";
  return fullnessOf(error.cause);
}

function sqliteCode(error: Error): number {
  return "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : SQLITE_MESSAGES[error.message] ?? 0;
}
