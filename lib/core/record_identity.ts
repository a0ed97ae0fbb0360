/**
 * What a record of an anchor (its base) belongs to, and what of it still counts after the
 * configuration changed.
 *
 * The record tells deletions from files that never were: whatever has a row and is gone was deleted.
 * So a row counts only while all that it was made under holds. Everything else is a first join, in
 * which nothing is deleted anywhere.
 *
 * @module
 */
import { z } from "zod";
import { type AnchorConfig, treePathOf } from "./config_anchors.ts";
import type { Entry } from "./entry.ts";
import { parseExcludes } from "./excludes.ts";
import { nameOf, type RelativePath } from "./path.ts";
import { passesOver, type Selection } from "./selection.ts";

/** What a record was made under; the epoch of the server's record is kept with its stamp. */
export const recordIdentitySchema = z.strictObject({
  user: z.string(),
  /** Where the anchor is in the user's tree. */
  treePath: z.string(),
  /** True for an anchor that is one file. */
  single: z.boolean(),
  /** What `sinkd add` noted: an anchor that was removed and added is another one. */
  added: z.string().nullable(),
  excludes: z.array(z.string()),
  /** Bytes; `null` is no limit. */
  minSize: z.int().nullable(),
  maxSize: z.int().nullable(),
});
/** See {@linkcode recordIdentitySchema}. */
export type RecordIdentity = z.infer<typeof recordIdentitySchema>;

/** The record of an anchor, or an anchor that is to have one: where it is, and under what. */
export interface RecordPlace {
  /** The anchor as the user named it. */
  readonly path: string;
  /** `undefined`: made by a version that did not note it. */
  readonly identity: RecordIdentity | undefined;
  /**
   * Inode of the anchor's directory; `undefined` when it has none yet, `unseen` when it cannot be
   * looked at now: then whether it is the one that it was is seen at the first scan.
   */
  readonly inode: number | "unseen" | undefined;
}

/** Which rows of a record still count. */
export type Counting =
  | { readonly kind: "all" }
  /** A first join. */
  | { readonly kind: "none" }
  /** Those for which `counts` holds; the others have no base any more. */
  | {
    readonly kind: "some";
    readonly counts: (path: RelativePath, entry: Entry) => boolean;
  };

/** What a record of this anchor would be made under. */
export function identityOf(
  config: AnchorConfig,
  { user, single }: { user: string; single: boolean },
): RecordIdentity {
  return {
    user,
    treePath: treePathOf(config),
    single,
    added: config.added ?? null,
    excludes: [...config.excludes],
    minSize: config.rsync.minSize ?? null,
    maxSize: config.rsync.maxSize ?? null,
  };
}

/**
 * Which rows of a record count under another configuration: none when it is another anchor, else
 * those that were in the old selection and are in the new one.
 *
 * @example
 * ```ts
 * import { whatCounts } from "./record_identity.ts";
 * import assert from "node:assert/strict";
 * const before = {
 *   user: "alice", treePath: "docs", single: false, added: null,
 *   excludes: [], minSize: null, maxSize: null,
 * };
 * assert.equal(whatCounts(before, before).kind, "all");
 * assert.equal(whatCounts(before, { ...before, excludes: ["*.o"] }).kind, "some");
 * assert.equal(whatCounts(before, { ...before, treePath: "other" }).kind, "none");
 * ```
 */
export function whatCounts(
  before: RecordIdentity | undefined,
  now: RecordIdentity,
): Counting {
  if (before === undefined || !isSameAnchor(before, now)) {
    return { kind: "none" };
  }
  if (isSameSelection(before, now)) return { kind: "all" };
  const [old, next] = [selectionOf(before), selectionOf(now)];
  // What a list that does not parse chose is not known.
  if (old === undefined || next === undefined) return { kind: "none" };
  return {
    kind: "some",
    counts: (path, entry) =>
      !passesOver(old, path, entry) && !passesOver(next, path, entry),
  };
}

/**
 * Which record each configured anchor goes on with: the one at its path, or, when its directory was
 * moved together with its configuration, the one of the same place on the server and the same
 * directory. Records that nobody goes on with have ended.
 *
 * @example
 * ```ts
 * import { pairRecords } from "./record_identity.ts";
 * import assert from "node:assert/strict";
 * const identity = {
 *   user: "alice", treePath: "docs", single: false, added: null,
 *   excludes: [], minSize: null, maxSize: null,
 * };
 * const pairs = pairRecords(
 *   [{ path: "/home/a/old", identity, inode: 7 }],
 *   [{ path: "/home/a/new", identity, inode: 7 }],
 * );
 * assert.deepEqual([...pairs], [["/home/a/new", "/home/a/old"]]);
 * ```
 */
export function pairRecords(
  recorded: readonly RecordPlace[],
  configured: readonly RecordPlace[],
): Map<string, string> {
  const pairs = new Map<string, string>();
  const taken = new Set<string>();
  const pair = (
    anchor: RecordPlace,
    isIts: (record: RecordPlace) => boolean,
  ) => {
    if (pairs.has(anchor.path)) return;
    const its = recorded.find((record) =>
      !taken.has(record.path) && isIts(record)
    );
    if (its === undefined) return;
    taken.add(its.path);
    pairs.set(anchor.path, its.path);
  };
  for (const anchor of configured) {
    pair(
      anchor,
      (record) => record.path === anchor.path && areSameAnchor(record, anchor),
    );
  }
  for (const anchor of configured) {
    pair(
      anchor,
      (record) =>
        record.inode !== undefined &&
        (anchor.inode === "unseen" || record.inode === anchor.inode) &&
        areSameAnchor(record, anchor) &&
        (anchor.identity?.single !== true ||
          nameOf(record.path) === nameOf(anchor.path)),
    );
  }
  // What is left is another anchor at a known path, whose rows do not count.
  for (const anchor of configured) {
    pair(anchor, (record) => record.path === anchor.path);
  }
  return pairs;
}

function areSameAnchor(one: RecordPlace, other: RecordPlace): boolean {
  return one.identity !== undefined && other.identity !== undefined &&
    isSameAnchor(one.identity, other.identity);
}

function isSameAnchor(one: RecordIdentity, other: RecordIdentity): boolean {
  return one.user === other.user && one.treePath === other.treePath &&
    one.single === other.single && one.added === other.added;
}

function isSameSelection(one: RecordIdentity, other: RecordIdentity): boolean {
  return one.minSize === other.minSize && one.maxSize === other.maxSize &&
    one.excludes.length === other.excludes.length &&
    one.excludes.every((pattern, index) => pattern === other.excludes[index]);
}

/** What is left out by name and size; both sides of a comparison are of one anchor's scope. */
function selectionOf(
  { excludes, minSize, maxSize }: RecordIdentity,
): Selection | undefined {
  const parsed = parseExcludes(excludes);
  if (!parsed.ok) return undefined;
  return {
    rules: parsed.rules,
    only: undefined,
    minSize: minSize ?? undefined,
    maxSize: maxSize ?? undefined,
  };
}
