/**
 * Token buckets by key: how often something may happen, in bursts and on average, in bounded memory.
 *
 * @module
 */

/** How many tokens a bucket holds, how long one takes to come back, and how many buckets are kept. */
export interface BucketOptions {
  readonly capacity: number;
  readonly refillMs: number;
  readonly maxKeys: number;
}

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * A bucket for each key; a key that was never spent from has a full one.
 *
 * @example
 * ```ts
 * import { TokenBuckets } from "./token_buckets.ts";
 * import assert from "node:assert/strict";
 * const buckets = new TokenBuckets({ capacity: 1, refillMs: 1000, maxKeys: 10 });
 * buckets.spend("a", 0);
 * assert.ok(!buckets.has("a", 999));
 * assert.ok(buckets.has("a", 1000));
 * assert.ok(buckets.has("b", 0));
 * ```
 */
export class TokenBuckets {
  readonly #options: BucketOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: BucketOptions) {
    this.#options = options;
  }

  /** True when there is a token for `key`. */
  has(key: string, nowMs: number): boolean {
    return this.#tokens(key, nowMs) >= 1;
  }

  /** True when nothing is spent of `key`, or all of it has come back. */
  isFull(key: string, nowMs: number): boolean {
    return this.#tokens(key, nowMs) >= this.#options.capacity;
  }

  /** Takes a token, if there is one. When too many keys are kept, the one spent from longest ago is forgotten. */
  spend(key: string, nowMs: number): void {
    const tokens = Math.max(this.#tokens(key, nowMs) - 1, 0);
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens, atMs: nowMs });
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#options.maxKeys) break;
      this.#buckets.delete(oldest);
    }
  }

  /** How many keys are kept. */
  get size(): number {
    return this.#buckets.size;
  }

  #tokens(key: string, nowMs: number): number {
    const { capacity, refillMs } = this.#options;
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return capacity;
    // A clock that is set back gives nothing, and takes nothing.
    const passedMs = Math.max(nowMs - bucket.atMs, 0);
    return Math.min(bucket.tokens + passedMs / refillMs, capacity);
  }
}
