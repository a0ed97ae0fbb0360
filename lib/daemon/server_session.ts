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
import { PROTOCOL_VERSION } from "../core/protocol.ts";
import type { Stamp } from "../core/stamp.ts";
import type { ControlReply, ControlRequest } from "../core/control.ts";
import type { Broker } from "../io/broker.ts";
import { readBrokerCa } from "../io/broker_ca.ts";
import type { Channel } from "../io/channel.ts";
import type { Visitor } from "../io/front.ts";
import { logger } from "../io/log.ts";
import type { LinkEvent } from "../io/mqtt_link.ts";
import { Announcements, wirePath } from "./announcements.ts";
import { Faults } from "./faults.ts";
import { Logins } from "./logins.ts";
import { prune } from "./retention.ts";
import { ServerChannels } from "./server_channels.ts";
import { ServerLink, withoutLogin } from "./server_link.ts";
import type { ServerOptions } from "./server_options.ts";
import { serverReport } from "./server_report.ts";
import { ServerTurns } from "./server_turns.ts";
import { Users } from "./users.ts";

const BROADCAST_MS = 5_000;
const PRUNE_MS = 6 * 60 * 60 * 1000;

const log = logger("server");

/** See the module. */
export class Server {
  readonly faults: Faults = new Faults();
  readonly stopped: Promise<void>;
  readonly #options: ServerOptions;
  readonly #users: Users;
  readonly #logins: Logins;
  readonly #turns: ServerTurns;
  readonly #channels: ServerChannels;
  readonly #announcements: Announcements;
  readonly #stop: () => void;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #brokerCa: string | undefined;
  #state: ServerState;
  #broker: Broker | undefined;
  #listen = "";
  #link: ServerLink | undefined;
  #linked = false;
  #closing = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#users = new Users(options.root);
    this.#logins = new Logins(this.#users);
    this.#brokerCa = readBrokerCa(options.brokerCaFile);
    this.#state = newServerState(options.jobs);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.stopped = promise;
    this.#stop = resolve;
    this.#announcements = new Announcements({
      users: this.#users,
      faults: this.faults,
      onRenewed: (user) => this.#link?.head(user),
    });
    this.#turns = new ServerTurns({
      users: this.#users,
      logins: this.#logins,
      minFreePercent: options.minFreePercent,
      reply: (turn, message) => this.#link?.reply(turn, message),
      wirePath,
      onCommit: (user) => this.#link?.head(user),
      onEnded: (turn, stamp, failure) => this.#onEnded(turn, stamp, failure),
    });
    this.#channels = new ServerChannels({
      turns: this.#turns,
      logins: this.#logins,
      broker: withoutLogin(options.broker ?? ""),
      brokerCa: this.#brokerCa,
    });
  }

  authenticate(
    who: { readonly user: string; readonly client: string },
    secret: string,
    address: string,
  ): boolean | "later" {
    const outcome = this.#logins.verify(who, secret, address);
    return outcome === "later" ? outcome : outcome === "good";
  }

  userNames(): string[] {
    return this.#users.names();
  }

  /** Checks the users' databases; what was done to them is told in status. */
  start(): void {
    for (const [index, text] of this.#users.start().entries()) {
      log.warn`${text}`;
      this.faults.note(`users ${index}`, {
        path: this.#options.root,
        cause: text,
        fix:
          "nothing: every client compares in full, once; this line goes with the next start",
      });
    }
  }

  open(at: { broker: Broker | undefined; listen: string }): void {
    this.#broker = at.broker;
    this.#listen = at.listen;
    this.#prune();
    this.#timers.push(setInterval(() => this.#broadcast(), BROADCAST_MS));
    this.#timers.push(setInterval(() => this.#prune(), PRUNE_MS));
  }

  /** Opens the server's own link to the broker. */
  connect(): ServerLink {
    this.#link = new ServerLink({
      options: this.#options,
      broker: this.#broker,
      brokerCa: this.#brokerCa,
    }, (event) => this.#onLink(event));
    return this.#link;
  }

  /** Answers a new data channel: a join, or a turn. */
  async takeChannel(
    channel: Channel,
    visitor: Visitor,
    certPems: readonly string[],
  ): Promise<void> {
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

  control(request: ControlRequest): ControlReply {
    switch (request.command) {
      case "status":
        return { ok: true, report: this.#report() };
      case "stop":
        this.#stop();
        return { ok: true, message: "stopping" };
      case "revoked":
        this.#broker?.disconnect(request.user, request.client);
        return { ok: true, message: "disconnected" };
      case "reload":
        return {
          ok: true,
          message:
            "the certificate was read again; the server has no configuration",
        };
      case "approve":
      case "reject":
      case "pause":
      case "resume":
      case "rescan":
        return {
          ok: false,
          message:
            `Cannot ${request.command}: this is the server; ask the client, with --pid if need be`,
          exitCode: 2,
        };
    }
  }

  /** Says Offline, ends what runs, closes the databases. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#link?.state("Offline");
    await this.#turns[Symbol.asyncDispose]();
    await this.#channels.settled();
    this.#users[Symbol.dispose]();
  }

  #onLink(event: LinkEvent): void {
    switch (event.kind) {
      case "up":
        this.#linked = true;
        this.faults.clear("broker");
        this.#do({ kind: "linkUp" });
        for (const name of this.#users.names()) {
          const user = this.#users.get(name);
          if (user !== undefined) this.#link?.head(user);
        }
        return;
      case "down":
      case "refused":
        this.#linked = false;
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
    const key = `${turn.user}/${turn.client}/${turn.path}`;
    if (failure === undefined) this.faults.clear(key);
    else {
      this.faults.note(key, {
        path: `${this.#options.root}/${turn.user}/${turn.path}`,
        cause: `the turn of ${turn.client} broke: ${failure}`,
        fix:
          "sinkd tries again by itself; if it stays, look at the client's status",
      });
    }
    this.#do({ kind: "turnEnded", turn, stamp, nowMs: Date.now() });
  }

  #do(event: ServerEvent): void {
    const { state, effects } = stepServer(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ServerEffect): void {
    switch (effect.kind) {
      case "publishState":
        return this.#link?.state(effect.state);
      case "reply":
        return this.#link?.reply(effect, effect.message);
      case "startTurn":
        return this.#turns.start(effect.turn);
      case "cancelTurn":
        return this.#turns.cancel(effect.turn);
    }
  }

  #broadcast(): void {
    this.#link?.state(this.#state.announced, 0);
    for (const name of this.#state.users.keys()) {
      const user = this.#users.get(name);
      if (user !== undefined) this.#link?.head(user, 0);
    }
    this.#disconnectRevoked();
  }

  #disconnectRevoked(): void {
    for (const [name, { clients }] of this.#state.users) {
      const accounts = this.#users.get(name)?.accounts.clients() ?? [];
      for (const { client, revoked } of accounts) {
        if (!revoked || clients.get(client)?.state === "Offline") continue;
        this.#broker?.disconnect(name, client);
      }
    }
  }

  #prune(): void {
    for (const name of this.#users.names()) {
      const user = this.#users.get(name);
      if (user !== undefined) prune(user, this.#options.historyDays);
    }
  }

  #report() {
    const { broker } = this.#options;
    return serverReport({
      listen: this.#listen,
      broker: broker === undefined ? "embedded" : withoutLogin(broker),
      linked: this.#linked,
      state: this.#state,
      users: this.#users.names().flatMap((name) => this.#users.get(name) ?? []),
      faults: this.faults.list(),
    });
  }
}
