/**
 * The server: one port for clients, a broker, a queue for each user, and rsync for every transfer.
 *
 * @module
 */
import type { Address } from "../core/address.ts";
import { OWN_NAME, pathFault, type RelativePath } from "../core/path.ts";
import {
  ALL_CLIENTS_TOPIC,
  headTopic,
  type MsgReply,
  msgUpdateSchema,
  parseClientTopic,
  parsePayload,
  PROTOCOL_VERSION,
  replyTopic,
  SERVER_TOPIC,
} from "../core/protocol.ts";
import {
  newServerState,
  type ServerEffect,
  type ServerEvent,
  type ServerState,
  stepServer,
  type Turn,
} from "../core/server.ts";
import { SERVER_ACCOUNT } from "../core/broker_acl.ts";
import { UsageError } from "../core/fault.ts";
import { compareStamps } from "../core/stamp.ts";
import { TokenBuckets } from "../core/token_buckets.ts";
import type { ControlReply, ControlRequest } from "../core/control.ts";
import type { Broker } from "../io/broker.ts";
import type { Channel } from "../io/channel.ts";
import { readBrokerCa } from "../io/broker_ca.ts";
import { ensureBrokerLogin } from "../io/broker_login.ts";
import { ensureCertificate } from "../io/certificate.ts";
import { openControl } from "../io/control.ts";
import { openFront, type Visitor } from "../io/front.ts";
import { helloJoinSchema, serveJoin } from "../io/join.ts";
import { logger } from "../io/log.ts";
import { type Link, type LinkEvent, openLink } from "../io/mqtt_link.ts";
import { lockPidFile, socketPathOf } from "../io/pid_file.ts";
import { checkRsync } from "../io/rsync_version.ts";
import { serverOwnDirectory } from "../io/server_root.ts";
import { describe, Faults } from "./faults.ts";
import { Logins } from "./logins.ts";
import { openRestoreDaemon } from "./restore_daemon.ts";
import { prune } from "./retention.ts";
import { serverReport } from "./server_report.ts";
import { parseHelloTurn, ServerTurns } from "./server_turns.ts";
import { type User, Users } from "./users.ts";

/** Where the server works and what it offers. */
export interface ServerOptions {
  readonly root: string;
  readonly listenHost: string;
  /** 0 picks a free port. */
  readonly listenPort: number;
  /** URL of an external broker; the embedded one when `undefined`. */
  readonly broker: string | undefined;
  /** Certificates to trust it by, beside the well-known ones. */
  readonly brokerCaFile: string | undefined;
  /** Where plain rsync may read users' trees; nowhere when `undefined`. */
  readonly rsyncd: Address | undefined;
  readonly pidFile: string;
  /** Most turns at one time. */
  readonly jobs: number;
  readonly historyDays: number;
  /** How much of the disk must stay free, in percent. */
  readonly minFreePercent: number;
}

const ROOT_MODE = 0o2770;
const BROADCAST_MS = 5_000;
const PRUNE_MS = 6 * 60 * 60 * 1000;
const RENEWALS = { capacity: 3, refillMs: 10 * 60 * 1000, maxKeys: 10_000 };
const HELLO_LIMIT_MS = 10_000;
/** Canonical place of users' trees in messages, whatever the root is. */
const WIRE_ROOT = "/srv/sinkd";

const log = logger("server");

/** Runs until `shutdown` aborts; throws when it cannot start. */
export async function runServer(
  options: ServerOptions,
  shutdown: AbortSignal,
): Promise<void> {
  await using lock = lockPidFile(options.pidFile);
  if (lock === undefined) {
    throw new UsageError(
      `Cannot start the server: the pid file ${options.pidFile} is held by another sinkd; stop that one, or name another file with --pid`,
    );
  }
  const rsync = await checkRsync();
  makeRoot(options.root);
  const server = new Server(options);
  if (rsync.warning !== undefined) {
    log.warn`${rsync.warning}`;
    server.faults.note("rsync", {
      path: "rsync",
      cause: rsync.warning,
      fix: "install a newer rsync",
    });
  }
  server.start();
  const certificate = await ensureCertificate(`${options.root}/${OWN_NAME}`);
  const { openBroker } = await import("../io/broker.ts");
  await using broker = options.broker !== undefined
    ? undefined
    : await openBroker({
      authenticate: (user, client, secret, address) =>
        Promise.resolve(server.authenticate({ user, client }, secret, address)),
      onFault: (error) => log.error`${describe(error)}`,
    });
  await using front = await openFront({
    host: options.listenHost,
    port: options.listenPort,
    ...certificate,
  }, {
    onMqtt: (stream, visitor) =>
      broker === undefined ? stream.destroy() : broker.handle(stream, visitor),
    onChannel: (channel, visitor) =>
      void server.takeChannel(channel, visitor, [certificate.certPem]),
  });
  await using _restoring = await openRestoreDaemon({
    root: options.root,
    address: options.rsyncd,
    users: server.userNames(),
    faults: server.faults,
  });
  server.open({ broker, listen: `${front.host}:${front.port}` });
  await using _link = server.connect();
  await using _control = await openControl(
    socketPathOf(options.pidFile),
    (request) => Promise.resolve(server.control(request)),
  );
  log.info`sinkd server on ${front.host}:${front.port}, root ${options.root}`;
  await Promise.race([aborted(shutdown), server.stopped]);
  await server.close();
  log.info`The server stopped`;
}

