/**
 * Paths: anchor-relative and tree-relative names, what they may contain, and how they map.
 *
 * @module
 */
import * as z from "zod";
import { OWN_NAME } from "./own_name.ts";
import { UNSHOWN } from "./plain_text.ts";
export { OWN_NAME };

/** What rsync puts before the target of a link that it keeps from leading anywhere. */
export const MUNGED_PREFIX = "/rsyncd-munged/";
/** Longest target of a link that can be stored with the prefix, in bytes. */
export const MAX_TARGET_BYTES: number = 4095 - MUNGED_PREFIX.length;

const MAX_PATH_BYTES = 3800;
const MAX_NAME_BYTES = 255;
const encoder = new TextEncoder();

declare const relative: unique symbol;

/** A path below an anchor or a user's tree: `/`-separated, no empty, `.`, `..` or `.sinkd` part. */
export type RelativePath = string & { readonly [relative]: true };

/**
 * Why a path cannot be carried, or `undefined` when it can.
 *
 * @example
 * ```ts
 * import { pathFault } from "./path.ts";
 * import assert from "node:assert/strict";
 * assert.equal(pathFault("a/b"), undefined);
 * assert.equal(pathFault("../b"), "has an empty, '.' or '..' part");
 * ```
 */
export function pathFault(path: string): string | undefined {
  if (path.includes("\0")) return "has a NUL character";
  if (!path.isWellFormed()) return "is not valid Unicode";
  for (const name of path.split("/")) {
    if (name === "" || name === "." || name === "..") {
      return "has an empty, '.' or '..' part";
    }
    if (name === OWN_NAME) return `has a part named '${OWN_NAME}'`;
    if (
      name.length * 3 > MAX_NAME_BYTES &&
      encoder.encode(name).length > MAX_NAME_BYTES
    ) {
      return `has a part of more than ${MAX_NAME_BYTES} bytes`;
    }
  }
  if (
    path.length * 3 > MAX_PATH_BYTES &&
    encoder.encode(path).length > MAX_PATH_BYTES
  ) {
    return `is longer than ${MAX_PATH_BYTES} bytes`;
  }
  return undefined;
}

/** Brands `path`; throws when it cannot be carried. For paths made here, not for input. */
export function relativePath(path: string): RelativePath {
  const fault = pathFault(path);
  if (fault !== undefined) {
    throw new Error(`Cannot use path ${JSON.stringify(path)}: it ${fault}`);
  }
  return path as RelativePath;
}

/** Schema of a relative path in a message. */
export const relativePathSchema: z.ZodType<RelativePath> = z.custom<
  RelativePath
>(
  (value) => typeof value === "string" && pathFault(value) === undefined,
  "not a relative path",
);

/** The directory part, or `undefined` at the top. */
export function parentOf(path: RelativePath): RelativePath | undefined {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? undefined : path.slice(0, slash) as RelativePath;
}

/** All directories above `path`, topmost first. */
export function ancestorsOf(path: RelativePath): RelativePath[] {
  const found: RelativePath[] = [];
  for (
    let slash = path.indexOf("/");
    slash >= 0;
    slash = path.indexOf("/", slash + 1)
  ) {
    found.push(path.slice(0, slash) as RelativePath);
  }
  return found;
}

/** The last part. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `path` below `directory`. */
export function joinPath(
  directory: RelativePath,
  path: RelativePath,
): RelativePath {
  return `${directory}/${path}` as RelativePath;
}

/** True when `path` is `directory` or below it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** Orders paths so that a directory comes before what is in it; reversed, after. */
export function comparePaths(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Why an anchor's name cannot be used, or `undefined`: as others, but what is hidden may be one. */
export function anchorNameFault(name: string): string | undefined {
  return nameFault(name.replace(/^\./, "x")) ?? pathFault(name);
}

/** Why a user or client name cannot be used, or `undefined`. */
export function nameFault(name: string): string | undefined {
  if (name.length === 0) return "is empty";
  if (encoder.encode(name).length > 64) return "is longer than 64 bytes";
  if (/[+#/$\\]/.test(name) || name.search(UNSHOWN) >= 0) {
    return "has one of + # / $ \\ or a control character";
  }
  if (name.startsWith(".") || name.startsWith("-")) {
    return "starts with '.' or '-'";
  }
  if (name !== name.trim()) return "starts or ends with a space";
  return name.isWellFormed() ? undefined : "is not valid Unicode";
}
