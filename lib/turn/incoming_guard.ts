/**
 * The incoming guard: deletions made elsewhere that would take more than half of a large anchor wait
 * for a person here, too.
 *
 * A mass deletion may come in pieces, and the new paths of a renamed directory after the old ones. So
 * what came in within the last minutes is judged together, and what had to wait goes when it turns
 * out to have been no loss.
 *
 * @module
 */
import { mustHoldIncoming } from "../core/deletions.ts";
import { ancestorsOf, type RelativePath } from "../core/path.ts";

/** What comes in within this time is judged together, in milliseconds. */
const TOGETHER_MS = 10 * 60_000;

/** Deletions that came in and can be done here. */
export interface Losses {
  readonly paths: readonly RelativePath[];
  /** Paths of the record, with these and with those that wait. */
  readonly known: number;
  /** All that wait for a person. */
  readonly held: ReadonlySet<RelativePath>;
  /** Paths that come in for the first time with these. */
  readonly news: number;
}

/** What is to be done: `hold` waits from now on, `release` does not wait any more. */
export interface Verdict {
  readonly hold: readonly RelativePath[];
  readonly release: readonly RelativePath[];
}

/** The deletions that came into one anchor lately; in memory. */
export class IncomingGuard {
  readonly #steadyMs: () => number;
  /** Deletions that were done, oldest first. */
  #done: { readonly atMs: number; readonly count: number }[] = [];
  /** Paths that began to wait lately. */
  readonly #waiting = new Map<RelativePath, number>();
  /** Directories that wait for no reason of their own but for what waits in them. */
  readonly #around = new Set<RelativePath>();

  constructor(steadyMs: () => number) {
    this.#steadyMs = steadyMs;
  }

  judge({ paths, known, held, news }: Losses): Verdict {
    this.#forgetOld(held);
    const nowMs = this.#steadyMs();
    const done = this.#done.reduce((sum, { count }) => sum + count, 0);
    const deleted = done + this.#waiting.size + paths.length;
    const others = held.size - this.#waiting.size;
    if (mustHoldIncoming({ deleted, total: known - others + done + news })) {
      for (const path of paths) this.#waiting.set(path, nowMs);
      return { hold: paths, release: [] };
    }
    const count = paths.length + this.#waiting.size;
    if (count > 0) this.#done.push({ atMs: nowMs, count });
    const release = [...this.#waiting.keys(), ...this.#around];
    this.#waiting.clear();
    this.#around.clear();
    return { hold: [], release };
  }

  /** These directories wait, too, until what waits in them is released. */
  holdAround(directories: readonly RelativePath[]): void {
    for (const path of directories) this.#around.add(path);
  }

  #forgetOld(held: ReadonlySet<RelativePath>): void {
    const sinceMs = this.#steadyMs() - TOGETHER_MS;
    this.#done = this.#done.filter(({ atMs }) => atMs > sinceMs);
    for (const [path, atMs] of this.#waiting) {
      if (atMs <= sinceMs || !held.has(path)) this.#waiting.delete(path);
    }
    const above = new Set([...this.#waiting.keys()].flatMap(ancestorsOf));
    for (const path of this.#around) {
      if (!above.has(path)) this.#around.delete(path);
    }
  }
}
