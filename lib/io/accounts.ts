/**
 * A user's accounts on the server: join tokens and one revocable secret per client.
 *
 * They live in the user's own `<root>/<user>/.sinkd/state.db`, beside the journal, so that a user
 * is one movable directory. Nothing in it gives a token or a secret away.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { inTransaction } from "./transaction.ts";
import { nameFault } from "../core/path.ts";
import {
  copyFile,
  hasState,
  isActive,
  makeUserDirectories,
  openDatabase,
  readDirectory,
  writeCopy,
} from "./account_files.ts";
import { hashSecret, makeSecret, matchesHash } from "./secret_hash.ts";

/** How long a join token is good for, unless said otherwise. */
export const JOIN_TOKEN_TTL_MS = 24 * 60 * 60 * 1000;

/** Most networks that are kept of a client, those it was seen in last. */
export const MAX_NETWORKS = 16;
/** How old what is kept of a network may become before it is written again. */
const SEEN_STEP_MS = 24 * 60 * 60 * 1000;

/** A client as the server knows it; `createdMs` is when it joined. */
export interface ClientAccount {
  readonly client: string;
  readonly host: string;
  readonly createdMs: number;
  readonly revoked: boolean;
}

/** What comes of a join: the new client's secret, told this once, or why not. */
export type Redeemed =
  | { readonly kind: "joined"; readonly secret: string }
  | { readonly kind: "refused"; readonly reason: string };

const clientRow = z.object({
  client: z.string(),
  host: z.string(),
  created_ms: z.int(),
  revoked: z.int(),
});
const markRow = z.object({ client: z.string(), secret_hash: z.string() });
const secretRow = z.object({ secret_hash: z.string() });
const networkRow = z.object({ seen_ms: z.int() });
const tokenRow = z.object({ expires_ms: z.int(), used: z.int() });

/** One user's accounts; holds the database until disposed. */
export class Accounts implements Disposable {
  readonly #database: DatabaseSync;
  readonly #copy: string;

  private constructor(database: DatabaseSync, copy: string) {
    this.#database = database;
    this.#copy = copy;
  }

  /** Opens the accounts of `user`, making the user and its directories under `root` when new. */
  static create(root: string, user: string): Accounts {
    const fault = nameFault(user);
    if (fault !== undefined) {
      throw new Error(
        `Cannot add user ${JSON.stringify(user)}: the name ${fault}`,
      );
    }
    makeUserDirectories(root, user);
    const database = openDatabase(root, user);
    database.exec("insert or replace into account values (1, 1)");
    writeCopy(database, copyFile(root, user));
    return new Accounts(database, copyFile(root, user));
  }

  /** Opens the accounts of a user; `undefined` when there is no such user. */
  static open(root: string, user: string): Accounts | undefined {
    if (nameFault(user) !== undefined || !hasState(root, user)) {
      return undefined;
    }
    const database = openDatabase(root, user);
    if (isActive(database)) return new Accounts(database, copyFile(root, user));
    database.close();
    return undefined;
  }

  /** Names of all users under `root`, sorted. */
  static listUsers(root: string): string[] {
    const users: string[] = [];
    for (const entry of readDirectory(root)) {
      if (!entry.isDirectory) continue;
      using accounts = Accounts.open(root, entry.name);
      if (accounts !== undefined) users.push(entry.name);
    }
    return users.sort();
  }

  /** Revokes every client and token of `user` and forgets the user; files stay. False when there is none. */
  static remove(root: string, user: string): boolean {
    using accounts = Accounts.open(root, user);
    if (accounts === undefined) return false;
    inTransaction(accounts.#database, () => {
      accounts.#database.exec("update clients set revoked = 1");
      accounts.#database.exec("delete from join_tokens");
      accounts.#database.exec("delete from client_networks");
      accounts.#database.exec("update account set active = 0");
      // Within: where the disk is full all of it is as before, and can be tried again.
      writeCopy(accounts.#database, accounts.#copy);
    });
    return true;
  }

