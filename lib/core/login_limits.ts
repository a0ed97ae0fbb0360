/**
 * How many failed logins are borne: of one address, and of one account from anywhere. Who has logged
 * in from an address before is always heard there, so nobody is shut out by others' failures.
 *
 * @module
 */
import { TokenBuckets } from "./token_buckets.ts";

/** A login: whose, and from where. */
export interface LoginAttempt {
  readonly account: string;
  readonly address: string;
}

const MAX_KEYS = 10_000;
/** Twenty at once, then one in two seconds. */
const OF_ADDRESS = { capacity: 20, refillMs: 2000, maxKeys: MAX_KEYS };
/** Ten at once, then one in ten seconds. */
const OF_ACCOUNT = { capacity: 10, refillMs: 10_000, maxKeys: MAX_KEYS };

/** Failed and good logins so far. */
export class LoginLimits {
  readonly #addresses = new TokenBuckets(OF_ADDRESS);
  readonly #accounts = new TokenBuckets(OF_ACCOUNT);
  readonly #good = new Set<string>();

  /** False when a login must wait, whatever its secret. */
  allows(attempt: LoginAttempt, nowMs: number): boolean {
    return this.#good.has(keyOf(attempt)) ||
      (this.#addresses.has(attempt.address, nowMs) &&
        this.#accounts.has(attempt.account, nowMs));
  }

  failed(attempt: LoginAttempt, nowMs: number): void {
    this.#addresses.spend(attempt.address, nowMs);
    this.#accounts.spend(attempt.account, nowMs);
  }

  succeeded(attempt: LoginAttempt): void {
    const key = keyOf(attempt);
    this.#good.delete(key);
    this.#good.add(key);
    for (const oldest of this.#good) {
      if (this.#good.size <= MAX_KEYS) break;
      this.#good.delete(oldest);
    }
  }
}

function keyOf({ account, address }: LoginAttempt): string {
  return `${address} ${account}`;
}
