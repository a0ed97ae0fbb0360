/**
 * Entries: what is at a path, as both sides compare and record it.
 *
 * @module
 */
import { z } from "zod";

/** Permission bits that are carried; setuid, setgid and sticky are not. */
export const MODE_MASK = 0o777;

/** A regular file: size in bytes, mtime in milliseconds since 1970, permission bits. */
export interface FileEntry {
  readonly kind: "file";
  readonly size: number;
  readonly mtimeMs: number;
  readonly mode: number;
}

/** A directory; its mtime is not carried. */
export interface DirectoryEntry {
  readonly kind: "directory";
  readonly mode: number;
}

/** A symbolic link, by its target; it is never followed. */
export interface LinkEntry {
  readonly kind: "link";
  readonly target: string;
}

/** What is at a path. */
export type Entry = FileEntry | DirectoryEntry | LinkEntry;

/** An entry found on a disk, with what tells silent changes apart: inode and ctime in whole seconds. */
export interface Found {
  readonly entry: Entry;
  readonly inode: number;
  readonly ctimeS: number;
}

const modeSchema = z.int().min(0).max(MODE_MASK);

/** Schema of an entry in a message. */
export const entrySchema: z.ZodType<Entry> = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("file"),
    size: z.int().min(0),
    mtimeMs: z.int(),
    mode: modeSchema,
  }),
  z.strictObject({ kind: z.literal("directory"), mode: modeSchema }),
  z.strictObject({
    kind: z.literal("link"),
    target: z.string().min(1).max(4095).refine((target) =>
      !target.includes("\0")
    ),
  }),
]);

/** Same kind, content and mode, taking equal size and mtime of a file for equal content. */
export function sameEntry(left: Entry, right: Entry): boolean {
  return sameContent(left, right) &&
    (left.kind === "link" || left.mode === (right as typeof left).mode);
}

/** As {@linkcode sameEntry}, whatever the modes. */
export function sameContent(left: Entry, right: Entry): boolean {
  switch (left.kind) {
    case "file":
      return right.kind === "file" && left.size === right.size &&
        left.mtimeMs === right.mtimeMs;
    case "directory":
      return right.kind === "directory";
    case "link":
      return right.kind === "link" && left.target === right.target;
  }
}

/** {@linkcode sameEntry} where either side may be absent. */
export function sameOrBothAbsent(
  left: Entry | undefined,
  right: Entry | undefined,
): boolean {
  if (left === undefined || right === undefined) return left === right;
  return sameEntry(left, right);
}

/** The same entry, and of a file also the same inode and ctime: not touched in between. */
export function sameFound(
  left: Found | undefined,
  right: Found | undefined,
): boolean {
  if (!sameOrBothAbsent(left?.entry, right?.entry)) return false;
  if (left === undefined || right === undefined) return true;
  return left.entry.kind !== "file" ||
    (left.inode === right.inode && left.ctimeS === right.ctimeS);
}
