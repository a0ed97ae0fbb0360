/**
 * Leases, carried out: what the broker and the clock tell goes into the rules of `core/lease.ts`,
 * and what comes of it is written down, published and served.
 *
 * @module
 */
import { remedyFor } from "../core/remedies.ts";
import {
  leaseTopic,
  type MsgLease,
  msgLeaseSchema,
  msgServerSchema,
  parseFleetTopic,
  type ServerRef,
  serverStatusTopic,
} from "../core/fleet_protocol.ts";
import { stepLease } from "../core/lease.ts";
import type { LeaseEffect, LeaseEvent } from "../core/lease_events.ts";
import { standing } from "../core/lease_standing.ts";
import {
  BEAT_MS,
  type Copy,
  holds,
  type Instant,
  type LeaseState,
  newLeaseState,
  recordOf,
  SETTLE_MS,
} from "../core/lease_state.ts";
import { parsePayload, PROTOCOL_VERSION } from "../core/protocol.ts";
import type { Elsewhere } from "../core/status.ts";
import { heard, logger } from "../io/log.ts";
import {
  readTenure,
  type TenureRecord,
  writeTenure,
} from "../io/tenure_file.ts";
import { describe, EVENT_MS, type Faults } from "./faults.ts";
import type { ServerLink } from "./server_link.ts";
import type { Serving } from "./serving.ts";
import type { User, Users } from "./users.ts";

/** What leases need of the server. */
export interface LeasePorts {
  readonly users: Users;
  readonly faults: Faults;
  readonly root: string;
  readonly me: ServerRef;
  /** True when this is known to be one server of several. */
  readonly fleet: boolean;
  /** Whom to serve, of those in the root. */
  readonly selected: () => readonly string[];
  readonly link: () => ServerLink | undefined;
  readonly onTook: (user: User) => void;
  /** Ends what runs; resolves when it has. */
  readonly onLost: (user: string) => Promise<void>;
}

/** How much later than it was sent a claim may come back and still be settled at once. */
const SETTLE_SLACK_MS = 300;

/** How long another server of the same identity is told after its last beat. */
const TWIN_MS = 60_000;

const log = logger("lease");

/** See the module. */
export class Leases implements Serving {
  readonly #ports: LeasePorts;
  readonly #timer: ReturnType<typeof setInterval>;
  /** The last record of each user as it came, for people. */
  readonly #records = new Map<string, MsgLease>();
  /** Users whose turns are ending, after which the release is published. */
  readonly #lettingGo = new Map<string, Promise<void>>();
  #state: LeaseState;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #closing = false;

  constructor(ports: LeasePorts) {
    this.#ports = ports;
    this.#state = newLeaseState(ports.me, { fleet: ports.fleet });
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
  }

