/**
 * Checks of all users on the server, and clients that come to compare.
 *
 * @module
 */
import { networkOf } from "../core/address.ts";
import { type HelloProof, helloProofSchema } from "../core/proof_protocol.ts";
import type { ChecksReport, Fault } from "../core/status.ts";
import type { Channel } from "../io/channel.ts";
import type { Visitor } from "../io/front.ts";
import { heard, logger } from "../io/log.ts";
import { answerLine } from "../io/proof_lines.ts";
import { answerProof } from "../turn/answer_proof.ts";
import type { Logins } from "./logins.ts";
import { UserChecks } from "./user_checks.ts";
import type { User, Users } from "./users.ts";

const DAY_MS = 86_400_000;

const log = logger("checksum");

/** What checks need from the server. */
export interface ServerChecksPorts {
  readonly users: Users;
  readonly logins: Logins;
  /** True for a user that this server serves. */
  readonly serves: (user: string) => boolean;
  /** In how many days every file is read about once; 0: only when asked to. */
  readonly checksumDays: number;
}

/** See the module. */
export class ServerChecks implements AsyncDisposable {
  readonly #ports: ServerChecksPorts;
  readonly #open = new Map<string, UserChecks>();
  /** Clients that compare now. */
  readonly #channels = new Set<Channel>();
  /** Since when damage is known, by path on the disk. */
  readonly #since = new Map<string, string>();

  constructor(ports: ServerChecksPorts) {
    this.#ports = ports;
  }

  /** Goes on with every user's files. */
  start(): void {
    for (const user of this.#users()) this.take(user);
  }

  /** Goes on with a user's files, where they were left. */
  take(user: User): void {
    this.#of(user).start();
  }

  /** Lets go of a user that is served elsewhere. */
  async close(name: string): Promise<void> {
    const checks = this.#open.get(name);
    this.#open.delete(name);
    await checks?.[Symbol.asyncDispose]();
  }

  /** Reads every file of every user again now. */
  hurry(): void {
    for (const user of this.#users()) this.#of(user).hurry();
  }

  onCommit(user: User): void {
    this.#of(user).onCommit();
  }

  report(user: User): ChecksReport {
    return this.#of(user).report();
  }

  /** What is damaged now, for status. */
  faults(): Fault[] {
    const faults: Fault[] = [];
    for (const user of this.#users()) {
      for (const damaged of this.#of(user).report().damaged) {
        const path = `${user.directory}/${damaged}`;
        faults.push({
          kind: "damaged",
          level: "problem",
          path,
          cause: "its bytes on this disk are not what came here",
          fix:
            "a client that has it brings it back within the hour (at once: sinkd rescan there); else restore it from a backup; look after the disk",
          since: this.#since.get(path) ?? new Date().toISOString(),
        });
      }
    }
    this.#remember(faults);
    return faults;
  }

  /** Answers a client that compares its record; one without a login is refused. */
  async serve(
    channel: Channel,
    hello: HelloProof,
    visitor: Visitor,
  ): Promise<void> {
    const { logins, users, serves } = this.#ports;
    const user = serves(hello.user) ? users.get(hello.user) : undefined;
    using admission = logins.admit(hello, channel, visitor);
    if (user === undefined || admission === undefined) {
      const source = networkOf(visitor.address);
      heard(log, { kind: "refused data channels", source })
        .warn`A comparison of ${visitor.address} for ${hello.user}/${hello.client} was refused: wrong credentials`;
      await channel.send({ kind: "fail", message: "you are not known here" });
      return channel.close();
    }
    this.#channels.add(channel);
    try {
      await answerProof(answerLine(channel), this.#of(user));
      await channel[Symbol.asyncDispose]();
    } finally {
      this.#channels.delete(channel);
    }
  }

  /** Ends all comparisons: who compares may be silent for long. */
  hangUp(): void {
    for (const channel of this.#channels) channel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const checks of this.#open.values()) {
      await checks[Symbol.asyncDispose]();
    }
    this.#open.clear();
  }

  #users(): User[] {
    const { users, serves } = this.#ports;
    return users.names().filter(serves)
      .flatMap((name) => users.get(name) ?? []);
  }

  #of(user: User): UserChecks {
    const known = this.#open.get(user.name);
    if (known !== undefined) return known;
    const made = new UserChecks(user, {
      intervalMs: this.#ports.checksumDays * DAY_MS,
      usable: () => this.#ports.serves(user.name),
    });
    this.#open.set(user.name, made);
    return made;
  }

  #remember(faults: readonly Fault[]): void {
    this.#since.clear();
    for (const { path, since } of faults) this.#since.set(path, since);
  }
}

/** Reads a comparison's hello; `undefined` when it is none. */
export function parseHelloProof(value: unknown): HelloProof | undefined {
  const parsed = helloProofSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
