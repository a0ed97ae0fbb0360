/**
 * A pace: how long each of many events must wait, so that they come in a burst at most, and then at a
 * steady rate.
 *
 * @module
 */

/** So many at once, then one each `intervalMs`. */
export interface PaceOptions {
  readonly burst: number;
  readonly intervalMs: number;
}

/**
 * The pace of one sender.
 *
 * @example
 * ```ts
 * import { Pace } from "./pace.ts";
 * import assert from "node:assert/strict";
 * const pace = new Pace({ burst: 2, intervalMs: 10 });
 * assert.deepEqual([0, 0, 0, 0].map((nowMs) => pace.delayMs(nowMs)), [0, 0, 10, 20]);
 * assert.equal(pace.delayMs(1000), 0);
 * ```
 */
export class Pace {
  readonly #options: PaceOptions;
  /** When the burst is whole again. */
  #wholeMs = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Counts one event at `nowMs`; how long it has to wait. The clock must not go back. */
  delayMs(nowMs: number): number {
    const { burst, intervalMs } = this.#options;
    this.#wholeMs = Math.max(this.#wholeMs, nowMs) + intervalMs;
    return Math.max(this.#wholeMs - nowMs - burst * intervalMs, 0);
  }
}