  serves(user: string): boolean {
    return holds(this.#state, user, clock());
  }

  mayJoin(user: string): boolean {
    if (this.#ports.selected().includes(user)) this.#want(user);
    const tenure = this.#state.users.get(user);
    if (tenure === undefined) return false;
    const { kind } = standing(this.#state, tenure, clock().steadyMs);
    return kind === "holding" || kind === "free";
  }

  names(): string[] {
    return [...this.#state.users.keys()].filter((user) => this.serves(user))
      .sort();
  }

  /** The fencing number of a lease that is ours; 0 when it is not. */
  numberOf(user: string): number {
    const phase = this.#state.users.get(user)?.phase;
    return phase?.kind === "holding" ? phase.number : 0;
  }

  elsewhere(): Elsewhere[] {
    const others = [...this.#state.users].filter(([user]) =>
      !this.serves(user)
    );
    return others.map(([user, tenure]) => {
      const record = this.#records.get(user);
      const found = standing(this.#state, tenure, clock().steadyMs);
      return {
        user,
        server: record?.server.name ?? "",
        address: record?.server.address ?? "",
        since: record?.since ?? null,
        reason: found.kind === "taken"
          ? "taken"
          : found.kind === "stale"
          ? "stale"
          : "waiting",
      };
    });
  }

  /** The link is up: everything is asked and said anew. */
  linkUp(): void {
    this.#do({ kind: "linkUp", now: clock() });
    this.look();
  }

  linkDown(): void {
    this.#do({ kind: "linkDown" });
  }

  /** The server's state has changed, which a beat tells. */
  say(): void {
    this.#do({ kind: "tick", now: clock() });
  }

  /** Looks who is to be served, and whether their directories are what they were. */
  look(): void {
    if (this.#closing) return;
    const selected = this.#ports.selected();
    for (const user of selected) this.#want(user);
    const wanted = new Set(selected);
    for (const user of this.#state.users.keys()) {
      if (!wanted.has(user)) this.#unwant(user);
    }
  }

  /** True when the message was one of the fleet's. */
  message(topic: string, payload: Uint8Array): boolean {
    const about = parseFleetTopic(topic);
    if (about === undefined) return false;
    if (this.#closing) return true;
    if (about.kind === "server") this.#onStatus(about.server, payload);
    else this.#onLease(about.user, payload);
    return true;
  }

  /** Lets go of every user; resolves when all of it is published. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#timer);
    clearTimeout(this.#settling);
    for (const user of [...this.#state.users.keys()]) this.#unwant(user);
    await Promise.all(this.#lettingGo.values());
  }

  #beat(): void {
    this.#do({ kind: "tick", now: clock() });
    this.look();
  }

  #want(user: string): void {
    if (this.#closing || this.#lettingGo.has(user)) return;
    const known = this.#state.users.get(user);
    if (known !== undefined && known.phase.kind !== "waiting") return;
    const copy = this.#copyOf(user, known?.copy);
    if (copy === undefined) return;
    this.#do({ kind: "want", user, copy, now: clock() });
    this.#noteStale(user);
  }

  #unwant(user: string): void {
    this.#records.delete(user);
    this.#ports.faults.clear(`lease ${user}`);
    this.#ports.faults.clear(`lease read ${user}`);
    this.#do({ kind: "unwant", user });
  }

  /**
   * What the user's directory tells; `undefined` when that is no news, when there is no such user, or
   * when it cannot be read. Nothing of it stays open: it may be exchanged for a newer one.
   */
  #copyOf(name: string, known: Copy | undefined): Copy | undefined {
    const { users, faults, root } = this.#ports;
    try {
      const tenure = readTenure(`${root}/${name}`);
      faults.clear(`lease read ${name}`);
      if (known !== undefined && sameTenure(known, tenure)) return undefined;
      const user = users.sound(name);
      if (user === undefined) return undefined;
      const { epoch, stamp } = user.journal.head();
      users.close(name);
      return { ...tenure, head: { epoch, ...stamp } };
    } catch (error) {
      const cause = describe(error);
      faults.note(`lease read ${name}`, {
        path: `${root}/${name}`,
        cause,
        fix: `${remedyFor(cause)}; sinkd retries by itself`,
      });
      return undefined;
    }
  }

  #onStatus(server: string, payload: Uint8Array): void {
    const parsed = parsePayload(msgServerSchema, payload);
    if (!parsed.ok) return this.#drop(server, parsed.reason);
    const { boot, beat } = parsed.value;
    this.#do({ kind: "beat", server, boot, beat, now: clock() });
  }

  #onLease(user: string, payload: Uint8Array): void {
    const parsed = parsePayload(msgLeaseSchema, payload);
    if (!parsed.ok) return this.#drop(user, parsed.reason);
    const message = parsed.value;
    if (this.#state.users.has(user)) this.#records.set(user, message);
    const { boot } = message.server;
    const record = recordOf(message);
    this.#do({ kind: "record", user, record, boot, now: clock() });
    this.#noteStale(user);
  }

  #drop(of: string, reason: string): void {
    heard(log, { kind: "dropped messages", source: of })
      .warn`A message about ${of} was dropped: ${reason}`;
    this.#ports.faults.note(`fleet ${of}`, {
      kind: "dropped",
      lastsMs: EVENT_MS,
      path: of,
      cause: `a message of another server was dropped: ${reason}`,
      fix: "run the same version of sinkd on all servers",
    });
  }

  /** A directory that is older than the newest one waits for a person. */
  #noteStale(user: string): void {
    const { faults, root } = this.#ports;
    const tenure = this.#state.users.get(user);
    if (tenure === undefined) return;
    const found = standing(this.#state, tenure, clock().steadyMs);
    if (found.kind !== "stale") return faults.clear(`lease ${user}`);
    const server = this.#records.get(user)?.server;
    faults.note(`lease ${user}`, {
      level: "decision",
      path: `${root}/${user}`,
      cause: `this directory is older than that of ${
        server?.name ?? "another server"
      }, which served ${user} after it`,
      fix:
        `copy the directory from there, then sinkd server reload; or, when that one is lost for good: sinkd server adopt ${user}`,
    });
  }

  #do(event: LeaseEvent): void {
    const { state, effects } = stepLease(this.#state, event);
    this.#state = state;
    const listen = effects.flatMap((effect) =>
      effect.kind === "listen" ? [leaseTopic(effect.user)] : []
    );
    this.#ports.link()?.listen(listen);
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: LeaseEffect): void {
    const link = this.#ports.link();
    switch (effect.kind) {
      case "listen": // all of them at once, in `#do`
        return;
      case "unlisten":
        return link?.unlisten([leaseTopic(effect.user)]);
      case "watch":
        return link?.listen([serverStatusTopic(effect.server)]);
      case "beat":
        return link?.beat(effect.beat);
      case "publish":
        // What could not be written down is not ours: see `#take`.
        if (!this.#state.users.has(effect.user)) return;
        if (effect.record.kind === "claim") this.#sayLater();
        return link?.lease(effect.user, this.#message(effect.record));
      case "took":
        return this.#take(effect);
      case "lost":
        log.warn`${effect.user} is not served here any more: ${effect.reason}`;
        return this.#lose(effect.user);
      case "letGo":
        return this.#letGo(effect);
      case "twin":
        return this.#ports.faults.note("twin", {
          level: "decision",
          lastsMs: TWIN_MS,
          path: this.#ports.root,
          cause: "another server uses this one's identity",
          fix:
            "stop one of them and remove .sinkd/server-id from its root: each server needs its own",
        });
    }
  }

  /** A claim is settled by a beat, which need not wait for the regular one. */
  #sayLater(): void {
    if (!this.#ports.fleet || this.#settling !== undefined) return;
    this.#settling = setTimeout(() => {
      this.#settling = undefined;
      this.say();
    }, SETTLE_MS + SETTLE_SLACK_MS);
  }

