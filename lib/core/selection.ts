/**
 * What of a directory belongs to its anchor, by excludes and sizes.
 *
 * @module
 */
import type { Entry } from "./entry.ts";
import { type ExcludeRules, isExcluded } from "./excludes.ts";
import { isOwn, type OwnPaths } from "./own_places.ts";
import { nameOf, OWN_NAME, type RelativePath } from "./path.ts";

/** The choice an anchor makes; sizes in bytes. */
export interface Selection {
  readonly rules: ExcludeRules;
  /** A single-file anchor: just this name. */
  readonly only: string | undefined;
  readonly minSize: number | undefined;
  readonly maxSize: number | undefined;
  /** On a client, sinkd's own places in the anchor; `rules` begin with them. */
  readonly own?: OwnPaths;
}

/** True when what is at a path stays out; without an entry: whatever it may be. */
export function passesOver(
  selection: Selection,
  path: RelativePath,
  entry: Entry | undefined,
): boolean {
  const { rules, only, own } = selection;
  if (only !== undefined && path !== only) return true;
  // What has come into the place of a single file is not its next version.
  if (only !== undefined && entry?.kind === "directory") return true;
  if (nameOf(path) === OWN_NAME) return true;
  if (own !== undefined && isOwn(own, path, entry)) return true;
  if (entry === undefined) {
    return isExcluded(rules, path, true) && isExcluded(rules, path, false);
  }
  if (isExcluded(rules, path, entry.kind === "directory")) return true;
  return isOutsideSizes(selection, entry);
}

/** True for what would belong to the anchor if it had another size. */
export function isBeyond(
  selection: Selection,
  path: RelativePath,
  entry: Entry,
): boolean {
  if (!isOutsideSizes(selection, entry)) return false;
  const any = { ...selection, minSize: undefined, maxSize: undefined };
  return !passesOver(any, path, entry);
}

/** True for a file that is larger or smaller than the anchor takes. */
function isOutsideSizes(
  { minSize, maxSize }: Pick<Selection, "minSize" | "maxSize">,
  entry: Entry,
): boolean {
  if (entry.kind !== "file") return false;
  const large = maxSize !== undefined && entry.size > maxSize;
  return large || (minSize !== undefined && entry.size < minSize);
}
