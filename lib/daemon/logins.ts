/**
 * Who may in: secrets and join tokens checked, and failures counted.
 *
 * @module
 */
import { networkOf } from "../core/address.ts";
import { type LoginAttempt, LoginLimits } from "../core/login_limits.ts";
import type { Accounts, Redeemed } from "../io/accounts.ts";
import type { HelloJoin } from "../io/join.ts";
import { heard, logger } from "../io/log.ts";
import { describe } from "./faults.ts";
import type { Users } from "./users.ts";

/** Outcome of a login: good, bad, or not looked at since too many have failed. */
export type LoginOutcome = "good" | "refused" | "later";

const log = logger("login");

/** The server's door. */
export class Logins {
  readonly #users: Users;
  readonly #limits = new LoginLimits();

  constructor(users: Users) {
    this.#users = users;
  }

  /** Checks a client's secret. */
  verify(
    { user, client }: { readonly user: string; readonly client: string },
    secret: string,
    address: string,
  ): LoginOutcome {
    const nowMs = performance.now();
    const accounts = this.#users.get(user)?.accounts;
    const known = accounts?.isKnownAt(networkOf(address), client) ?? false;
    const attempt = { address, known };
    const who = `a login of ${user}/${client}`;
    if (!this.#mayCheck(attempt, who, nowMs)) return "later";
    if (accounts?.verify(client, secret) === true) {
      remember(accounts, client, address);
      return "good";
    }
    this.#failed(attempt, who, nowMs);
    return "refused";
  }

  /** Trades a join token for a secret; an unknown user is refused like an unknown token. */
  redeem(hello: HelloJoin, address: string): Redeemed {
    const { user, client, host, token, secret } = hello;
    const nowMs = performance.now();
    const accounts = this.#users.get(user)?.accounts;
    const known = accounts?.isKnownAt(networkOf(address)) ?? false;
    const attempt = { address, known };
    const who = `a join of ${user}/${client}`;
    if (!this.#mayCheck(attempt, who, nowMs)) {
      const reason = "too many failed joins; wait a minute, then try again";
      return { kind: "refused", reason };
    }
    const redeemed = accounts
      ?.redeem(token, client, { host, nowMs: Date.now(), secret });
    if (redeemed?.kind === "joined") return redeemed;
    this.#failed(attempt, who, nowMs);
    return redeemed ?? {
      kind: "refused",
      reason:
        "this link is not valid; make a new one with 'sinkd server adduser'",
    };
  }

  #mayCheck(attempt: LoginAttempt, who: string, nowMs: number): boolean {
    if (this.#limits.mayCheck(attempt, nowMs)) return true;
    const { address } = attempt;
    refusedFrom(address)
      .warn`From ${address} ${who} must wait: too many have failed`;
    return false;
  }

  #failed(attempt: LoginAttempt, who: string, nowMs: number): void {
    this.#limits.failed(attempt, nowMs);
    const { address } = attempt;
    refusedFrom(address).warn`From ${address} ${who} was refused`;
  }
}

function refusedFrom(address: string) {
  return heard(log, { kind: "refused logins", source: networkOf(address) });
}

/** A login is good also where that cannot be written down. */
function remember(accounts: Accounts, client: string, address: string): void {
  try {
    accounts.remember(client, networkOf(address), Date.now());
  } catch (error) {
    heard(log, { kind: "networks not remembered", source: client })
      .warn`Where ${client} logged in from is not remembered: ${
      describe(error)
    }`;
  }
}