  #message(
    record: Extract<LeaseEffect, { kind: "publish" }>["record"],
  ): MsgLease {
    return {
      ...record,
      version: PROTOCOL_VERSION,
      server: this.#ports.me,
      since: new Date().toISOString(),
    };
  }

  /** The number is on the disk before anybody is served under it. */
  #take(
    { user: name, number, keepEpoch }: Extract<LeaseEffect, { kind: "took" }>,
  ): void {
    const { users, faults, root, me } = this.#ports;
    try {
      const said = users.prepare(name, { keepEpoch, copied: true });
      for (const text of said) log.warn`${text}`;
      const user = users.get(name);
      if (user === undefined) throw new Error("the user is gone");
      writeTenure(user.directory, {
        number,
        holder: me.id,
        released: false,
        adopted: false,
      });
      log.info`${name} is served here, lease ${number}`;
      faults.clear(`lease ${name}`);
      this.#ports.onTook(user);
    } catch (error) {
      log.error`${name} cannot be served: ${describe(error)}`;
      faults.note(`lease ${name}`, {
        path: `${root}/${name}`,
        cause: `it cannot be served: ${describe(error)}`,
        fix: `${remedyFor(describe(error))}; sinkd retries by itself`,
      });
      const users = new Map(this.#state.users);
      users.delete(name);
      this.#state = { ...this.#state, users };
    }
  }

  /** Nothing stays open of a directory that may be exchanged for a newer one. */
  #lose(user: string): void {
    this.#ports.onLost(user).then(() => {
      if (!this.serves(user)) this.#ports.users.close(user);
    }).catch((error) => log.error`${user}: ${describe(error)}`);
  }

  #letGo(
    { user, number }: Extract<LeaseEffect, { kind: "letGo" }>,
  ): void {
    const letting = this.#release(user, number).catch((error) => {
      log.error`${user} was not let go cleanly: ${describe(error)}`;
    }).finally(() => this.#lettingGo.delete(user));
    this.#lettingGo.set(user, letting);
  }

  /** Clients and the next server hear of it when all that ran has ended. */
  async #release(name: string, number: number): Promise<void> {
    const { users, me } = this.#ports;
    await this.#ports.onLost(name);
    const user = users.get(name);
    if (user === undefined) return;
    const { epoch, stamp } = user.journal.head();
    writeTenure(user.directory, {
      number,
      holder: me.id,
      released: true,
      adopted: false,
    });
    const link = this.#ports.link();
    link?.moving(user);
    link?.lease(name, {
      kind: "released",
      version: PROTOCOL_VERSION,
      number,
      server: me,
      since: new Date().toISOString(),
      head: { epoch, ...stamp },
    });
    users.close(name);
    log.info`${name} was let go, lease ${number}`;
  }
}

function clock(): Instant {
  return { steadyMs: performance.now(), wallMs: Date.now() };
}

function sameTenure(left: TenureRecord, right: TenureRecord): boolean {
  return left.number === right.number && left.adopted === right.adopted &&
    left.released === right.released && left.holder === right.holder;
}
