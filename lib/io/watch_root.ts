/**
 * The state of one watched directory, and how its trouble is told to people.
 *
 * @module
 */
import type { WatchRoot } from "./watch_events.ts";
import type { WatchTree } from "./watch_tree.ts";

/** A directory that is watched for one or more anchors. */
export interface Directory {
  readonly path: string;
  /** True when all that syncs below it is wanted, not just names in it. */
  readonly whole: boolean;
  readonly anchors: readonly WatchRoot[];
  /** The directories that are watched, once that is known. */
  tree: WatchTree | undefined;
  phase: Phase;
  /** Told as the cause of a rescan when the watch has begun; `undefined` at the very start. */
  announce: string | undefined;
}

/** How far the watching of a directory is. */
export type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "missing" }
  | {
    readonly kind: "starting";
    readonly watch: number;
    readonly inode: string;
  }
  | {
    readonly kind: "watched";
    readonly watch: number;
    readonly inode: string;
    /** Why a part of it is not watched. */
    readonly gap: string | undefined;
  }
  | { readonly kind: "failed"; readonly detail: string };

/** One entry for each directory, however many anchors are in it. */
export function directoriesOf(roots: readonly WatchRoot[]): Directory[] {
  return [...Map.groupBy(roots, ({ root }) => root)].map(([path, anchors]) => ({
    path,
    whole: anchors.some(({ only }) => only === undefined),
    anchors,
    tree: undefined,
    phase: { kind: "idle" },
    announce: undefined,
  }));
}

/** Why changes in a directory have to be found by scanning, or `undefined` when they need not. */
export function troubleOf({ phase }: Directory): string | undefined {
  return phase.kind === "failed"
    ? phase.detail
    : phase.kind === "watched"
    ? phase.gap
    : undefined;
}

/** What went wrong with a watch. */
export interface WatchFault {
  readonly name: string;
  readonly message: string;
}

/** True for an event about a name that is not UTF-8, which cannot be carried anyway. */
export function isNameFault({ message }: WatchFault): boolean {
  return message.includes("invalid UTF-8");
}

/** True when the watcher lost events and watches on. */
export function isOverflow({ name }: WatchFault): boolean {
  return name === "Overflow";
}

/** The fault in words for `status`, with what to do. */
export function faultText(path: string, fault: WatchFault): string {
  if (/watch limit|No space left/i.test(fault.message)) {
    return `cannot watch all of ${path}: the limit of watches is reached; ` +
      "raise it with: sysctl fs.inotify.max_user_watches=1048576";
  }
  if (/Too many open files/i.test(fault.message)) {
    return `cannot watch ${path}: too many watchers or open files; ` +
      "raise it with: sysctl fs.inotify.max_user_instances=512";
  }
  if (fault.name === "PermissionDenied" || fault.name === "NotCapable") {
    return `cannot watch ${path}: a directory in it may not be read; ` +
      "make it readable or move it out";
  }
  return `cannot watch ${path}: ${fault.message}`;
}
