/**
 * A server that runs: its users, its queue, and what comes in from the broker and from data channels.
 *
 * @module
 */
import {
  newServerState,
  type ServerEffect,
  type ServerEvent,
  type ServerState,
  stepServer,
  type Turn,
} from "../core/server.ts";
import { clientsOfTopic, type ServerRef } from "../core/fleet_protocol.ts";
import { OWN_NAME } from "../core/path.ts";
import { PROTOCOL_VERSION } from "../core/protocol.ts";
import type { Stamp } from "../core/stamp.ts";
import type { ControlReply, ControlRequest } from "../core/control.ts";
import type { Broker } from "../io/broker.ts";
import { readBrokerCa } from "../io/broker_ca.ts";
import type { Channel } from "../io/channel.ts";
import { DiskRooms } from "../io/disk_room.ts";
import type { Visitor } from "../io/front.ts";
import { logger } from "../io/log.ts";
import { Reserve } from "../io/reserve.ts";
import type { LinkEvent } from "../io/mqtt_link.ts";
import { serverRunDirectory } from "../io/server_root.ts";
import { Announcements, wirePath } from "./announcements.ts";
import { restateDisks } from "./disk_faults.ts";
import { DAY_MS, describe, EVENT_MS, Faults } from "./faults.ts";
import { Leases } from "./leases.ts";
import { Logins } from "./logins.ts";
import { Quotas } from "./quotas.ts";
import { prune, reclaim } from "./retention.ts";
import { ServerChannels } from "./server_channels.ts";
import { ServerLink, withoutLogin } from "./server_link.ts";
import type { ServerOptions } from "./server_options.ts";
import { ServerChecks } from "./server_checks.ts";
import { serverReport } from "./server_report.ts";
import { ServerTurns } from "./server_turns.ts";
import { type Serving, servingAll } from "./serving.ts";
import { ShortFaults } from "./short_faults.ts";
import { UserChoice } from "./user_choice.ts";
import { type User, Users } from "./users.ts";
import { whoami } from "./whoami.ts";

const BROADCAST_MS = 5_000;
/** How long a second machine is told of after its last try, in milliseconds. */
const TWIN_MS = 60_000;
const PRUNE_MS = 6 * 60 * 60 * 1000;

const log = logger("server");

