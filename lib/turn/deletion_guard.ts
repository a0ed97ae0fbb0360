/**
 * The deletion guard: which deletions of an anchor may go, and which wait for a person.
 *
 * Many at once are judged together when the last of them is some time ago, and no scan runs that may
 * find where they went: a renamed directory is no loss. Those that went to the server a moment ago
 * count with them: whoever deletes everything is seen doing it piece by piece. What is held stays held
 * until a person decides; deletions that come later are judged by themselves.
 *
 * @module
 */
import { mustHold } from "../core/deletions.ts";
import { comparePaths, type RelativePath } from "../core/path.ts";

/** From so many deletions on they wait for rest and are judged together. */
const MANY = 10;
/** Rest after the last of many deletions, in milliseconds. */
const QUIET_MS = 500;
/** How long a deletion that went counts with those that follow, in milliseconds. */
const TOGETHER_MS = 10_000;
/** Longest wait for scans after the last of many deletions, in milliseconds. */
const LONGEST_MS = 30_000;

/** A deletion that the server has. */
interface Went {
  readonly atMs: number;
  readonly isNewcomer: boolean;
}

/** The deletions of one anchor that the server does not have. */
export class DeletionGuard {
  readonly #free = new Map<RelativePath, number>();
  readonly #isNewcomer: (path: RelativePath, nowMs: number) => boolean;
  /** With the time at which each was found to be gone. */
  readonly #held = new Map<RelativePath, number>();
  readonly #approved = new Set<RelativePath>();
  /** Those of the last moments that nobody was asked about. */
  readonly #went = new Map<RelativePath, Went>();
  /** The last of them came, and the last of them or of the scans after them was over. */
  #addedMs = -Infinity;
  #lastMs = -Infinity;
  #scans = 0;

  /** `isNewcomer` tells which paths this machine made a short while ago. */
  constructor(
    isNewcomer: (path: RelativePath, nowMs: number) => boolean = () => false,
  ) {
    this.#isNewcomer = isNewcomer;
  }

  add(path: RelativePath, nowMs: number): void {
    if (
      this.#free.has(path) || this.#held.has(path) || this.#approved.has(path)
    ) return;
    this.#free.set(path, nowMs);
    this.#addedMs = nowMs;
    this.#lastMs = nowMs;
  }

  scanBegins(): void {
    this.#scans++;
  }

  scanEnds(nowMs: number): void {
    this.#scans--;
    this.#lastMs = Math.max(
      this.#lastMs,
      Math.min(nowMs, this.#addedMs + LONGEST_MS),
    );
  }

  /** The server has a deletion; those that follow soon are judged together with it. */
  went(path: RelativePath, nowMs: number): void {
    if (!this.#free.has(path)) return;
    const isNewcomer = this.#isNewcomer(path, nowMs);
    this.#went.set(path, { atMs: nowMs, isNewcomer });
  }

  /** Something is at a path again. */
  returned(path: RelativePath): void {
    this.#went.delete(path);
  }

  remove(path: RelativePath): void {
    for (const set of [this.#free, this.#held, this.#approved]) {
      set.delete(path);
    }
  }

  /** Deletions that may go now, deepest first; `total` tells how many paths there were with them. */
  ready(nowMs: number, total: () => number): RelativePath[] {
    const going = [
      ...this.#approved,
      ...(this.#judge(nowMs, total) ? this.#free.keys() : []),
    ];
    return going.sort(comparePaths).reverse();
  }

  /** How many {@linkcode ready} gives. */
  readyCount(nowMs: number, total: () => number): number {
    return this.#approved.size +
      (this.#judge(nowMs, total) ? this.#free.size : 0);
  }

  /** Deletions that wait for a person. */
  held(nowMs: number, total: () => number): RelativePath[] {
    this.#judge(nowMs, total);
    return [...this.#held.keys()].sort(comparePaths);
  }

  /** Since when each of what {@linkcode held} last gave is gone. */
  heldSince(): ReadonlyMap<RelativePath, number> {
    return this.#held;
  }

  /** When many deletions will have come to rest, or `undefined` when nothing waits for that. */
  judgeAtMs(): number | undefined {
    const { size } = this.#free;
    return size === 0 || size + this.#went.size < MANY
      ? undefined
      : this.#lastMs + QUIET_MS;
  }

  /** Lets go what is held. */
  approve(): void {
    for (const path of this.#held.keys()) this.#approved.add(path);
    this.#held.clear();
    this.#went.clear();
  }

  /** True when the free deletions may go; holds them all when they must not. */
  #judge(nowMs: number, total: () => number): boolean {
    if (this.#free.size === 0) return true;
    for (const [path, { atMs }] of this.#went) {
      if (atMs + TOGETHER_MS <= nowMs) this.#went.delete(path);
    }
    const judgeAtMs = this.judgeAtMs();
    if (judgeAtMs !== undefined) {
      if (nowMs < judgeAtMs) return false;
      if (this.#scans > 0 && nowMs < this.#addedMs + LONGEST_MS) return false;
    }
    const others = this.#held.size + this.#approved.size;
    const went = [...this.#went].filter(([path]) => !this.#free.has(path));
    const deletions = {
      deleted: this.#free.size + went.length,
      total: total() - others + went.length,
    };
    if (!mustHold(deletions)) return true;
    const newcomers = [...this.#free.keys()]
      .filter((path) => this.#isNewcomer(path, nowMs)).length +
      went.filter(([, { isNewcomer }]) => isNewcomer).length;
    if (!mustHold({ ...deletions, newcomers })) return true;
    for (const [path, sinceMs] of this.#free) this.#held.set(path, sinceMs);
    this.#free.clear();
    return false;
  }
}
