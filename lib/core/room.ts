/**
 * Disk space: what a transfer needs, what may be used, and which files fit.
 *
 * Staging writes a whole new copy of a file, a delta too; so what a file needs is its size, or what it
 * takes where it comes from, if that is less (holes stay holes).
 *
 * @module
 */
import type { Entry } from "./entry.ts";
import type { RelativePath } from "./path.ts";
import { grouped } from "./plural.ts";
import { bytesText } from "./size_text.ts";

/** How much of a disk stays free: a percentage of it, or so many bytes; `mostBytes` bounds the former. */
export type MinFree =
  | {
    readonly kind: "percent";
    readonly percent: number;
    readonly mostBytes?: number | undefined;
  }
  | { readonly kind: "bytes"; readonly bytes: number };

/** A disk as it is now; sizes in bytes. */
export interface DiskSpace {
  readonly totalBytes: number;
  readonly availableBytes: number;
  readonly blockBytes: number;
  /** Files that can still be made; `undefined` where the file system has no limit. */
  readonly freeFiles: number | undefined;
}

/** From which size on a file is asked what it takes of the disk it is on. */
export const HOLES_FROM_BYTES = 1024 * 1024;

/** The most bytes that staging an entry takes, when what it is made of takes `data` where it is. */
export function needOf(entry: Entry, data: number | undefined): number {
  if (entry.kind !== "file") return 0;
  return Math.min(entry.size, data ?? entry.size);
}

/** A file to be staged. */
export interface Need {
  readonly path: RelativePath;
  /** The most that staging it takes. */
  readonly bytes: number;
  /** What of that is on the disk already, from a broken transfer. */
  readonly haveBytes?: number | undefined;
}

/** Why a file does not fit: on which disk, what it needs there, and what may be used. */
export interface Shortage {
  /** Empty when it is a quota. */
  readonly disk: string;
  readonly needBytes: number;
  readonly roomBytes: number;
  /** Set when it is a user's quota on the server: the user has all of its files, or too few bytes left. */
  readonly quota?: {
    readonly user: string;
    readonly unit: "bytes" | "files";
    readonly limit: number;
  } | undefined;
}

/** Below `keepBytes` by so much a transfer is stopped: what is recorded meanwhile takes space, too. */
const SLACK_BYTES = 1024 * 1024;

/** Bytes that stay free of a disk of `totalBytes`. */
export function keepBytes(minFree: MinFree, totalBytes: number): number {
  if (minFree.kind === "bytes") return minFree.bytes;
  const share = Math.ceil(totalBytes * minFree.percent / 100);
  return Math.min(share, minFree.mostBytes ?? share);
}

/** What may be used of a disk when `reservedBytes` of it are promised to others. */
export function roomBytes(
  space: DiskSpace,
  { minFree, reservedBytes = 0 }: {
    readonly minFree: MinFree;
    readonly reservedBytes?: number;
  },
): number {
  const keep = keepBytes(minFree, space.totalBytes);
  return Math.max(space.availableBytes - keep - reservedBytes, 0);
}

/** True when what runs must stop: less is free than has to stay. */
export function isTooFull(space: DiskSpace, minFree: MinFree): boolean {
  const keep = keepBytes(minFree, space.totalBytes);
  const slack = Math.min(keep / 2, SLACK_BYTES);
  return space.availableBytes < keep - slack;
}

/** What a file takes of a disk: whole blocks, and one even when it is empty. */
export function neededBytes(need: Need, blockBytes: number): number {
  const blocks = Math.max(Math.ceil(need.bytes / blockBytes), 1);
  return Math.max(blocks * blockBytes - (need.haveBytes ?? 0), 0);
}

/**
 * Which of the files do not fit, and what they need; the smallest go first, so that one large file
 * keeps back no other.
 *
 * @example
 * ```ts
 * import { misfits } from "./room.ts";
 * import type { RelativePath } from "./path.ts";
 * import assert from "node:assert/strict";
 * const [small, large] = ["small", "large"] as RelativePath[];
 * const left = misfits(
 *   [{ path: large!, bytes: 8193 }, { path: small!, bytes: 1 }],
 *   { roomBytes: 12_288, blockBytes: 4096, freeFiles: undefined },
 * );
 * assert.deepEqual([...left], [[large, { needBytes: 12_288, roomBytes: 8192 }]]);
 * ```
 */
export function misfits(
  needs: readonly Need[],
  room: {
    readonly roomBytes: number;
    readonly blockBytes: number;
    readonly freeFiles: number | undefined;
  },
): Map<
  RelativePath,
  { readonly needBytes: number; readonly roomBytes: number }
> {
  const left = new Map<
    RelativePath,
    { needBytes: number; roomBytes: number }
  >();
  const sized = needs.map((need) => ({
    path: need.path,
    needBytes: neededBytes(need, room.blockBytes),
  })).sort((one, other) => one.needBytes - other.needBytes);
  let rest = room.roomBytes;
  let files = room.freeFiles ?? Infinity;
  for (const { path, needBytes } of sized) {
    if (needBytes > rest || files < 1) {
      left.set(path, { needBytes, roomBytes: files < 1 ? 0 : rest });
      continue;
    }
    rest -= needBytes;
    files--;
  }
  return left;
}

/**
 * A shortage in words: the cause, and the one thing to do. `machine` says whose disk it is, as in
 * "the server"; `other` how to do without.
 */
export function shortageWords(
  shortage: Shortage,
  { machine, other }: { readonly machine: string; readonly other: string },
): { cause: string; fix: string } {
  const { disk, needBytes, roomBytes, quota } = shortage;
  if (quota !== undefined) return quotaWords(shortage, quota, machine);
  const missing = Math.max(needBytes - roomBytes, 1);
  return {
    cause: `disk full: it needs ${bytesText(needBytes)} on ${machine}, and ${
      bytesText(roomBytes, "down")
    } can be used on the disk of ${disk}`,
    fix: `free up at least ${
      bytesText(missing, "up")
    } on the disk of ${disk} (${machine}), or ${other}; sinkd retries by itself`,
  };
}

/** What is deleted stays in the history for a while, so that deleting alone does not help at once. */
function quotaWords(
  { needBytes, roomBytes }: Shortage,
  { user, unit, limit }: NonNullable<Shortage["quota"]>,
  machine: string,
): { cause: string; fix: string } {
  const lacks = unit === "files"
    ? `it needs 1 file, and 0 are left of the ${grouped(limit)}`
    : `it needs ${bytesText(needBytes, "up")}, and ${
      bytesText(roomBytes, "down")
    } are left of the ${bytesText(limit)}`;
  const more = unit === "files" ? "SIZE FILES" : "SIZE";
  return {
    cause:
      `over quota: ${lacks} that ${user} may have on ${machine}, history included`,
    fix:
      `on the server: sinkd server quota ${user} ${more}; or delete files, which count until they leave the history; sinkd retries by itself`,
  };
}