/** See the module. */
export class Server {
  readonly faults: Faults = new Faults();
  readonly logins: Logins;
  readonly #options: ServerOptions;
  readonly #users: Users;
  readonly #selection: UserChoice;
  readonly #me: ServerRef | undefined;
  readonly #leases: Leases | undefined;
  readonly #serving: Serving;
  readonly #turns: ServerTurns;
  readonly #rooms: DiskRooms;
  readonly #quotas: Quotas;
  readonly #reserve: Reserve;
  readonly #short: ShortFaults;
  readonly #checks: ServerChecks;
  readonly #channels: ServerChannels;
  readonly #announcements: Announcements;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #brokerCa: string | undefined;
  #state: ServerState;
  #broker: Broker | undefined;
  #listen = "";
  /** Keys of the faults of turns that broke and are still wanted. */
  readonly #broken = new Set<string>();
  #link: ServerLink | undefined;
  #linked = false;
  #closing = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#users = new Users(options.root);
    this.#selection = new UserChoice(options.users, this.#users);
    this.#me = whoami(options);
    this.#leases = this.#me === undefined
      ? undefined
      : this.#openLeases(this.#me);
    this.#serving = this.#leases ?? servingAll(this.#users);
    const serves = (user: string) => this.#serving.serves(user);
    this.logins = new Logins(this.#users, serves);
    this.#brokerCa = readBrokerCa(options.brokerCaFile);
    this.#state = newServerState(options.jobs);
    this.#announcements = new Announcements({
      users: this.#users,
      faults: this.faults,
      serves,
      isLive: (who) => this.logins.isLive(who),
      onRevoked: (who) => this.#noteRevoked(who),
      onRenewed: (user) => this.#link?.head(user),
    });
    this.#checks = new ServerChecks({
      users: this.#users,
      logins: this.logins,
      serves,
      checksumDays: options.checksumDays,
    });
    const { minFree } = options;
    const reserve = new Reserve(`${options.root}/${OWN_NAME}`, minFree);
    reserve.balance();
    this.#reserve = reserve;
    this.#rooms = new DiskRooms({
      minFree,
      owed: (device) => reserve.owed(device),
      reclaim: (device, bytes) =>
        reclaim(
          this.#openUsers(),
          { device, bytes },
          (user) => this.#turns.stages(user),
        ),
    });
    this.#quotas = new Quotas({
      users: this.#users,
      serves: (user) => this.#serving.serves(user),
      userQuota: options.userQuota,
      reclaim: (user, bytes) => {
        const { dev: device } = Deno.statSync(user.directory);
        const inUse = () => this.#turns.stages(user.name);
        return reclaim([user], { device, bytes }, inUse);
      },
    });
    this.#short = new ShortFaults(options.root);
    this.#turns = new ServerTurns({
      users: this.#users,
      runDirectory: serverRunDirectory(options.root),
      logins: this.logins,
      rooms: this.#rooms,
      quotas: this.#quotas,
      onShort: (turn, whose, paths) => this.#short.note(turn, whose, paths),
      reply: (turn, message) => this.#link?.reply(turn, message),
      wirePath,
      assertServed: (user) => this.#assertServed(user),
      onCommit: (user) => {
        this.#link?.head(user);
        this.#checks.onCommit(user);
      },
      onEnded: (turn, stamp, failure) => this.#onEnded(turn, stamp, failure),
    });
    this.#channels = new ServerChannels({
      turns: this.#turns,
      checks: this.#checks,
      logins: this.logins,
      serving: this.#serving,
      broker: withoutLogin(options.broker ?? ""),
      brokerCa: this.#brokerCa,
    });
  }

  /** A second machine has the credentials of one that is connected; it was refused. */
  onTwin(user: string, client: string, address: string): void {
    this.faults.note(`twin ${user}/${client}`, {
      level: "decision",
      path: `${user}/${client}`,
      cause:
        `a second machine, at ${address}, has the credentials of ${user}/${client}, as a copy of it has; it is refused while the first one is connected`,
      fix:
        `on the copy: sinkd join - --name OTHER, with a link from 'sinkd server adduser ${user}'`,
      lastsMs: TWIN_MS,
    });
  }

  /** Whom this server would serve. */
  userNames(): string[] {
    return [...this.#selection.names()];
  }

  /**
   * Checks the users' databases, and finishes what a crash left; what was done is told in status. With
   * leases each is checked when it is ours.
   */
  async start(): Promise<void> {
    if (this.#leases !== undefined) return;
    for (const [index, text] of this.#users.start().entries()) {
      log.warn`${text}`;
      this.faults.note(`users ${index}`, {
        level: "note",
        lastsMs: DAY_MS,
        path: this.#options.root,
        cause: text,
        fix:
          "nothing: every client compares in full, once; this line goes with the next start",
      });
    }
    for (const text of await this.#users.recoverAll()) log.error`${text}`;
  }

  open(at: { broker: Broker | undefined; listen: string }): void {
    this.#broker = at.broker;
    this.#listen = at.listen;
    this.#prune();
    this.#checks.start();
    this.#timers.push(setInterval(() => this.#broadcast(), BROADCAST_MS));
    this.#timers.push(setInterval(() => this.#prune(), PRUNE_MS));
  }

  /** Opens the server's own link to the broker. */
  connect(): ServerLink {
    this.#link = new ServerLink({
      options: this.#options,
      broker: this.#broker,
      brokerCa: this.#brokerCa,
      me: this.#me,
      state: () => this.#state.announced,
      lease: (user) => this.#leases?.numberOf(user) ?? 0,
    }, (event) => this.#onLink(event));
    return this.#link;
  }

  /** Answers a new data channel: a join, or a turn. */
  async takeChannel(
    channel: Channel,
    visitor: Visitor,
    certPems: readonly string[],
  ): Promise<void> {
    if (this.#closing) return channel.close();
    await this.#channels.take(channel, visitor, certPems);
  }

  /** Tells clients that are there to ask for the certificates; the others ask when they come. */
  announcePins(): void {
    for (const [user, { clients }] of this.#state.users) {
      for (const [client, { state }] of clients) {
        if (state === "Offline") continue;
        const message = { kind: "Pins", version: PROTOCOL_VERSION } as const;
        this.#link?.reply({ user, client }, message);
      }
    }
  }

  control(request: Exclude<ControlRequest, { command: "stop" }>): ControlReply {
    switch (request.command) {
      case "status":
        return { ok: true, report: this.#report() };
      case "revoked":
        this.#endRevoked(request.user);
        this.#forgetClient(request.user, request.client);
        return { ok: true, message: "disconnected" };
      case "reload":
        return this.#reload();
      case "rescan":
        this.#checks.hurry();
        for (const user of this.#openUsers()) this.#quotas.count(user);
        return {
          ok: true,
          message:
            "every file is read again and compared with what came here; see 'sinkd status'",
        };
      case "approve":
      case "reject":
      case "pause":
      case "resume":
        return {
          ok: false,
          message:
            `Cannot ${request.command}: this is the server; ask the client, with --pid if need be`,
          exitCode: 2,
        };
    }
  }

  /** Lets go of the users, says Offline, ends what runs, closes the databases. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#leases?.close();
    this.#link?.state("Offline");
    await this.#turns[Symbol.asyncDispose]();
    this.#checks.hangUp();
    await this.#channels.settled();
    await this.#checks[Symbol.asyncDispose]();
    await this.#quotas[Symbol.asyncDispose]();
    this.#users[Symbol.dispose]();
  }

  #openLeases(me: ServerRef): Leases {
    return new Leases({
      users: this.#users,
      faults: this.faults,
      root: this.#options.root,
      me,
      fleet: this.#options.users.kind !== "all",
      selected: () => this.#selection.names(),
      link: () => this.#link,
      onTook: (user) => {
        this.#onServed(user);
        this.#pruneUser(user);
      },
      onLost: async (user) => {
        this.#link?.unlisten([clientsOfTopic(user)]);
        this.#do({ kind: "dropped", user });
        await this.#turns.ended(user);
        await this.#checks.close(user);
      },
    });
  }

  /** From now on its clients are heard; they hear where the head is. */
  #onServed(user: User): void {
    if (this.#me !== undefined) this.#link?.listen([clientsOfTopic(user.name)]);
    this.#link?.head(user);
    this.#checks.take(user);
    this.#quotas.countSometimes(user);
  }

  #assertServed(user: string): void {
    if (this.#serving.serves(user)) return;
    throw new Error(
      `Cannot go on with the transfer: ${user} is not served here any more`,
    );
  }

  #reload(): ControlReply {
    try {
      this.#selection.reload();
    } catch (error) {
      return { ok: false, message: describe(error), exitCode: 2 };
    }
    this.#leases?.look();
    return {
      ok: true,
      message: "the certificate and the list of users were read again",
    };
  }

  #onLink(event: LinkEvent): void {
    switch (event.kind) {
      case "up":
        this.#linked = true;
        this.faults.clear("broker");
        this.#leases?.linkUp();
        this.#do({ kind: "linkUp" });
        for (const name of this.#serving.names()) {
          const user = this.#users.get(name);
          if (user !== undefined) this.#onServed(user);
        }
        return;
      case "down":
      case "refused":
        this.#linked = false;
        this.#leases?.linkDown();
        if (this.#closing) return;
        log.warn`The broker is out of reach: ${event.reason}`;
        this.faults.note("broker", {
          path: withoutLogin(this.#options.broker ?? "embedded broker"),
          cause: event.reason,
          fix:
            "check that the broker runs, its address and the password in --broker",
        });
        return;
      case "message": {
        const { topic, payload } = event;
        if (this.#leases?.message(topic, payload) === true) return;
        const read = this.#announcements.read(topic, payload, Date.now());
        if (read !== undefined) this.#do(read);
      }
    }
  }

  #onEnded(
    turn: Turn,
    stamp: Stamp | undefined,
    failure: string | undefined,
  ): void {
    const key = turnKey(turn);
    const away = !this.#serving.serves(turn.user);
    const revoked = !away && this.#isRevoked(turn);
    if (failure === undefined || away || revoked) this.#fixed(key);
    else {
      this.#broken.add(key);
      this.faults.note(key, {
        kind: "turn",
        path: `${this.#options.root}/${turn.user}/${turn.path}`,
        cause: `the transfer of ${turn.client} failed: ${failure}`,
        fix:
          `sinkd retries by itself; if it stays, run sinkd status on ${turn.client}`,
      });
    }
    this.#do({ kind: "turnEnded", turn, stamp, nowMs: Date.now() });
    // While it ran what it was sending could not be removed.
    if (revoked) this.#forgetClient(turn.user, turn.client);
  }

  #isRevoked({ user, client }: Turn): boolean {
    const clients = this.#users.get(user)?.accounts.clients() ?? [];
    return clients.some((each) => each.client === client && each.revoked);
  }

  #do(event: ServerEvent): void {
    const { state, effects } = stepServer(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    if (event.kind === "announced" || event.kind === "gone") {
      this.#restateTurns(event);
    }
  }

  /** A turn that broke is no fault any more when its client does not ask for it again, or is gone. */
  #restateTurns(who: { user: string; client: string }): void {
    const view = this.#state.users.get(who.user);
    const wanted = new Set(
      [...view?.queue ?? [], ...view?.active ?? []].map(turnKey),
    );
    for (const key of this.#broken) {
      const isOf = key.startsWith(turnKey({ ...who, path: "" }));
      if (isOf && !wanted.has(key)) this.#fixed(key);
    }
  }

  #fixed(key: string): void {
    this.#broken.delete(key);
    this.faults.clear(key);
  }

  #perform(effect: ServerEffect): void {
    switch (effect.kind) {
      case "publishState":
        return this.#leases === undefined
          ? this.#link?.state(effect.state)
          : this.#leases.say();
      case "reply":
        return this.#link?.reply(effect, effect.message);
      case "startTurn":
        this.#reserve.balance();
        return this.#turns.start(effect.turn);
      case "cancelTurn":
        return this.#turns.cancel(effect.turn);
    }
  }

  #broadcast(): void {
    this.#do({ kind: "tick" });
    this.#reserve.balance();
    this.#restateDisks();
    if (this.#leases === undefined) {
      this.#link?.state(this.#state.announced, 0);
    }
    for (const name of this.#state.users.keys()) {
      if (!this.#serving.serves(name)) continue;
      const user = this.#users.get(name);
      if (user !== undefined) this.#link?.head(user, 0);
    }
    this.#endRevoked();
  }

  /**
   * Whose login does not count any more has nothing open, and nothing that waits for it: of one user, or
   * of all, which finds what was revoked while this server could not be told.
   */
  #endRevoked(user?: string): void {
    this.logins.endRevoked(user);
    const names = user === undefined ? [...this.#state.users.keys()] : [user];
    for (const name of names) {
      if (!this.#serving.serves(name)) continue;
      const live = this.#users.get(name)?.accounts.marks();
      const clients = this.#state.users.get(name)?.clients ?? new Map();
      for (const [client, { state }] of clients) {
        if (state === "Offline" || live?.has(client) === true) continue;
        this.#do({ kind: "gone", user: name, client, nowMs: Date.now() });
        this.#forgetClient(name, client);
      }
    }
  }

  /** A broker of one's own lets in whom its password file names, until it gets another one. */
  #noteRevoked({ user, client }: { user: string; client: string }): void {
    if (this.#broker !== undefined) return;
    const name = `${user}/${client}`;
    this.faults.note(`revoked ${name}`, {
      lastsMs: EVENT_MS,
      path: name,
      cause:
        `it is revoked, and still logged in at the broker; what it says is dropped`,
      fix:
        "give the broker what 'sinkd server broker-acl' prints, with and without --passwords, and have it reload",
    });
  }

  #prune(): void {
    for (const name of this.#serving.names()) {
      const user = this.#users.get(name);
      if (user !== undefined) this.#pruneUser(user);
    }
  }

  #pruneUser(user: User): void {
    const { historyDays } = this.#options;
    const inUse = this.#turns.stages(user.name);
    const isLess = prune(user, { historyDays, inUse });
    if (isLess) this.#quotas.count(user);
    else this.#quotas.countSometimes(user);
  }

  /** Nobody waits for what a revoked machine was sending. */
  #forgetClient(name: string, client: string): void {
    this.#short.forget(name, client);
    const user = this.#users.get(name);
    if (user !== undefined && this.#serving.serves(name)) this.#pruneUser(user);
  }

  #openUsers(): User[] {
    return this.#serving.names().flatMap((name) => this.#users.get(name) ?? []);
  }

  #restateDisks(): void {
    restateDisks(this.faults, {
      rooms: this.#rooms,
      directories: [this.#options.root],
      machine: "this server",
    });
  }

  #report() {
    const { broker } = this.#options;
    this.#restateDisks();
    return serverReport({
      listen: this.#listen,
      broker: broker === undefined ? "embedded" : withoutLogin(broker),
      linked: this.#linked,
      state: this.#state,
      users: this.#users.names()
        .filter((name) => this.#serving.serves(name))
        .flatMap((name) => this.#users.get(name) ?? []),
      elsewhere: this.#serving.elsewhere(),
      transfers: (user) => this.#turns.transfers(user),
      checks: (user) => this.#checks.report(user),
      quota: (user) => this.#quotas.of(user),
      faults: [
        ...this.#short.list((user, client) => {
          const seen = this.#state.users.get(user)?.clients.get(client);
          return seen !== undefined && seen.needs.problems > 0;
        }),
        ...this.faults.list(),
        ...this.#checks.faults(),
      ],
    });
  }
}

/** Key of the fault of a client's turn. */
function turnKey(
  { user, client, path }: {
    readonly user: string;
    readonly client: string;
    readonly path: string;
  },
): string {
  return `turn ${user}/${client}/${path}`;
}