class Server {
  readonly faults = new Faults();
  readonly stopped: Promise<void>;
  readonly #options: ServerOptions;
  readonly #users: Users;
  readonly #logins: Logins;
  readonly #turns: ServerTurns;
  readonly #stop: () => void;
  readonly #dropped = new Map<string, number>();
  readonly #channels = new Set<Promise<void>>();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #brokerCa: string | undefined;
  /** A client that lies about its stamp must not have its user's machines compare all the time. */
  readonly #renewals = new TokenBuckets(RENEWALS);
  #state: ServerState;
  #broker: Broker | undefined;
  #listen = "";
  #link: Link | undefined;
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
    this.#turns = new ServerTurns({
      users: this.#users,
      logins: this.#logins,
      minFreePercent: options.minFreePercent,
      reply: (turn, message) => this.#reply(turn, message),
      wirePath: (turn) => `${WIRE_ROOT}/${turn.user}/${turn.path}`,
      onCommit: (user) => this.#publishHead(user),
      onEnded: (turn, stamp, failure) => {
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
      },
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
  connect(): Link {
    const broker = this.#broker;
    const target = broker === undefined
      ? {
        kind: "url" as const,
        url: this.#options.broker ?? "",
        caPems: this.#brokerCa === undefined ? [] : [this.#brokerCa],
      }
      : { kind: "stream" as const, open: () => broker.connectServer() };
    const offline = JSON.stringify({
      version: PROTOCOL_VERSION,
      state: "Offline",
    });
    this.#link = openLink({
      target,
      ...this.#brokerLogin(),
      clientId: SERVER_ACCOUNT,
      will: { topic: SERVER_TOPIC, payload: offline, retain: true },
      subscriptions: [ALL_CLIENTS_TOPIC],
    }, (event) => this.#onLink(event));
    return this.#link;
  }

  /** What `--broker` does not say of the server's own login is in a file that only the server reads. */
  #brokerLogin(): { username: string; password: string } | undefined {
    const { broker, root } = this.#options;
    if (broker === undefined || new URL(broker).username !== "") return;
    const { name, secret } = ensureBrokerLogin(serverOwnDirectory(root));
    return { username: name, password: secret };
  }

  /** Answers a new data channel: a join, or a turn. */
  async takeChannel(
    channel: Channel,
    visitor: Visitor,
    certPems: readonly string[],
  ): Promise<void> {
    const work = this.#serveChannel(channel, visitor, certPems).catch(
      (error) => {
        log.warn`A data channel broke: ${describe(error)}`;
        channel.close();
      },
    );
    this.#channels.add(work);
    await work;
    this.#channels.delete(work);
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
          message: "the server has no configuration to read again",
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
    this.#publish(
      SERVER_TOPIC,
      { version: PROTOCOL_VERSION, state: "Offline" },
      1,
    );
    await this.#turns[Symbol.asyncDispose]();
    await Promise.all(this.#channels);
    this.#users[Symbol.dispose]();
  }

  async #serveChannel(
    channel: Channel,
    visitor: Visitor,
    certPems: readonly string[],
  ): Promise<void> {
    const timer = setTimeout(() => channel.close(), HELLO_LIMIT_MS);
    let hello: unknown;
    try {
      hello = await channel.receive();
    } finally {
      clearTimeout(timer);
    }
    const turn = parseHelloTurn(hello);
    if (turn !== undefined) {
      return await this.#turns.serve(channel, turn, visitor);
    }
    const join = helloJoinSchema.safeParse(hello);
    if (!join.success) {
      await channel.send({
        kind: "fail",
        message: "this server speaks another version of sinkd",
      });
      return channel.close();
    }
    await serveJoin(channel, join.data, {
      redeem: (hello) =>
        Promise.resolve(this.#logins.redeem(hello, visitor.address)),
      certPems,
      broker: withoutLogin(this.#options.broker ?? ""),
      ...(this.#brokerCa === undefined ? {} : { brokerCa: this.#brokerCa }),
    });
  }

  #onLink(event: LinkEvent): void {
    switch (event.kind) {
      case "up":
        this.#linked = true;
        this.faults.clear("broker");
        this.#do({ kind: "linkUp" });
        for (const name of this.#users.names()) {
          const user = this.#users.get(name);
          if (user !== undefined) this.#publishHead(user);
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
      case "message":
        this.#onMessage(event.topic, event.payload);
    }
  }

  #onMessage(topic: string, payload: Uint8Array): void {
    const who = parseClientTopic(topic);
    if (who === undefined) {
      return this.#drop(topic, "it is not a client's topic");
    }
    const parsed = parsePayload(msgUpdateSchema, payload);
    if (!parsed.ok) return this.#drop(topic, parsed.reason);
    const message = parsed.value;
    const nowMs = Date.now();
    if (message.status === "Offline") {
      return this.#do({ kind: "gone", ...who, nowMs });
    }
    const user = this.#users.get(who.user);
    if (user === undefined) return this.#drop(topic, "there is no such user");
    const path = this.#treePath(who.user, message.path);
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
      this.#users.renewEpoch(user);
      this.#publishHead(user);
    }
    const head = user.journal.head();
    this.#do({
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
    });
  }

  #treePath(user: string, path: string): RelativePath | undefined {
    const prefix = `${WIRE_ROOT}/${user}/`;
    if (!path.startsWith(prefix)) return undefined;
    const tree = path.slice(prefix.length);
    return pathFault(tree) === undefined ? tree as RelativePath : undefined;
  }

  /** A message that cannot be used is counted, and logged when it is the first of its sender. */
  #drop(topic: string, reason: string): void {
    const count = (this.#dropped.get(topic) ?? 0) + 1;
    if (this.#dropped.size < 10_000 || count > 1) {
      this.#dropped.set(topic, count);
    }
    if (count === 1) log.warn`A message on ${topic} was dropped: ${reason}`;
    this.faults.note(`dropped ${topic}`, {
      path: topic,
      cause: `${count} messages were dropped, the last because: ${reason}`,
      fix: "run the same version of sinkd on client and server",
    });
  }

  #do(event: ServerEvent): void {
    const { state, effects } = stepServer(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ServerEffect): void {
    switch (effect.kind) {
      case "publishState":
        return this.#publish(SERVER_TOPIC, {
          version: PROTOCOL_VERSION,
          state: effect.state,
        }, 1);
      case "reply":
        return this.#reply(effect, effect.message);
      case "startTurn":
        return this.#turns.start(effect.turn);
      case "cancelTurn":
        return this.#turns.cancel(effect.turn);
    }
  }

  #reply(to: Pick<Turn, "user" | "client">, message: MsgReply): void {
    const text = JSON.stringify(message);
    this.#link?.publish(replyTopic(to.user, to.client), text, {
      qos: 1,
      retain: false,
    });
  }

  #publishHead(user: User, qos: 0 | 1 = 1): void {
    const { epoch, stamp } = user.journal.head();
    this.#publish(headTopic(user.name), {
      version: PROTOCOL_VERSION,
      epoch,
      ...stamp,
    }, qos);
  }

  #publish(topic: string, message: object, qos: 0 | 1): void {
    this.#link?.publish(topic, JSON.stringify(message), { qos, retain: true });
  }

  #broadcast(): void {
    const { announced } = this.#state;
    this.#publish(
      SERVER_TOPIC,
      { version: PROTOCOL_VERSION, state: announced },
      0,
    );
    for (const name of this.#state.users.keys()) {
      const user = this.#users.get(name);
      if (user !== undefined) this.#publishHead(user, 0);
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

function makeRoot(root: string): void {
  try {
    Deno.mkdirSync(root, { recursive: true });
    const { mode } = Deno.statSync(root);
    if (mode !== null && (mode & 0o7777) !== ROOT_MODE) {
      Deno.chmodSync(root, ROOT_MODE);
    }
    Deno.mkdirSync(`${root}/${OWN_NAME}`, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new UsageError(
      `Cannot use the root ${root}: ${
        describe(cause)
      }; make it, give it to the server's account, or name another with --root`,
      2,
      { cause },
    );
  }
}

/** For clients and for status: the name and password in the URL are the server's own. */
function withoutLogin(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
