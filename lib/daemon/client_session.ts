/**
 * A client with one configuration: its anchors, the watcher, the link to the broker, and turns.
 *
 * @module
 */
import {
  anchorState,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  clientWakeMs,
  newClientState,
  stepClient,
} from "../core/client.ts";
import type { Config } from "../core/config.ts";
import type { ControlReply } from "../core/control.ts";
import {
  clientTopic,
  headTopic,
  msgHeadSchema,
  msgReplySchema,
  msgStatusSchema,
  type MsgUpdate,
  parsePayload,
  PROTOCOL_VERSION,
  replyTopic,
  SERVER_TOPIC,
} from "../core/protocol.ts";
import type { ClientReport, Fault } from "../core/status.ts";
import { ClientStore } from "../io/base_store.ts";
import { dialChannel } from "../io/channel.ts";
import { type Credentials, splitAddress } from "../io/credentials.ts";
import { SERVER_NAME } from "../io/dial.ts";
import { logger } from "../io/log.ts";
import { type Link, type LinkEvent, openLink } from "../io/mqtt_link.ts";
import { Timers } from "../io/timers.ts";
import { randomHex } from "../io/turn_lines.ts";
import { openWatcher, type Watcher, type WatchEvent } from "../io/watcher.ts";
import { Anchor } from "./anchor.ts";
import { clientReport } from "./client_report.ts";
import { describe, Faults } from "./faults.ts";

/** What a session works with. */
export interface SessionOptions {
  readonly config: Config;
  readonly credentials: Credentials;
  readonly stateDirectory: string;
}

const WIRE_ROOT = "/srv/sinkd";
/** How long a reload waits for turns that run. */
const FINISH_TURNS_MS = 30_000;

const log = logger("client");

