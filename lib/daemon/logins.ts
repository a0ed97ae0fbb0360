/**
 * Who may in: secrets and join tokens checked, failures counted, and kept what is open under a login.
 *
 * @module
 */
import { networkOf } from "../core/address.ts";
import { type LoginAttempt, LoginLimits } from "../core/login_limits.ts";
import type { Accounts, Redeemed } from "../io/accounts.ts";
import type { Channel } from "../io/channel.ts";
import type { Visitor } from "../io/front.ts";
import type { HelloJoin } from "../io/join.ts";
import { heard, logger } from "../io/log.ts";
import { type Admission, Admissions } from "./admissions.ts";
import { describe } from "./faults.ts";
import type { Users } from "./users.ts";

/** A client that shows its secret. */
export interface Credential {
  readonly user: string;
  readonly client: string;
  readonly secret: string;
}

/** From where, and what cuts the connection at once. */
export interface Caller {
  readonly address: string;
  readonly end: () => void;
}

/** Why a login is not good: it is wrong, or not looked at since too many have failed. */
export type Refusal = "refused" | "later";

const log = logger("login");

/** The server's door. */
export class Logins {
  readonly #users: Users;
  readonly #serves: (user: string) => boolean;
  readonly #limits = new LoginLimits();
  readonly #admissions = new Admissions((user) =>
    this.#serves(user)
      ? this.#accounts(user)?.marks() ?? new Map<string, string>()
      : undefined
  );

  /** `serves` is true for a user whom this server serves. */
  constructor(users: Users, serves: (user: string) => boolean) {
    this.#users = users;
    this.#serves = serves;
  }

  /**
   * Lets a client in whose secret is right; what it has open is ended when its login does not count any
   * more.
   */
  login(
    { user, client, secret }: Credential,
    { address, end }: Caller,
  ): Admission | Refusal {
    const nowMs = performance.now();
    const accounts = this.#accounts(user);
    const known = accounts?.isKnownAt(networkOf(address), client) ?? false;
    const attempt = { address, known };
    const who = `a login of ${user}/${client}`;
    if (!this.#mayCheck(attempt, who, nowMs)) return "later";
    const mark = accounts?.markOf(client, secret);
    if (accounts === undefined || mark === undefined) {
      this.#failed(attempt, who, nowMs);
      return "refused";
    }
    remember(accounts, client, address);
    return this.#admissions.open({ user, client, mark }, end);
  }

  /** The same for a data channel; `undefined` when it is refused. */
  admit(
    hello: Credential,
    channel: Channel,
    visitor: Visitor,
  ): Admission | undefined {
    const { address } = visitor;
    const admission = this.login(hello, {
      address,
      end: () => channel.close(),
    });
    if (typeof admission === "string") return undefined;
    visitor.admit();
    return admission;
  }

  /** True when a client may log in: it has joined, and is not revoked. */
  isLive({ user, client }: Omit<Credential, "secret">): boolean {
    return this.#accounts(user)?.isLive(client) === true;
  }

  /** Ends what is open under logins that do not count any more, of one user or of all. */
  endRevoked(user?: string): void {
    this.#admissions.sweep(user);
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

  #accounts(user: string): Accounts | undefined {
    return this.#serves(user) ? this.#users.get(user)?.accounts : undefined;
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
