/**
 * Whether an anchor is a directory or a single file.
 *
 * @module
 */

/** What is at an anchor's path; `unknown`: nothing, something else, or nobody may look. */
export type AnchorShape = "file" | "directory" | "unknown";

/**
 * True for a single file. What is there decides while nothing is at stake; after that an anchor stays
 * what it was: a directory with a file in its place is a directory that is gone, and a file that is
 * not there is one that was deleted.
 *
 * @example
 * ```ts
 * import { isSingleFile } from "./anchor_kind.ts";
 * import assert from "node:assert/strict";
 * assert.equal(isSingleFile("file", undefined), true);
 * assert.equal(isSingleFile("unknown", { single: true, hasRows: true }), true);
 * assert.equal(isSingleFile("file", { single: false, hasRows: true }), false);
 * ```
 */
export function isSingleFile(
  there: AnchorShape,
  known: { readonly single: boolean; readonly hasRows: boolean } | undefined,
): boolean {
  if (there === "unknown" || known?.hasRows === true) {
    return known?.single ?? false;
  }
  return there === "file";
}
