/**
 * Which directories of an anchor are watched one by one: those that sync. `Deno.watchFs` watches all
 * that is below a directory, also what is excluded and what lies behind links to directories.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { isExcluded } from "../core/excludes.ts";
import { OWN_NAME } from "../core/path.ts";
import { isOwnPlace } from "./own_places.ts";
import type { WatchRoot } from "./watch_events.ts";

/** Longest time without giving the event loop its turn, in milliseconds. */
const SLICE_MS = 12;

/** Full paths of the directories that sync, `top` and below: it is `root` or a directory in that. */
export async function walkWatched(
  { root, top, anchors }: {
    readonly root: string;
    readonly top: string;
    readonly anchors: readonly WatchRoot[];
  },
): Promise<string[]> {
  const directories: string[] = [];
  let sliceEndMs = performance.now() + SLICE_MS;
  const ahead = [top];
  for (let full = ahead.pop(); full !== undefined; full = ahead.pop()) {
    const items = itemsIn(full);
    const names = new Set(items.map(({ name }) => name));
    if (full !== root && isOwnPlace(full, names)) continue;
    directories.push(full);
    for (const { name, isDirectory } of items) {
      const path = `${full}/${name}`;
      if (!isDirectory || name === OWN_NAME) continue;
      if (wantsDirectory(anchors, path)) ahead.push(path);
    }
    if (performance.now() < sliceEndMs) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    sliceEndMs = performance.now() + SLICE_MS;
  }
  return directories;
}

/** True when a directory at `full` belongs to one of the anchors. */
export function wantsDirectory(
  anchors: readonly WatchRoot[],
  full: string,
): boolean {
  return anchors.some(({ root, only, rules }) =>
    only === undefined && !isExcluded(rules, full.slice(root.length + 1), true)
  );
}

/** The directories that are watched one by one, and what lies in which. */
export class WatchTree {
  readonly #below = new Map<string, Set<string>>();

  has(full: string): boolean {
    return this.#below.has(full);
  }

  /** Takes directories in; gives those that are new. */
  add(directories: readonly string[]): string[] {
    const fresh = directories.filter((full) => !this.#below.has(full));
    for (const full of fresh) {
      this.#below.set(full, new Set());
      this.#below.get(parentOf(full))?.add(full);
    }
    return fresh;
  }

  /** Lets a directory go, with all that is below it; gives them. */
  drop(full: string): string[] {
    const below = this.#below.get(full);
    if (below === undefined) return [];
    const dropped = [...below].flatMap((each) => this.drop(each));
    this.#below.delete(full);
    this.#below.get(parentOf(full))?.delete(full);
    return [...dropped, full];
  }
}

function parentOf(full: string): string {
  return full.slice(0, full.lastIndexOf("/"));
}

/** What cannot be listed is for the scan to report. */
function itemsIn(full: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(full)];
  } catch (error) {
    if (error instanceof Error) return [];
    throw error;
  }
}
