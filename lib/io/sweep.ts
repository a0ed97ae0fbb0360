/**
 * The sweep: looks from time to time whether a directory's own mtime changed, and lists those where
 * it did. It finds what `Deno.watchFs` never tells (links that lead out of the anchor) and what the
 * kernel's queue lost.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { RelativePath } from "../core/path.ts";
import { lstatIfAny } from "./files.ts";
import { mayBeLossyName } from "./look.ts";

/** Least and longest pause between two sweeps, in milliseconds. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
/** A sweep may take one part in so many of the time. */
const SHARE = 200;
/** A directory that changed so shortly before the look may change again without a new mtime, in milliseconds. */
const TICK_MS = 20;
const DIRECTORIES_PER_SLICE = 200;

/** A name in a directory that changed. */
export interface SweptPath {
  readonly path: RelativePath;
  readonly isLink: boolean;
}

/** The directories of one anchor and how they last looked. */
export class Sweep {
  readonly #root: string;
  readonly #seen = new Map<string, number>();
  #pauseMs = FIRST_PAUSE_MS;

  constructor(root: string) {
    this.#root = root;
  }

  /** When the next sweep is due after this one, in milliseconds. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** Takes directories in; one that is new is listed at the next sweep. */
  add(directories: Iterable<RelativePath | "">): void {
    for (const directory of directories) {
      if (!this.#seen.has(directory)) this.#seen.set(directory, NaN);
    }
  }

  /** What lies in directories that changed since the last sweep. */
  async run(signal: AbortSignal): Promise<SweptPath[]> {
    const startMs = performance.now();
    const swept: SweptPath[] = [];
    let sinceYield = 0;
    for (const [directory, before] of this.#seen) {
      if (++sinceYield % DIRECTORIES_PER_SLICE === 0) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (signal.aborted) break;
      }
      const full = directory === "" ? this.#root : `${this.#root}/${directory}`;
      const info = lookAt(full);
      if (info?.isDirectory !== true) {
        if (directory !== "") this.#seen.delete(directory);
        continue;
      }
      const mtimeMs = info.mtime?.getTime() ?? 0;
      if (mtimeMs === before) continue;
      const settled = Date.now() - mtimeMs > TICK_MS;
      this.#seen.set(directory, settled ? mtimeMs : NaN);
      for (const { name, isSymlink } of itemsIn(full)) {
        if (mayBeLossyName(name)) continue; // the scan says what is wrong with it
        const path = directory === "" ? name : `${directory}/${name}`;
        swept.push({ path: path as RelativePath, isLink: isSymlink });
      }
    }
    const tookMs = performance.now() - startMs;
    this.#pauseMs = Math.min(
      Math.max(FIRST_PAUSE_MS, tookMs * SHARE),
      LONGEST_PAUSE_MS,
    );
    return swept;
  }
}

/** What cannot be looked at or listed is for the scan to report. */
function lookAt(full: string): Deno.FileInfo | undefined {
  try {
    return full.endsWith("/") ? undefined : lstatIfAny(full);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

function itemsIn(full: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(full)];
  } catch (error) {
    const known = error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (known) return [];
    throw error;
  }
}
