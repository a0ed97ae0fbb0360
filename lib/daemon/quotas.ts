/**
 * Users' quotas: what each of them has, and what it may still bring.
 *
 * The count is in the user's database and moves on with every commit. A pass in the background counts
 * what is really there: when a user is first served, once a day, and after old versions were removed.
 *
 * @module
 */
import { OWN_NAME, type RelativePath } from "../core/path.ts";
import {
  type Addition,
  NO_QUOTA,
  NO_USAGE,
  overQuota,
  plus,
  type Quota,
  type Usage,
} from "../core/quota.ts";
import type { Need, Shortage } from "../core/room.ts";
import { partialBytes } from "../io/disk_room.ts";
import { logger } from "../io/log.ts";
import { compareStamps } from "../core/stamp.ts";
import { usageBelow, usageOfUser } from "../io/usage.ts";
import type { Allowance } from "../ports.ts";
import { DAY_MS, describe } from "./faults.ts";
import type { User, Users } from "./users.ts";

/** While it counts in the background it rests for most of the time. */
const REST_MS = 20;
/** So often it counts again when something was committed meanwhile. */
const MOST_TRIES = 3;

const log = logger("quota");

/** What quotas need from the server. */
export interface QuotaPorts {
  readonly users: Pick<Users, "get">;
  /** True for a user that this server serves. */
  readonly serves: (user: string) => boolean;
  /** Of users who have none of their own. */
  readonly userQuota: Quota | undefined;
  /** Removes what broken transfers of a user left, as far as so many bytes need it; gives how many bytes. */
  readonly reclaim: (user: User, bytes: number) => number;
}

/** See the module. */
export class Quotas implements AsyncDisposable {
  readonly #ports: QuotaPorts;
  readonly #stop = new AbortController();
  /** Users that are counted, or wait for it. */
  readonly #waiting = new Set<string>();
  readonly #countedMs = new Map<string, number>();
  #work: Promise<void> = Promise.resolve();

  constructor(ports: QuotaPorts) {
    this.#ports = ports;
  }

  /** The quota that holds for a user. */
  of({ accounts }: Pick<User, "accounts">): Quota {
    return accounts.quota() ?? this.#ports.userQuota ?? NO_QUOTA;
  }

  /** What a user may still bring, asked for each turn; `undefined` for anything. */
  allowance(user: User): Allowance | undefined {
    this.countSometimes(user);
    const quota = this.of(user);
    if (quota.bytes === undefined && quota.files === undefined) {
      return undefined;
    }
    return {
      over: (stage, additions) => this.#over(user, { stage, additions, quota }),
    };
  }

  /** Counts what a user has, in the background. */
  count({ name }: Pick<User, "name">): void {
    if (this.#waiting.has(name) || this.#stop.signal.aborted) return;
    this.#waiting.add(name);
    this.#work = this.#work.then(() => this.#count(name)).catch((error) => {
      if (this.#stop.signal.aborted) return;
      log.warn`What ${name} has was not counted: ${describe(error)}`;
    });
  }

  /** The same, when that was long ago. */
  countSometimes(user: Pick<User, "name">): void {
    const countedMs = this.#countedMs.get(user.name) ?? -Infinity;
    if (performance.now() - countedMs >= DAY_MS) this.count(user);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #over(
    user: User,
    wanted: {
      readonly stage: string;
      readonly additions: readonly Need[];
      readonly quota: Quota;
    },
  ): Promise<ReadonlyMap<RelativePath, Shortage>> {
    const over = await this.#judge(user, wanted);
    if (over.size === 0) return over;
    const missing = [...over.values()].reduce(
      (sum, { needBytes }) => sum + needBytes,
      0,
    );
    const isFreed = this.#ports.reclaim(user, missing) > 0;
    return isFreed ? await this.#judge(user, wanted) : over;
  }

  async #judge(
    user: User,
    { stage, additions, quota }: {
      readonly stage: string;
      readonly additions: readonly Need[];
      readonly quota: Quota;
    },
  ): Promise<ReadonlyMap<RelativePath, Shortage>> {
    const staged = await usageBelow(`${user.directory}/${OWN_NAME}/incoming`, {
      restMs: 0,
      signal: this.#stop.signal,
      isStage: true,
    });
    return overQuota(
      additions.map(({ path, bytes }): Addition => ({
        path,
        bytes,
        haveBytes: partialBytes(stage, path),
      })),
      { user: user.name, quota, used: plus(user.journal.usage(), staged) },
    );
  }

  async #count(name: string): Promise<void> {
    this.#waiting.delete(name);
    const { signal } = this.#stop;
    for (let tries = 1; tries <= MOST_TRIES; tries++) {
      const user = this.#served(name);
      if (user === undefined) return;
      const before = user.journal.usage();
      const { stamp } = user.journal.head();
      const found = await usageOfUser(user.directory, {
        restMs: REST_MS,
        signal,
      });
      const same = this.#served(name);
      if (same?.journal !== user.journal) return;
      // What came in meanwhile may have been counted, or not.
      user.journal.setUsage(
        plus(found, growthBetween(before, user.journal.usage())),
      );
      if (compareStamps(user.journal.head().stamp, stamp) === 0) break;
    }
    this.#countedMs.set(name, performance.now());
  }

  #served(name: string): User | undefined {
    return this.#ports.serves(name) ? this.#ports.users.get(name) : undefined;
  }
}

function growthBetween(before: Usage, after: Usage): Usage {
  return {
    bytes: Math.max(after.bytes - before.bytes, NO_USAGE.bytes),
    files: Math.max(after.files - before.files, NO_USAGE.files),
  };
}
