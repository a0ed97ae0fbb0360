/**
 * From raw events to places to look at. The kind of a raw event is no more than a hint; what is
 * there now decides.
 *
 * @module
 */
import type { ExcludeRules } from "../core/excludes.ts";
import { isExcluded } from "../core/excludes.ts";
import type { RelativePath } from "../core/path.ts";
import { OWN_NAME, pathFault } from "../core/path.ts";
import type { RawPath } from "./watch_messages.ts";

/** An anchor to watch. `only`: just this name in `root`. */
export interface WatchRoot {
  readonly id: string;
  /** Absolute and normalized. */
  readonly root: string;
  readonly only: string | undefined;
  readonly rules: ExcludeRules;
}

/** What the watcher tells. Events are hints: a place to look at, never what happened there. */
export type WatchEvent =
  /** Look at `path`. When nothing is there any more, all that was below it is gone as well. */
  | {
    readonly kind: "touched";
    readonly anchor: string;
    readonly path: RelativePath;
    /** No program is known to be still writing to it. */
    readonly closed: boolean;
  }
  /** A directory is new at `path`: scan it, now and later, for events in it may have been missed. */
  | {
    readonly kind: "appeared";
    readonly anchor: string;
    readonly path: RelativePath;
  }
  /** Scan the anchor. */
  | {
    readonly kind: "rescan";
    readonly anchor: string;
    readonly cause: string;
  }
  /** How changes are found, and why; `detail` is empty when all is well. */
  | {
    readonly kind: "mode";
    readonly mode: "events" | "scanning";
    readonly detail: string;
  };

/** A file modified less than this long ago may still be being written, in milliseconds. */
const FRESH_MS = 1000;

/** What raw events mean for the anchors at `root` at `nowMs` (since 1970). */
export function placesOf(
  raw: readonly RawPath[],
  anchors: readonly WatchRoot[],
  nowMs: number,
): WatchEvent[] {
  const events: WatchEvent[] = [];
  for (const [fullPath, kinds] of raw) {
    const wanting = anchors.filter((anchor) => mayWant(anchor, fullPath));
    if (wanting.length === 0) continue;
    const state = stateOf(fullPath, kinds, nowMs);
    for (const anchor of wanting) {
      const path = fullPath.slice(anchor.root.length + 1) as RelativePath;
      if (leavesOut(anchor.rules, path, state)) continue;
      events.push(
        state === "directory" && !onlyModified(kinds)
          ? { kind: "appeared", anchor: anchor.id, path }
          : {
            kind: "touched",
            anchor: anchor.id,
            path,
            closed: state !== "open",
          },
      );
    }
  }
  return events;
}

/** What cannot be carried is left out as well: the scan lists it. */
function mayWant(anchor: WatchRoot, fullPath: string): boolean {
  if (!fullPath.startsWith(`${anchor.root}/`)) return false;
  const path = fullPath.slice(anchor.root.length + 1);
  if (anchor.only !== undefined) return path === anchor.only;
  if (path.includes(OWN_NAME) && path.split("/").includes(OWN_NAME)) {
    return false;
  }
  return pathFault(path) === undefined;
}

type State = "directory" | "open" | "closed" | "absent";

function stateOf(
  fullPath: string,
  kinds: RawPath[1],
  nowMs: number,
): State {
  let info;
  try {
    info = Deno.lstatSync(fullPath);
  } catch {
    // Whatever the reason, the one who looks at the path is told it.
    return "absent";
  }
  if (info.isDirectory) return "directory";
  if (!info.isFile || !kinds.every((kind) => WRITING.has(kind))) {
    return "closed";
  }
  // A new name of an old file, or another mode: nothing is written.
  const old = nowMs - (info.mtime?.getTime() ?? 0) > FRESH_MS;
  return old || (info.nlink ?? 1) > 1 && kinds.includes("create")
    ? "closed"
    : "open";
}

/** Kinds that come while a file is written; all others come when it is complete, or has come or gone whole. */
const WRITING = new Set<Deno.FsEvent["kind"]>(["create", "modify"]);

function onlyModified(kinds: RawPath[1]): boolean {
  return kinds.every((kind) => kind === "modify" || kind === "access");
}

/** What is gone may have been a directory or not: it is left out when it is in both cases. */
function leavesOut(
  rules: ExcludeRules,
  path: RelativePath,
  state: State,
): boolean {
  if (state !== "absent") return isExcluded(rules, path, state === "directory");
  return isExcluded(rules, path, true) && isExcluded(rules, path, false);
}
