/**
 * Newcomers: paths that this machine itself sent for the first time not long ago. Who makes and
 * removes a build tree, or undoes an install, is not asked about it.
 *
 * What was moved is no newcomer, whatever its name: its bytes are older. It is known by inode, size
 * and time. All of it is kept in memory: of what vanished while sinkd did not run nothing is known.
 *
 * @module
 */
import type { Found } from "../core/entry.ts";
import type { RelativePath } from "../core/path.ts";

/** How long a path is a newcomer, in milliseconds. */
export const NEWCOMER_MS = 60 * 60 * 1000;
/** Most newcomers, and most files that may have moved, that are remembered. */
const MAX_KEPT = 100_000;

interface Newcomer {
  readonly mark: string | undefined;
  readonly atMs: number;
}

/** See the module. Times are of a clock that does not jump. */
export class Newcomers {
  readonly #paths = new Map<RelativePath, Newcomer>();
  readonly #byMark = new Map<string, RelativePath>();
  /** What is gone from its old path, by mark. */
  readonly #gone = new Map<string, number>();

  /** A path without a base is on the server now, as `found`. */
  sent(path: RelativePath, found: Found | undefined, nowMs: number): void {
    const mark = markOf(found);
    const hasMoved = mark !== undefined &&
      this.#isRecent(this.#gone.get(mark), nowMs);
    if (hasMoved) return;
    this.#paths.set(path, { mark, atMs: nowMs });
    if (mark !== undefined) this.#byMark.set(mark, path);
    for (const [oldest] of this.#paths) {
      if (this.#paths.size <= MAX_KEPT) break;
      this.#forget(oldest);
    }
  }

  /** A path with a base is gone: if it was older, so is whatever has its file now. */
  gone(path: RelativePath, base: Found | undefined, nowMs: number): void {
    const mark = markOf(base);
    if (mark === undefined || this.has(path, nowMs)) return;
    this.#gone.delete(mark);
    this.#gone.set(mark, nowMs);
    const moved = this.#byMark.get(mark);
    if (moved !== undefined) this.#forget(moved);
    for (const [oldest] of this.#gone) {
      if (this.#gone.size <= MAX_KEPT) break;
      this.#gone.delete(oldest);
    }
  }

  /** True for a path that this machine sent for the first time within the hour. */
  has(path: RelativePath, nowMs: number): boolean {
    const known = this.#paths.get(path);
    if (known === undefined) return false;
    if (this.#isRecent(known.atMs, nowMs)) return true;
    this.#forget(path);
    return false;
  }

  #isRecent(atMs: number | undefined, nowMs: number): boolean {
    return atMs !== undefined && nowMs - atMs < NEWCOMER_MS;
  }

  #forget(path: RelativePath): void {
    const mark = this.#paths.get(path)?.mark;
    this.#paths.delete(path);
    if (mark !== undefined && this.#byMark.get(mark) === path) {
      this.#byMark.delete(mark);
    }
  }
}

/** What a file keeps when it moves; `undefined` for a directory, which is no loss by itself. */
function markOf(found: Found | undefined): string | undefined {
  if (found === undefined || found.inode === 0) return undefined;
  const { entry, inode } = found;
  switch (entry.kind) {
    case "file":
      return `${inode} ${entry.size} ${entry.mtimeMs}`;
    case "link":
      return `${inode} ${entry.target}`;
    case "directory":
      return undefined;
  }
}
