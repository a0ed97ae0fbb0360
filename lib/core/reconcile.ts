/**
 * Three-way decisions of a client that takes in the server's changes: base against local against
 * incoming, path by path.
 *
 * The rules never drop a local version that the server has not had: it stays at its path, or
 * becomes a conflict copy.
 *
 * @module
 */
import {
  type Entry,
  type Found,
  sameContent,
  sameEntry,
  sameOrBothAbsent,
} from "./entry.ts";

/** One path as all sides see it; an absent entry is `undefined`. */
export interface Sides {
  /** What the server has now. */
  readonly incoming: Entry | undefined;
  /** What the server had at this path since the client's stamp, before `incoming`. */
  readonly versions: readonly Entry[];
  /** What was last agreed with the server, as this disk showed it then. */
  readonly base: Found | undefined;
  /** What this disk shows now. */
  readonly local: Found | undefined;
  /** What was last offered to the server without an answer; `entry` is `undefined` for a deletion. */
  readonly sent: { readonly entry: Entry | undefined } | undefined;
  /** True when the server's bytes may be others than those of its version of the same size and mtime. */
  readonly rewritten?: boolean;
}

/**
 * What to do at a path.
 * - `ignore`: the server did not change it since the base; a local edit stays an edit.
 * - `adopt`: local already equals incoming; `verify` keeps it dirty until its bytes were compared.
 * - `rebase`: incoming is our own earlier edit, or differs from the base in its mode alone; the local
 *   edit stays an edit of it.
 * - `take`: nothing local is lost by putting incoming in (or deleting).
 * - `renew`: as `take`, although the local file has the same size and mtime: other bytes came in.
 * - `keep`: the local edit survives a deletion on the server.
 * - `compare`: both are files of one size; equal bytes mean `take`, others `conflict`.
 * - `conflict`: incoming goes in, the local version is kept beside it.
 */
export type Decision =
  | { readonly kind: "ignore" }
  | { readonly kind: "adopt"; readonly verify: boolean }
  | { readonly kind: "rebase" }
  | { readonly kind: "take" }
  | { readonly kind: "renew" }
  | { readonly kind: "keep" }
  | { readonly kind: "compare" }
  | { readonly kind: "conflict" };

/** Seconds between a file's time and its change time when both come from writing it. */
const WRITTEN_WITHIN_S = 2;

/** True when a file has the size and mtime of its base but was touched since: its bytes may differ. */
export function isSuspect(local: Found, base: Found | undefined): boolean {
  return base !== undefined && local.entry.kind === "file" &&
    sameContent(local.entry, base.entry) &&
    (local.inode !== base.inode || local.ctimeS !== base.ctimeS);
}

/** True when a path differs from its base, or may differ. */
export function isDirty(
  local: Found | undefined,
  base: Found | undefined,
): boolean {
  if (!sameOrBothAbsent(local?.entry, base?.entry)) return true;
  return local !== undefined && isSuspect(local, base);
}

/**
 * Decides one path.
 *
 * @example
 * ```ts
 * import { decide } from "./reconcile.ts";
 * import assert from "node:assert/strict";
 * const incoming = { kind: "link", target: "x" } as const;
 * const sides = { incoming, versions: [], base: undefined, local: undefined, sent: undefined };
 * assert.deepEqual(decide(sides), { kind: "take" });
 * ```
 */
export function decide(sides: Sides): Decision {
  const { incoming, versions, base, local, sent } = sides;
  const suspect = local !== undefined && isSuspect(local, base);
  if (isRewritten(sides)) {
    return { kind: isDirty(local, base) ? "compare" : "renew" };
  }
  if (sameOrBothAbsent(local?.entry, incoming)) {
    return mayClash(sides)
      ? { kind: "compare" }
      : { kind: "adopt", verify: suspect };
  }
  const rewritten = sides.rewritten === true;
  if (!rewritten && sameOrBothAbsent(incoming, base?.entry)) {
    return { kind: "ignore" };
  }
  // Before the look at the base: a path may have been put back to it after its edit went out.
  if (sent !== undefined && sameOrBothAbsent(sent.entry, incoming)) {
    return { kind: "rebase" };
  }
  if (!isDirty(local, base)) return { kind: "take" };
  if (local === undefined) return { kind: "take" };
  const trusted = mayBeTwin(sides) ? [] : versions;
  if (!suspect && trusted.some((version) => sameEntry(version, local.entry))) {
    return { kind: "take" };
  }
  if (incoming === undefined) return { kind: "keep" };
  const had = base === undefined ? trusted : [base.entry, ...trusted];
  if (!suspect && had.some((version) => sameContent(version, local.entry))) {
    return { kind: "take" }; // here only the mode was changed
  }
  const sameThere = !rewritten && incoming.kind === "file" &&
    base !== undefined &&
    sameContent(incoming, base.entry);
  if (!suspect && sameThere) return { kind: "rebase" }; // there only the mode was changed
  return decideBothPresent(local.entry, incoming, suspect || mayClash(sides));
}

