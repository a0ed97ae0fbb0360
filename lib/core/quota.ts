/**
 * Quotas: what one user may have on the server, what a commit adds to it, and what does not fit.
 *
 * Counted is all that is kept for a user: the tree, its history, and what is being received. A file
 * takes whole blocks, as on a disk; a directory or a link takes one.
 *
 * @module
 */
import { parseSize } from "./config_values.ts";
import type { Entry } from "./entry.ts";
import { ancestorsOf, type RelativePath } from "./path.ts";
import { counted, grouped } from "./plural.ts";
import { HOLES_FROM_BYTES, neededBytes, type Shortage } from "./room.ts";
import type { ServerStep } from "./server_commit.ts";
import { bytesText } from "./size_text.ts";

/** What is on the disk: bytes in whole blocks, and how many files, directories and links. */
export interface Usage {
  readonly bytes: number;
  readonly files: number;
}

/** The most that a user may have; `undefined` for no limit. */
export interface Quota {
  readonly bytes: number | undefined;
  readonly files: number | undefined;
}

/** No limit. */
export const NO_QUOTA: Quota = { bytes: undefined, files: undefined };

/** Nothing. */
export const NO_USAGE: Usage = { bytes: 0, files: 0 };

/** Everything is counted in blocks of this size, whatever the file system has. */
const BLOCK_BYTES = 4096;

/** What something of `bytes` takes. */
export function blocksOf(bytes: number): number {
  return Math.max(Math.ceil(bytes / BLOCK_BYTES), 1) * BLOCK_BYTES;
}

/** What an entry takes when its bytes take `data` of the disk, if that is known to be less. */
export function usageOf(entry: Entry, data: number | undefined): Usage {
  if (entry.kind !== "file") return { bytes: BLOCK_BYTES, files: 1 };
  const isLarge = entry.size >= HOLES_FROM_BYTES;
  const bytes = isLarge ? Math.min(entry.size, data ?? entry.size) : entry.size;
  return { bytes: blocksOf(bytes), files: 1 };
}

/** Both together. */
export function plus(one: Usage, other: Usage): Usage {
  return {
    bytes: one.bytes + other.bytes,
    files: one.files + other.files,
  };
}

/**
 * What the steps of a commit add, once they are done: what they replace or delete stays, in the
 * history. `dataBytes` asks what a large file that was put in place takes.
 */
export function growthOf(
  { prefix, steps }: {
    /** Where the anchor is in the user's tree; empty for all of it. */
    readonly prefix: string;
    readonly steps: readonly ServerStep[];
  },
  dataBytes: (path: RelativePath) => number | undefined,
): Usage {
  let sum = NO_USAGE;
  const kept = new Set<string>();
  const keep = (path: RelativePath) => {
    const full = (prefix === "" ? path : `${prefix}/${path}`) as RelativePath;
    // The commit's directory in the history, and those in it.
    for (const above of ["", ...ancestorsOf(full)]) kept.add(above);
  };
  for (const step of steps) {
    switch (step.do) {
      case "archive":
        keep(step.path);
        break;
      case "makeDirectory":
        sum = plus(sum, { bytes: BLOCK_BYTES, files: 1 });
        break;
      case "removeDirectory":
        sum = plus(sum, { bytes: -BLOCK_BYTES, files: -1 });
        break;
      case "place":
        sum = plus(sum, usageOf(step.entry, largeData(step, dataBytes)));
        if (step.replaces !== undefined) keep(step.path);
        break;
      case "mode":
        break;
    }
  }
  return plus(sum, { bytes: kept.size * BLOCK_BYTES, files: kept.size });
}

function largeData(
  { path, entry }: Extract<ServerStep, { do: "place" }>,
  dataBytes: (path: RelativePath) => number | undefined,
): number | undefined {
  const isLarge = entry.kind === "file" && entry.size >= HOLES_FROM_BYTES;
  return isLarge ? dataBytes(path) : undefined;
}

/** Something that is to be added, with what of it is there already, from a broken transfer. */
export interface Addition {
  readonly path: RelativePath;
  readonly bytes: number;
  readonly haveBytes: number;
}