  /** A token that lets one client join within `ttlMs` of `nowMs`. */
  createJoinToken(nowMs: number, ttlMs: number = JOIN_TOKEN_TTL_MS): string {
    const token = makeSecret();
    inTransaction(this.#database, () => {
      this.#database.prepare("delete from join_tokens where expires_ms < ?")
        .run(nowMs - JOIN_TOKEN_TTL_MS);
      this.#database.prepare("insert into join_tokens values (?, ?, 0)")
        .run(tokenHash(token), nowMs + ttlMs);
    });
    return token;
  }

  /** Trades a token for the secret of a new client. A refusal leaves the token as it was. */
  redeem(
    token: string,
    client: string,
    options: {
      readonly host: string;
      readonly nowMs: number;
      /** Of the client of that name, where that is who joins again. */
      readonly secret?: string | undefined;
    },
  ): Redeemed {
    const fault = nameFault(client);
    if (fault !== undefined) {
      return refused(
        `the client name ${JSON.stringify(client)} ${fault}; use --name`,
      );
    }
    // A guess is not worth a transaction.
    const unusable = this.#tokenRefusal(token, options.nowMs);
    if (unusable !== undefined) return unusable;
    const redeemed = inTransaction(this.#database, (): Redeemed => {
      const unusable = this.#tokenRefusal(token, options.nowMs);
      if (unusable !== undefined) return unusable;
      const live = this.#liveSecretHash(client);
      const { secret: had = "" } = options;
      if (live !== undefined && !matchesHash(had, live)) {
        return refused(
          `there is already a client named ${
            JSON.stringify(client)
          }; join with --name, or revoke that one on the server`,
        );
      }
      const secret = makeSecret();
      this.#database.prepare(
        "update join_tokens set used = 1 where token_hash = ?",
      ).run(tokenHash(token));
      this.#database.prepare(
        "insert or replace into clients values (?, ?, ?, 0, ?)",
      ).run(client, options.host, options.nowMs, hashSecret(secret));
      return { kind: "joined", secret };
    });
    if (redeemed.kind === "joined") writeCopy(this.#database, this.#copy);
    return redeemed;
  }

  /** True when `secret` is that client's and it is not revoked. */
  verify(client: string, secret: string): boolean {
    return this.markOf(client, secret) !== undefined;
  }

  /** What stands for a client's secret until it gets another one, when `secret` is it and is not revoked. */
  markOf(client: string, secret: string): string | undefined {
    const hash = this.#liveSecretHash(client);
    return hash !== undefined && matchesHash(secret, hash) ? hash : undefined;
  }

  /** The marks of all clients that are not revoked. */
  marks(): Map<string, string> {
    const rows = this.#database.prepare(
      "select client, secret_hash from clients where revoked = 0",
    ).all();
    return new Map(rows.map((row) => {
      const { client, secret_hash } = markRow.parse(row);
      return [client, secret_hash];
    }));
  }

  /** True when a client has joined and is not revoked. */
  isLive(client: string): boolean {
    return this.#liveSecretHash(client) !== undefined;
  }

  /** True when that client, or without one any client, has logged in from `network` before. */
  isKnownAt(network: string, client?: string): boolean {
    const row = client === undefined
      ? this.#database.prepare(
        "select seen_ms from client_networks where network = ? limit 1",
      ).get(network)
      : this.#seenAt(client, network);
    return row !== undefined;
  }

  /** Keeps that a client has logged in from `network`, and forgets the one it was seen in longest ago. */
  remember(client: string, network: string, nowMs: number): void {
    const row = this.#seenAt(client, network);
    const seenMs = row === undefined ? 0 : networkRow.parse(row).seen_ms;
    if (Math.abs(nowMs - seenMs) < SEEN_STEP_MS) return;
    this.#lazily(() => {
      this.#database.prepare(
        "insert or replace into client_networks values (?, ?, ?)",
      ).run(client, network, nowMs);
      this.#database.prepare(
        `delete from client_networks where client = ?1 and network not in (
          select network from client_networks where client = ?1
          order by seen_ms desc limit ?2)`,
      ).run(client, MAX_NETWORKS);
    });
  }

  /** Takes a client's access away; false when there is no such client or it was revoked before. */
  revoke(client: string): boolean {
    const changes = inTransaction(this.#database, () => {
      const { changes } = this.#database.prepare(
        "update clients set revoked = 1 where client = ? and revoked = 0",
      ).run(client);
      if (changes === 0) return changes;
      this.#database.prepare("delete from client_networks where client = ?")
        .run(client);
      writeCopy(this.#database, this.#copy);
      return changes;
    });
    return changes > 0;
  }

  /** All clients, revoked ones included, by name. */
  clients(): ClientAccount[] {
    return this.#database.prepare(
      "select client, host, created_ms, revoked from clients order by client",
    ).all().map((row) => {
      const { client, host, created_ms, revoked } = clientRow.parse(row);
      return { client, host, createdMs: created_ms, revoked: revoked === 1 };
    });
  }

  /** Lines `<user>/<client>:<hash>` for mosquitto's password file. */
  passwordLines(user: string): string[] {
    return this.clients().flatMap(({ client }) => {
      const hash = this.#liveSecretHash(client);
      return hash === undefined ? [] : [`${user}/${client}:${hash}`];
    });
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #tokenRefusal(token: string, nowMs: number): Redeemed | undefined {
    const unusable = this.#tokenFault(token, nowMs);
    return unusable === undefined ? undefined : refused(
      `the join link ${unusable}; make a new one with 'sinkd server adduser'`,
    );
  }

  #tokenFault(token: string, nowMs: number): string | undefined {
    const row = this.#database.prepare(
      "select expires_ms, used from join_tokens where token_hash = ?",
    ).get(tokenHash(token));
    if (row === undefined) return "is not known";
    const { expires_ms, used } = tokenRow.parse(row);
    if (used === 1) return "was already used";
    return nowMs >= expires_ms ? "has expired" : undefined;
  }

  /** A transaction whose loss in a power cut would hurt nobody: it waits for no disk. */
  #lazily(work: () => void): void {
    this.#database.exec("pragma synchronous = normal");
    try {
      inTransaction(this.#database, work);
    } finally {
      this.#database.exec("pragma synchronous = full");
    }
  }

  #seenAt(client: string, network: string): unknown {
    return this.#database.prepare(
      "select seen_ms from client_networks where client = ? and network = ?",
    ).get(client, network);
  }

  #liveSecretHash(client: string): string | undefined {
    const row = this.#database.prepare(
      "select secret_hash from clients where client = ? and revoked = 0",
    ).get(client);
    return row === undefined ? undefined : secretRow.parse(row).secret_hash;
  }
}

function refused(reason: string): Redeemed {
  return { kind: "refused", reason };
}

function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
