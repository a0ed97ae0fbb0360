/**
 * Entries as database columns, the same on both sides: kind, size, mtime, mode, target.
 *
 * @module
 */
import { z } from "zod";
import type { Entry } from "../core/entry.ts";

/** The columns of an entry; kind `-` is a tombstone. */
export const rowSchema = z.object({
  kind: z.enum(["f", "d", "l", "-"]),
  size: z.int().nullable(),
  mtime: z.int().nullable(),
  mode: z.int().nullable(),
  target: z.string().nullable(),
});

type Columns = [
  string,
  number | null,
  number | null,
  number | null,
  string | null,
];

/** Column values of an entry, in the order kind, size, mtime, mode, target. */
export function entryColumns(entry: Entry | undefined): Columns {
  switch (entry?.kind) {
    case undefined:
      return ["-", null, null, null, null];
    case "file":
      return ["f", entry.size, entry.mtimeMs, entry.mode, null];
    case "directory":
      return ["d", null, null, entry.mode, null];
    case "link":
      return ["l", null, null, null, entry.target];
  }
}

/** The entry of a row; `undefined` for a tombstone. Throws on columns that do not fit the kind. */
export function entryFromRow(
  row: z.infer<typeof rowSchema>,
): Entry | undefined {
  const { kind, size, mtime, mode, target } = row;
  if (kind === "-") return undefined;
  if (kind === "f" && size !== null && mtime !== null && mode !== null) {
    return { kind: "file", size, mtimeMs: mtime, mode };
  }
  if (kind === "d" && mode !== null) return { kind: "directory", mode };
  if (kind === "l" && target !== null) return { kind: "link", target };
  throw new Error(`Cannot read state: a row of kind '${kind}' lacks columns`);
}
