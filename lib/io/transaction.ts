/**
 * Transactions: all of some work on a database, or none of it.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";

/** Runs `work` in a transaction that writes; what it throws undoes it. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("begin immediate");
  try {
    const result = work();
    database.exec("commit");
    return result;
  } catch (error) {
    // On a full disk SQLite has undone it by itself.
    if (database.isTransaction) database.exec("rollback");
    throw error;
  }
}
