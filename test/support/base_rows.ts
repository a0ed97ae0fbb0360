/**
 * Agreements for the tests of an anchor's record.
 *
 * @module
 */
import type { Entry, Found } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import type { Base, Position } from "../../lib/ports.ts";

/** Where the anchor stands. */
export const HERE: Position = {
  epoch: "00000000000000aa",
  stamp: { date: 20260102, cycle: 3 },
};
/** A file whose mode is falsy and whose time has milliseconds. */
export const file: Entry = {
  kind: "file",
  size: 5,
  mtimeMs: 1_700_000_000_123,
  mode: 0,
};

/** An entry as a disk shows it. */
export function on(entry: Entry): Found {
  return { entry, inode: 2 ** 40, ctimeS: 1_700_000_000 };
}

/** Agrees on what is at some paths; `undefined` is nothing. */
export function agree(
  store: Pick<Base, "agree">,
  paths: Record<string, Entry | undefined>,
): void {
  store.agree(
    Object.entries(paths).map(([path, entry]) => ({
      path: relativePath(path),
      base: entry === undefined ? undefined : on(entry),
    })),
    HERE,
  );
}