/** True when a file looks the same on both sides, and may have had other bytes come in there. */
function isRewritten(sides: Sides): boolean {
  const { incoming, local, rewritten } = sides;
  return rewritten === true && local?.entry.kind === "file" &&
    incoming !== undefined && sameContent(local.entry, incoming) &&
    !isSent(sides);
}

/**
 * True when a file that looks the same on both sides was changed on both. That the local one was
 * offered to the server says nothing: after a broken turn, who got there first is not known.
 */
function mayClash({ base, local }: Sides): boolean {
  if (local?.entry.kind !== "file") return false;
  return base === undefined
    ? wasWrittenHere(local)
    : !sameContent(local.entry, base.entry);
}

/**
 * True when the local file may be an edit of its own although the server once had one that looks the
 * same: two programs on two machines may write other bytes of one length in the same millisecond.
 */
function mayBeTwin(sides: Sides): boolean {
  return sides.local !== undefined && wasWrittenHere(sides.local) &&
    !isSent(sides);
}

/** True when the local version is the one that was offered to the server. */
function isSent({ local, sent }: Sides): boolean {
  return sent !== undefined && sameOrBothAbsent(sent.entry, local?.entry);
}

/** True when a file has its time from being written here, not from a program that copied it. */
function wasWrittenHere({ entry, ctimeS }: Found): boolean {
  if (entry.kind !== "file") return false;
  return Math.abs(ctimeS - entry.mtimeMs / 1000) <= WRITTEN_WITHIN_S;
}

/** `doubtful`: equal size and mtime do not mean equal bytes. */
function decideBothPresent(
  local: Entry,
  incoming: Entry,
  doubtful: boolean,
): Decision {
  if (local.kind !== incoming.kind) return { kind: "conflict" };
  switch (local.kind) {
    case "directory":
      return { kind: "take" };
    case "link":
      return { kind: "conflict" };
    case "file":
      if (sameContent(local, incoming) && !doubtful) return { kind: "take" };
      return incoming.kind === "file" && incoming.size === local.size
        ? { kind: "compare" }
        : { kind: "conflict" };
  }
}

/** True when putting `incoming` in needs its bytes (or link) from the server. */
export function needsTransfer(
  decision: Decision,
  sides: Pick<Sides, "incoming" | "local">,
): boolean {
  const { incoming, local } = sides;
  if (incoming === undefined || incoming.kind === "directory") return false;
  switch (decision.kind) {
    case "compare":
    case "renew":
    case "conflict":
      return true;
    case "take":
      return local === undefined || !sameContent(local.entry, incoming);
    case "ignore":
    case "adopt":
    case "rebase":
    case "keep":
      return false;
  }
}

/**
 * Name of the copy that keeps a local version: `name.sinkd-conflict-<client>-<date>-<time>.ext`,
 * its stem cut so that the name stays within 255 bytes; `taken` says which names exist.
 *
 * @example
 * ```ts
 * import { conflictPath } from "./reconcile.ts";
 * import assert from "node:assert/strict";
 * const made = conflictPath("a/note.txt", { client: "lap", timeText: "20260102030405", taken: () => false });
 * assert.equal(made, "a/note.sinkd-conflict-lap-20260102-030405.txt");
 * ```
 */
export function conflictPath(
  path: string,
  options: {
    client: string;
    timeText: string;
    taken: (path: string) => boolean;
  },
): string {
  const slash = path.lastIndexOf("/") + 1;
  const name = path.slice(slash);
  const dot = name.lastIndexOf(".");
  const hasExtension = dot > 0 && name.length - dot <= 16;
  const extension = hasExtension ? name.slice(dot) : "";
  const stem = hasExtension ? name.slice(0, dot) : name;
  const { timeText } = options;
  const client = options.client.replaceAll(" ", "_");
  const mark = `${CONFLICT_MARK}${client}-${timeText.slice(0, 8)}-${
    timeText.slice(8)
  }`;
  for (let attempt = 1;; attempt++) {
    const tail = `${mark}${attempt === 1 ? "" : `-${attempt}`}${extension}`;
    const made = path.slice(0, slash) +
      cutToBytes(stem, 255 - byteLength(tail)) +
      tail;
    if (!options.taken(made)) return made;
  }
}

/** What every conflict copy has in its name. */
export const CONFLICT_MARK = ".sinkd-conflict-";

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function cutToBytes(text: string, limit: number): string {
  let cut = text;
  while (byteLength(cut) > limit) cut = Array.from(cut).slice(0, -1).join("");
  return cut;
}
