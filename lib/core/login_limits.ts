/**
 * How many wrong logins are looked at. Secrets are random, so checking one is what tells a right login
 * from a wrong one, and nothing is gained by guessing; what is bounded is the work, and only wrong ones
 * use it up. Addresses that failed cannot use up what is kept for those that did not.
 *
 * @module
 */
import { networkOf } from "./address.ts";
import { type BucketOptions, TokenBuckets } from "./token_buckets.ts";

/** A login: from where, and whether that account has logged in from there before. */
export interface LoginAttempt {
  readonly address: string;
  readonly known: boolean;
}

/** Whom a login is counted among; each has its own share of the work. */
export type LoginClass =
  /** The account has logged in from there before. */
  | "known"
  /** Nobody fails from there. */
  | "unfailed"
  | "few failures"
  | "many failures";

const MAX_KEYS = 10_000;
/** Wrong logins that are checked, of each class: so many at once, then one in so many milliseconds. */
export const SHARES: Readonly<
  Record<LoginClass, Omit<BucketOptions, "maxKeys">>
> = {
  "known": { capacity: 100, refillMs: 10 },
  "unfailed": { capacity: 400, refillMs: 5 },
  "few failures": { capacity: 100, refillMs: 20 },
  "many failures": { capacity: 100, refillMs: 20 },
};
/** The same of one network. */
export const OF_NETWORK: BucketOptions = {
  capacity: 50,
  refillMs: 50,
  maxKeys: MAX_KEYS,
};
/** More than twenty at once, and then than one in two seconds, are many failures. */
const FAILURES: BucketOptions = {
  capacity: 20,
  refillMs: 2000,
  maxKeys: MAX_KEYS,
};

/**
 * Wrong logins so far, an IPv6 address counting as its /64.
 *
 * @example
 * ```ts
 * import { LoginLimits } from "./login_limits.ts";
 * import assert from "node:assert/strict";
 * const limits = new LoginLimits();
 * const guesser = { address: "203.0.113.7", known: false };
 * for (let n = 0; n < 1000; n++) if (limits.mayCheck(guesser, 0)) limits.failed(guesser, 0);
 * assert.ok(!limits.mayCheck(guesser, 0));
 * assert.ok(limits.mayCheck({ address: "192.0.2.1", known: false }, 0));
 * ```
 */
export class LoginLimits {
  readonly #shares = Object.fromEntries(
    Object.entries(SHARES).map(([name, share]) => [
      name,
      new TokenBuckets({ ...share, maxKeys: 1 }),
    ]),
  ) as Record<LoginClass, TokenBuckets>;
  readonly #networks = new TokenBuckets(OF_NETWORK);
  readonly #failures = new TokenBuckets(FAILURES);

  /** False when a login must wait, whatever its secret. */
  mayCheck(attempt: LoginAttempt, nowMs: number): boolean {
    const share = this.#shares[this.#classOf(attempt, nowMs)];
    return share.has("", nowMs) && this.#networks.has(keyOf(attempt), nowMs);
  }

  /** The secret was checked, and is wrong. */
  failed(attempt: LoginAttempt, nowMs: number): void {
    this.#shares[this.#classOf(attempt, nowMs)].spend("", nowMs);
    this.#networks.spend(keyOf(attempt), nowMs);
    this.#failures.spend(networkOf(attempt.address), nowMs);
  }

  /** How many networks are kept. */
  get size(): number {
    return Math.max(this.#networks.size, this.#failures.size);
  }

  #classOf({ address, known }: LoginAttempt, nowMs: number): LoginClass {
    const network = networkOf(address);
    if (known) return "known";
    if (this.#failures.isFull(network, nowMs)) return "unfailed";
    return this.#failures.has(network, nowMs)
      ? "few failures"
      : "many failures";
  }
}

/** What others of a network use up is not taken from an account that is at home there. */
function keyOf({ address, known }: LoginAttempt): string {
  return known ? `known ${networkOf(address)}` : networkOf(address);
}
