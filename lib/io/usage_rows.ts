/**
 * What a user has, as its database says.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { blocksOf, NO_USAGE, type Usage } from "../core/quota.ts";

const usageRowSchema = z.object({ bytes: z.int(), files: z.int() });

/** Says what was counted. */
export function writeUsage(
  database: DatabaseSync,
  { bytes, files }: Usage,
): void {
  database.prepare("insert or replace into usage values (1, ?, ?)")
    .run(bytes, files);
}

/** What the tree and its history take: as it was counted last, with what came in since. */
export function usageIn(database: DatabaseSync): Usage {
  const isServed = database.prepare(
    "select 1 from sqlite_master where name = 'usage'",
  ).get() !== undefined;
  if (!isServed) return NO_USAGE;
  const counted = database.prepare("select bytes, files from usage").get();
  return counted === undefined ? NO_USAGE : usageRowSchema.parse(counted);
}

/** What the tree takes by its record; for a database in which nothing was counted yet. */
export function recordedUsage(database: DatabaseSync): Usage {
  const block = blocksOf(1);
  const row = database.prepare(
    `select count(*) as files, coalesce(
       sum(max((coalesce(size, 0) + ${block} - 1) / ${block}, 1) * ${block}), 0
     ) as bytes from entries where kind <> '-'`,
  ).get();
  return usageRowSchema.parse(row);
}
