/**
 * A single file whose name on the server differs from its own.
 *
 * @module
 */
import { nameOf, type RelativePath } from "./path.ts";

/** The two names of one file. */
export interface TwoNames {
  readonly here: RelativePath;
  /** On the server. */
  readonly there: RelativePath;
}

/** The two names of a single file that lives at `treePath` on the server, when they differ. */
export function twoNames(
  only: string | undefined,
  treePath: string,
): TwoNames | undefined {
  const there = nameOf(treePath);
  if (only === undefined || only === there) return undefined;
  return { here: only as RelativePath, there: there as RelativePath };
}

/**
 * A path as the other side calls it, in both directions. What has the other name on either side is a
 * neighbour of the file, and never taken for it.
 *
 * @example
 * ```ts
 * import { otherName, twoNames } from "./other_name.ts";
 * import type { RelativePath } from "./path.ts";
 * import assert from "node:assert/strict";
 * const names = twoNames(".bashrc", "bashrc");
 * assert.equal(otherName(names, ".bashrc" as RelativePath), "bashrc");
 * assert.equal(otherName(names, "bashrc" as RelativePath), ".bashrc");
 * ```
 */
export function otherName(
  names: TwoNames | undefined,
  path: RelativePath,
): RelativePath {
  if (path === names?.here) return names.there;
  return path === names?.there ? names.here : path;
}

/** The same for what has a path. */
export function underOtherName<T extends { readonly path: RelativePath }>(
  names: TwoNames | undefined,
  items: readonly T[],
): T[] {
  return items.map((item) => ({ ...item, path: otherName(names, item.path) }));
}