/**
 * Which additions are over a user's quota, each of them one file more. The smallest go first, so that
 * one large file keeps back no other; nothing goes without the directory that it lies in.
 */
export function overQuota(
  additions: readonly Addition[],
  { user, quota, used }: {
    readonly user: string;
    readonly quota: Quota;
    readonly used: Usage;
  },
): Map<RelativePath, Shortage> {
  const over = new Map<RelativePath, Shortage>();
  let bytes = Math.max((quota.bytes ?? Infinity) - used.bytes, 0);
  let files = Math.max((quota.files ?? Infinity) - used.files, 0);
  const sized = additions.map(({ path, bytes, haveBytes }) => ({
    path,
    needBytes: neededBytes({ path, bytes, haveBytes }, BLOCK_BYTES),
  }));
  const refuse = (path: RelativePath, needBytes: number, isFiles: boolean) =>
    over.set(path, {
      disk: "",
      needBytes,
      roomBytes: Number.isFinite(bytes) ? bytes : 0,
      quota: isFiles
        ? { user, unit: "files", limit: quota.files ?? 0 }
        : { user, unit: "bytes", limit: quota.bytes ?? 0 },
    });
  for (const { path, needBytes } of sized.toSorted(byNeed)) {
    if (files < 1 || needBytes > bytes) refuse(path, needBytes, files < 1);
    else {
      bytes -= needBytes;
      files--;
    }
  }
  for (const { path, needBytes } of sized) {
    const above = ancestorsOf(path).find((each) => over.has(each));
    if (above === undefined || over.has(path)) continue;
    refuse(path, needBytes, over.get(above)?.quota?.unit === "files");
  }
  return over;
}

function byNeed(
  one: { readonly needBytes: number },
  other: { readonly needBytes: number },
): number {
  return one.needBytes - other.needBytes;
}

const FILE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1000,
  m: 1_000_000,
  g: 1_000_000_000,
};

/**
 * A quota as people write it: `SIZE`, `SIZE,FILES`, or `none`, which each of the two may be. A size is
 * as rsync reads it; files are a number, or such as `100k` (100,000). `undefined` for anything else.
 *
 * @example
 * ```ts
 * import { parseQuota } from "./quota.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(parseQuota("10G,100k"), {
 *   bytes: 10 * 1024 ** 3,
 *   files: 100_000,
 * });
 * ```
 */
export function parseQuota(text: string): Quota | undefined {
  const [size = "", files = "none", ...rest] = text.split(",")
    .map((part) => part.trim().toLowerCase());
  const bytes = size === "none" ? { value: undefined } : sizeOf(size);
  const count = files === "none" ? { value: undefined } : filesOf(files);
  if (rest.length > 0 || bytes === undefined || count === undefined) {
    return undefined;
  }
  return { bytes: bytes.value, files: count.value };
}

function sizeOf(text: string): { value: number } | undefined {
  const size = parseSize(text);
  return size.ok ? { value: size.value } : undefined;
}

function filesOf(text: string): { value: number } | undefined {
  const [, digits, unit = ""] = /^(\d+)([kmg]?)$/.exec(text) ?? [];
  const value = Number(digits) * (FILE_UNITS[unit] ?? NaN);
  return Number.isSafeInteger(value) ? { value } : undefined;
}

/** A quota as {@linkcode parseQuota} reads it, exactly. */
export function formatQuota({ bytes, files }: Quota): string {
  return files === undefined
    ? `${bytes ?? "none"}`
    : `${bytes ?? "none"},${files}`;
}

/** What a user has, of what it may have, in words. */
export function usageText(usage: Usage, quota: Quota): string {
  const bytes = bytesText(usage.bytes, "up");
  const files = counted(usage.files, "file");
  return `${bytes}${ofText(quota.bytes, bytesText)}, ${files}${
    ofText(quota.files, grouped)
  }`;
}

function ofText(
  limit: number | undefined,
  text: (limit: number) => string,
): string {
  return limit === undefined ? "" : ` of ${text(limit)}`;
}
