/**
 * Databases of an earlier version.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";

const nameRowSchema = z.object({ name: z.string() });

/** Adds the columns that a table of an earlier version lacks; each with its type and default. */
export function addColumns(
  database: DatabaseSync,
  table: string,
  columns: Readonly<Record<string, string>>,
): void {
  const known = database.prepare("select name from pragma_table_info(?)")
    .all(table).map((row) => nameRowSchema.parse(row).name);
  for (const [name, type] of Object.entries(columns)) {
    if (known.includes(name)) continue;
    database.exec(`alter table ${table} add column ${name} ${type}`);
  }
}
