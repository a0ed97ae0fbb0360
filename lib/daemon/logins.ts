/**
 * Who may in: secrets and join tokens checked, and failures counted.
 *
 * @module
 */
import { LoginLimits } from "../core/login_limits.ts";
import type { Redeemed } from "../io/accounts.ts";
import type { HelloJoin } from "../io/join.ts";
import { logger } from "../io/log.ts";
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
    who: { readonly user: string; readonly client: string },
    secret: string,
    address: string,
  ): LoginOutcome {
    const attempt = { account: `${who.user}/${who.client}`, address };
    const nowMs = Date.now();
    if (!this.#limits.allows(attempt, nowMs)) return "later";
    const accounts = this.#users.get(who.user)?.accounts;
    if (accounts?.verify(who.client, secret) === true) {
      this.#limits.succeeded(attempt);
      return "good";
    }
    this.#limits.failed(attempt, nowMs);
    this.#say(attempt, nowMs);
    return "refused";
  }

  /** Trades a join token for a secret; an unknown user is refused like an unknown token. */
  redeem(hello: HelloJoin, address: string): Redeemed {
    const { user, client, host, token, secret } = hello;
    const attempt = { account: `${user} joins`, address };
    const nowMs = Date.now();
    if (!this.#limits.allows(attempt, nowMs)) {
      const reason = "too many failed joins; wait a minute, then try again";
      return { kind: "refused", reason };
    }
    const redeemed = this.#users.get(user)?.accounts
      .redeem(token, client, { host, nowMs, secret });
    if (redeemed?.kind === "joined") return redeemed;
    this.#limits.failed(attempt, nowMs);
    this.#say(attempt, nowMs);
    return redeemed ?? {
      kind: "refused",
      reason:
        "this link is not valid; make a new one with 'sinkd server adduser'",
    };
  }

  #say(
    attempt: { readonly account: string; readonly address: string },
    nowMs: number,
  ): void {
    const { account, address } = attempt;
    if (this.#limits.allows(attempt, nowMs)) {
      log.warn`A login of ${account} from ${address} was refused`;
    } else {
      log.warn`Logins of ${account} from ${address} must wait: too many failed`;
    }
  }
}