/** See the module. */
export class ClientSession {
  readonly #options: SessionOptions;
  readonly #address: string;
  readonly #store: ClientStore;
  readonly #anchors = new Map<string, Anchor>();
  readonly #faults = new Faults();
  readonly #timers = new Timers();
  readonly #stop = new AbortController();
  readonly #turns = new Set<Promise<void>>();
  readonly #host: string;
  #state: ClientState = newClientState();
  #watcher: Watcher | undefined;
  #watching: { mode: "events" | "scanning"; detail: string } = {
    mode: "events",
    detail: "",
  };
  #link: Link | undefined;
  #closing = false;
  #wasLinked = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#address = options.config.serverAddr ?? options.credentials.address;
    this.#store = new ClientStore(`${options.stateDirectory}/client.db`);
    this.#host = Deno.hostname();
    if (this.#store.damaged !== undefined) {
      this.#noteDamage(this.#store.damaged);
    }
    for (const config of options.config.anchors) {
      const anchor = new Anchor({
        config,
        store: this.#store.anchor(config.path),
        clientName: options.credentials.client,
        runDirectory: `${options.stateDirectory}/run/${randomHex(8)}`,
        onEdited: (edited) => this.#onEdited(edited),
        onUsable: (usable) => this.#onUsable(usable),
        onPipe: () => this.#watcher?.doubt(),
      });
      this.#anchors.set(this.#wirePath(anchor), anchor);
    }
  }

  /** Watches, then scans, then talks to the server. */
  async open(): Promise<void> {
    const { stateDirectory } = this.#options;
    this.#watcher = openWatcher(
      [...this.#anchors.values()].map(({ config, root, only, rules }) => ({
        id: config.path,
        root,
        only,
        rules,
      })),
      (event) => this.#onWatch(event),
      { canaryDirectory: `${stateDirectory}/canary` },
    );
    this.#link = this.#connect();
    await this.#watcher.ready;
    for (const [path, anchor] of this.#anchors) {
      this.#timers.set(
        `rescan ${path}`,
        this.#options.config.rescanIntervalMs,
        () => this.#hourly(path, anchor),
      );
      anchor.open().catch((error) => {
        if (!this.#closing) {
          log.error`${anchor.config.path}: ${describe(error)}`;
        }
      });
    }
  }

  /** Says Offline and lets go of everything; with `finishTurns` turns that run may end first. */
  async close({ finishTurns }: { finishTurns: boolean }): Promise<void> {
    this.#closing = true;
    if (finishTurns) await this.#finishTurns();
    const { user, client } = this.#options.credentials;
    const offline = JSON.stringify({
      version: PROTOCOL_VERSION,
      status: "Offline",
    });
    this.#link?.publish(clientTopic(user, client), offline, {
      qos: 1,
      retain: false,
    });
    this.#stop.abort();
    this.#timers[Symbol.dispose]();
    await this.#link?.[Symbol.asyncDispose]();
    await Promise.all(this.#turns);
    for (const anchor of this.#anchors.values()) {
      await anchor[Symbol.asyncDispose]();
    }
    await this.#watcher?.[Symbol.asyncDispose]();
    this.#timers[Symbol.dispose]();
    this.#store[Symbol.dispose]();
  }

  report(faults: readonly Fault[]): ClientReport {
    return clientReport({
      credentials: this.#options.credentials,
      address: this.#address,
      state: this.#state,
      anchors: [...this.#anchors].map(([path, anchor]) => ({
        anchor,
        state: anchorState(this.#state, path),
      })),
      watcher: this.#watching,
      faults: [...faults, ...this.#faults.list()],
    });
  }

  /** Carries out a command of a person on one anchor, or on all. */
  async command(
    command: "approve" | "reject" | "pause" | "resume" | "rescan",
    path: string | undefined,
  ): Promise<ControlReply> {
    const anchors = [...this.#anchors.values()].filter(({ config }) =>
      path === undefined || config.path === path
    );
    if (anchors.length === 0) {
      const known = [...this.#anchors.values()].map(({ config }) => config.path)
        .join(", ");
      return {
        ok: false,
        message: `Cannot ${command} ${
          path ?? "anything"
        }: it is not an anchor here (${
          known === ""
            ? "there is none; add one with sinkd add PATH"
            : `there are: ${known}`
        })`,
        exitCode: 2,
      };
    }
    const said: string[] = [];
    for (const anchor of anchors) {
      const text = await commandAnchor(anchor, command);
      if (text !== undefined) said.push(`${anchor.config.path}: ${text}`);
    }
    if (said.length > 0) return { ok: true, message: said.join("\n") };
    return {
      ok: false,
      message: `Cannot ${command}: nothing is held`,
      exitCode: 2,
    };
  }

  #noteDamage(aside: string): void {
    log.error`The state database was damaged; it is kept as ${aside}`;
    this.#faults.note("state", {
      path: this.#options.stateDirectory,
      cause: `the state database was damaged; it is kept as ${aside}`,
      fix:
        "nothing: every anchor joins anew and nothing is deleted; look after the disk",
    });
  }

  #wirePath(anchor: Anchor): string {
    return `${WIRE_ROOT}/${this.#options.credentials.user}/${anchor.treePath}`;
  }

  #connect(): Link {
    const { user, client, secret, broker, brokerCa, certPems } =
      this.#options.credentials;
    const { host, port } = splitAddress(this.#address);
    const target = broker === ""
      ? {
        kind: "url" as const,
        url: `mqtts://${host.includes(":") ? `[${host}]` : host}:${port}`,
        caPems: certPems,
        servername: SERVER_NAME,
      }
      : {
        kind: "url" as const,
        url: broker,
        caPems: brokerCa === undefined ? [] : [brokerCa],
      };
    const offline = JSON.stringify({
      version: PROTOCOL_VERSION,
      status: "Offline",
    });
    return openLink({
      target,
      username: `${user}/${client}`,
      password: secret,
      clientId: `${user}/${client}`,
      will: {
        topic: clientTopic(user, client),
        payload: offline,
        retain: false,
      },
      subscriptions: [SERVER_TOPIC, headTopic(user), replyTopic(user, client)],
    }, (event) => this.#onLink(event));
  }

  #onLink(event: LinkEvent): void {
    const nowMs = Date.now();
    switch (event.kind) {
      case "up":
        this.#faults.clear("link");
        log.info`Connected to ${this.#address}`;
        if (this.#wasLinked) this.#rescanAll("connected again");
        this.#wasLinked = true;
        return this.#do({ kind: "linkUp", nowMs });
      case "down":
      case "refused":
        if (this.#closing) return;
        log.warn`The server is out of reach: ${event.reason}`;
        this.#faults.note("link", {
          path: this.#address,
          cause: event.reason,
          fix: event.kind === "refused"
            ? "this client may have been revoked: join again with a new link from 'sinkd server adduser'"
            : "check that the server runs and can be reached; sinkd tries again by itself",
        });
        return this.#do({ kind: "linkDown" });
      case "message":
        return this.#onMessage(event.topic, event.payload, nowMs);
    }
  }

  #onMessage(topic: string, payload: Uint8Array, nowMs: number): void {
    const { user, client } = this.#options.credentials;
    if (topic === SERVER_TOPIC) {
      const parsed = parsePayload(msgStatusSchema, payload);
      if (!parsed.ok) return this.#drop(topic, parsed.reason);
      this.#do({ kind: "server", state: parsed.value.state, nowMs });
    } else if (topic === headTopic(user)) {
      const parsed = parsePayload(msgHeadSchema, payload);
      if (!parsed.ok) return this.#drop(topic, parsed.reason);
      const { epoch, date, cycle } = parsed.value;
      this.#do({
        kind: "head",
        head: { epoch, stamp: { date, cycle } },
        nowMs,
      });
    } else if (topic === replyTopic(user, client)) {
      const parsed = parsePayload(msgReplySchema, payload);
      if (!parsed.ok) return this.#drop(topic, parsed.reason);
      this.#do({ kind: "reply", message: parsed.value, nowMs });
    }
  }

  #drop(topic: string, reason: string): void {
    log.warn`A message on ${topic} was dropped: ${reason}`;
    this.#faults.note(`dropped ${topic}`, {
      path: topic,
      cause: `a message was dropped: ${reason}`,
      fix: "run the same version of sinkd on client and server",
    });
  }

  #do(event: ClientEvent): void {
    const { state, effects } = stepClient(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    const wakeMs = clientWakeMs(this.#state);
    if (wakeMs === undefined || this.#closing) {
      return this.#timers.clear("wake");
    }
    const delayMs = Math.max(wakeMs - Date.now(), 1);
    this.#timers.set(
      "wake",
      delayMs,
      () => this.#do({ kind: "woken", nowMs: Date.now() }),
    );
  }

  #perform(effect: ClientEffect): void {
    switch (effect.kind) {
      case "announce":
        return this.#announce(effect);
      case "openTurn": {
        const anchor = this.#anchors.get(effect.path);
        if (anchor === undefined) return;
        const turn = this.#turn(anchor, effect);
        this.#turns.add(turn);
        void turn.then(() => this.#turns.delete(turn));
        return;
      }
      case "advance": {
        const anchor = this.#anchors.get(effect.path);
        anchor?.store.agree([], effect.position);
        anchor?.store.setLastSync(Date.now());
        return;
      }
      case "fault":
        return log.warn`The server says of ${effect.path}: ${effect.message}`;
    }
  }

  #announce(effect: Extract<ClientEffect, { kind: "announce" }>): void {
    const { user, client } = this.#options.credentials;
    const message: MsgUpdate = {
      status: effect.status,
      version: PROTOCOL_VERSION,
      path: effect.path,
      ...effect.position.stamp,
      epoch: effect.position.epoch,
      ...effect.load,
      host: this.#host,
    };
    this.#link?.publish(clientTopic(user, client), JSON.stringify(message), {
      qos: 1,
      retain: false,
    });
  }

  /** One turn; whatever comes of it, the state machine hears where the anchor stands now. */
  async #turn(
    anchor: Anchor,
    { path, session, token }: Extract<ClientEffect, { kind: "openTurn" }>,
  ): Promise<void> {
    let clean = false;
    try {
      const { user, client, secret, certPems } = this.#options.credentials;
      const { host, port } = splitAddress(this.#address);
      const signal = this.#stop.signal;
      await using channel = await dialChannel({ host, port, certPems, signal });
      const version = PROTOCOL_VERSION;
      await channel.send({
        kind: "turn",
        version,
        user,
        client,
        secret,
        session,
        token,
      });
      const end = await anchor.turn(channel);
      clean = end.left.length === 0;
      this.#faults.clear(path);
    } catch (error) {
      if (!this.#closing) this.#noteTurnFault(anchor, path, error);
    }
    if (this.#closing && this.#stop.signal.aborted) return;
    this.#do({
      kind: "turnEnded",
      path,
      position: anchor.position(),
      load: anchor.load(),
      clean,
      nowMs: Date.now(),
    });
  }

  #noteTurnFault(anchor: Anchor, path: string, error: unknown): void {
    log.warn`${anchor.config.path}: ${describe(error)}`;
    this.#faults.note(path, {
      path: anchor.config.path,
      cause: describe(error),
      fix: "sinkd tries again by itself; if it stays, mend the cause",
    });
  }

  #onEdited(anchor: Anchor): void {
    const path = this.#wirePath(anchor);
    this.#do({ kind: "edited", path, load: anchor.load(), nowMs: Date.now() });
  }

  #onUsable(anchor: Anchor): void {
    const path = this.#wirePath(anchor);
    const position = anchor.position();
    if (!anchor.usable) return this.#do({ kind: "closed", path, position });
    this.#do({
      kind: "opened",
      path,
      position,
      load: anchor.load(),
      nowMs: Date.now(),
    });
  }

  #onWatch(event: WatchEvent): void {
    if (event.kind === "mode") {
      this.#watching = { mode: event.mode, detail: event.detail };
      if (event.detail !== "") log.warn`Watching: ${event.detail}`;
      return;
    }
    for (const anchor of this.#anchors.values()) {
      if (anchor.config.path === event.anchor) anchor.note(event);
    }
  }

  #rescanAll(cause: string): void {
    for (const anchor of this.#anchors.values()) {
      anchor.note({ kind: "rescan", cause });
    }
  }

  #hourly(path: string, anchor: Anchor): void {
    anchor.note({ kind: "rescan", cause: "the regular scan" });
    this.#timers.set(
      `rescan ${path}`,
      this.#options.config.rescanIntervalMs,
      () => this.#hourly(path, anchor),
    );
  }

  async #finishTurns(): Promise<void> {
    if (this.#turns.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#timers.set("finish", FINISH_TURNS_MS, resolve);
    await Promise.race([Promise.all(this.#turns), promise]);
    this.#timers.clear("finish");
  }
}

async function commandAnchor(
  anchor: Anchor,
  command: "approve" | "reject" | "pause" | "resume" | "rescan",
): Promise<string | undefined> {
  switch (command) {
    case "approve":
      return anchor.approve();
    case "reject":
      return anchor.reject();
    case "pause":
      anchor.setPaused(true);
      return "paused; local edits are kept and go after sinkd resume";
    case "resume":
      anchor.setPaused(false);
      return "resumed";
    case "rescan":
      await anchor.rescan("asked for");
      return `scanned; ${anchor.edits.pending()} changes are not on the server yet`;
  }
}
