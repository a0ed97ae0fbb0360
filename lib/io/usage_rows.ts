/**
 * What a user has, as its database says.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { blocksOf, NO_USAGE, type Usage } from "../core/quota.ts";

const usageRowSchema = z.object({ bytes: z.int(), files: z.int() });

/**
 * What the tree and its history take: as it was counted last, with what came in since. Until it was
 * counted, what the record says of the tree.
 */
export function usageIn(database: DatabaseSync): Usage {
  const isServed = database.prepare(
    "select 1 from sqlite_master where name = 'usage'",
  ).get() !== undefined;
  if (!isServed) return NO_USAGE;
  const counted = database.prepare("select bytes, files from usage").get();
  const block = blocksOf(1);
  const row = counted ?? database.prepare(
    `select count(*) as files, coalesce(
       sum(max((coalesce(size, 0) + ${block} - 1) / ${block}, 1) * ${block}), 0
     ) as bytes from entries where kind <> '-'`,
  ).get();
  return usageRowSchema.parse(row);
}
