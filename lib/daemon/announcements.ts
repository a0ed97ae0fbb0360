/**
 * Announcements: what clients say through the broker, checked and looked up in the journal.
 *
 * @module
 */
import { counted } from "../core/plural.ts";
import { pathFault, type RelativePath } from "../core/path.ts";
import {
  msgUpdateSchema,
  parseClientTopic,
  parsePayload,
} from "../core/protocol.ts";
import type { ServerEvent } from "../core/server.ts";
import { compareStamps } from "../core/stamp.ts";
import { TokenBuckets } from "../core/token_buckets.ts";
import { heard, logger } from "../io/log.ts";
import { EVENT_MS, type Faults } from "./faults.ts";
import type { User, Users } from "./users.ts";

const RENEWALS = { capacity: 3, refillMs: 10 * 60 * 1000, maxKeys: 10_000 };
const MAX_SENDERS = 10_000;
/** Canonical place of users' trees in messages, whatever the root is. */
const WIRE_ROOT = "/srv/sinkd";

const log = logger("server");

/** Who said something. */
interface Sender {
  readonly user: string;
  readonly client: string;
}

/** What reading announcements needs. */
export interface AnnouncementPorts {
  readonly users: Users;
  readonly faults: Faults;
  readonly serves: (user: string) => boolean;
  /** True for a client that may log in. */
  readonly isLive: (who: Sender) => boolean;
  /** A client said something that may not log in: its broker has not been told. */
  readonly onRevoked: (who: Sender) => void;
  /** A user's epoch is a new one. */
  readonly onRenewed: (user: User) => void;
}

/** Reads announcements; what cannot be used is counted and told in status. */
export class Announcements {
  readonly #ports: AnnouncementPorts;
  readonly #dropped = new Map<string, number>();
  /** A client that lies about its stamp must not have its user's machines compare all the time. */
  readonly #renewals = new TokenBuckets(RENEWALS);

  constructor(ports: AnnouncementPorts) {
    this.#ports = ports;
  }

  /** What a message means for the queue; `undefined` when it was dropped. */
  read(
    topic: string,
    payload: Uint8Array,
    nowMs: number,
  ): ServerEvent | undefined {
    const who = parseClientTopic(topic);
    if (who === undefined) {
      return this.#drop(topic, "it is not a client's topic");
    }
    const parsed = parsePayload(msgUpdateSchema, payload);
    if (!parsed.ok) return this.#drop(topic, parsed.reason);
    const message = parsed.value;
    if (message.status === "Offline") return { kind: "gone", ...who, nowMs };
    // What came late, of one whom another server serves now.
    if (!this.#ports.serves(who.user)) return undefined;
    const user = this.#ports.users.get(who.user);
    if (user === undefined) return this.#drop(topic, "there is no such user");
    if (!this.#ports.isLive(who)) {
      this.#ports.onRevoked(who);
      return undefined;
    }
    if (message.status === "Report") {
      const { host, needs } = message;
      return { kind: "reported", ...who, host, needs, nowMs };
    }
    const path = treePath(who.user, message.path);
    if (path === undefined) {
      return this.#drop(topic, "its path is not in the user's tree");
    }
    const stamp = { date: message.date, cycle: message.cycle };
    const known = user.journal.head();
    if (
      message.epoch === known.epoch && compareStamps(stamp, known.stamp) > 0
    ) {
      if (!this.#renewals.has(user.name, nowMs)) {
        return this.#drop(topic, "its stamp is of the future, once more");
      }
      this.#renewals.spend(user.name, nowMs);
      this.#ports.users.renewEpoch(user);
      this.#ports.onRenewed(user);
    }
    const head = user.journal.head();
    return {
      kind: "announced",
      ...who,
      path,
      message,
      standing: {
        epoch: head.epoch,
        head: head.stamp,
        changed: user.journal.hasChanges(path, stamp),
      },
      nowMs,
    };
  }

  /** A message that cannot be used is counted, for status and in the log. */
  #drop(topic: string, reason: string): undefined {
    const count = (this.#dropped.get(topic) ?? 0) + 1;
    if (this.#dropped.size < MAX_SENDERS || count > 1) {
      this.#dropped.set(topic, count);
    }
    heard(log, { kind: "dropped messages", source: topic })
      .warn`A message on ${topic} was dropped: ${reason}`;
    this.#ports.faults.note(`dropped ${topic}`, {
      kind: "dropped",
      lastsMs: EVENT_MS,
      path: topic,
      cause: `${counted(count, "message")} ${
        count === 1 ? "was" : "were"
      } dropped, the last because: ${reason}`,
      fix: "run the same version of sinkd on client and server",
    });
  }
}

/** Path of an anchor as messages name it. */
export function wirePath(
  { user, path }: { readonly user: string; readonly path: string },
): string {
  return `${WIRE_ROOT}/${user}/${path}`;
}

function treePath(user: string, path: string): RelativePath | undefined {
  const prefix = wirePath({ user, path: "" });
  if (!path.startsWith(prefix)) return undefined;
  const tree = path.slice(prefix.length);
  return pathFault(tree) === undefined ? tree as RelativePath : undefined;
}
