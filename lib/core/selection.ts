/**
 * What of a directory belongs to its anchor, by excludes and sizes.
 *
 * @module
 */
import type { Entry } from "./entry.ts";
import { type ExcludeRules, isExcluded } from "./excludes.ts";
import { nameOf, OWN_NAME, type RelativePath } from "./path.ts";

/** The choice an anchor makes; sizes in bytes. */
export interface Selection {
  readonly rules: ExcludeRules;
  /** A single-file anchor: just this name. */
  readonly only: string | undefined;
  readonly minSize: number | undefined;
  readonly maxSize: number | undefined;
}

/** True when what is at a path stays out; without an entry: whatever it may be. */
export function passesOver(
  selection: Selection,
  path: RelativePath,
  entry: Entry | undefined,
): boolean {
  const { rules, only, minSize, maxSize } = selection;
  if (only !== undefined && path !== only) return true;
  if (nameOf(path) === OWN_NAME) return true;
  if (entry === undefined) {
    return isExcluded(rules, path, true) && isExcluded(rules, path, false);
  }
  if (isExcluded(rules, path, entry.kind === "directory")) return true;
  if (entry.kind !== "file") return false;
  const large = maxSize !== undefined && entry.size > maxSize;
  return large || (minSize !== undefined && entry.size < minSize);
}
