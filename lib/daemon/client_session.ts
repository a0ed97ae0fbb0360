/**
 * A client with one configuration: its anchors, the watcher, the link to the broker, and turns.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { stepClient } from "../core/client.ts";
import { clientWakeMs } from "../core/client_announce.ts";
import {
  anchorState,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  isNeedy,
  newClientState,
} from "../core/client_state.ts";
import type { Config } from "../core/config.ts";
import { hostText } from "../core/said.ts";
import type { ControlReply } from "../core/control.ts";
import {
  clientTopic,
  type MsgUpdate,
  PROTOCOL_VERSION,
} from "../core/protocol.ts";
import type { ClientReport, Needs } from "../core/status.ts";
import { ClientStore } from "../io/base_store.ts";
import { clientRunDirectory } from "../io/client_state.ts";
import { DiskRooms } from "../io/disk_room.ts";
import type { Credentials } from "../io/credentials.ts";
import { ownAccount } from "../io/own_account.ts";
import { openDigests } from "../io/digest_store.ts";
import { dropOldest, type Leftover } from "../io/leftovers.ts";
import { heard, logger } from "../io/log.ts";
import { askPins } from "../io/pins.ts";
import { type Link, type LinkEvent, openLink } from "../io/mqtt_link.ts";
import { Reserve } from "../io/reserve.ts";
import { Timers } from "../io/timers.ts";
import { openWatcher, type Watcher, type WatchEvent } from "../io/watcher.ts";
import { Anchor } from "./anchor.ts";
import { settleRecords } from "./anchor_records.ts";
import { type AnchorCommand, commandAnchors } from "./client_commands.ts";
import { clientLink, OFFLINE_PAYLOAD } from "./client_link.ts";
import { ClientHome } from "./client_home.ts";
import { readMessage, type Received } from "./client_messages.ts";
import { isForeign, withPins } from "./client_pins.ts";
import { linkFault, turnFault, unreachableFault } from "./client_faults.ts";
import { dialProof } from "./client_proof.ts";
import { ClientNeeds } from "./client_needs.ts";
import { clientReport } from "./client_report.ts";
import { dialTurn } from "./client_turn.ts";
import { mayUse } from "./own_permissions.ts";
import { restateDisks } from "./disk_faults.ts";
import { DAY_MS, describe, EVENT_MS, Faults } from "./faults.ts";

/** What a session works with. */
export interface SessionOptions {
  readonly config: Config;
  readonly credentials: Credentials;
  readonly stateDirectory: string;
  /** Absolute paths of what is sinkd's own on this machine. */
  readonly ownPlaces: readonly string[];
  /** What is wrong beside this session. */
  readonly faults: Faults;
  /** The server is about to show another certificate: these are to be pinned from now on. */
  readonly onPins: (renewed: Credentials) => void;
  /** The user's server is one at this `host:port`. */
  readonly onMoved: (address: string) => void;
  /** Random, of this process. */
  readonly instance: string;
  /** An anchor needs permissions that only a new process can have. */
  readonly onRestart: () => void;
}

/** How often to see whether the disk is full. */
const RESERVE_MS = 5_000;
/** How long what a broken turn left is kept for the next one. */
const BROKEN_TURN_MS = 7 * 24 * 60 * 60 * 1000;
const WIRE_ROOT = "/srv/sinkd";
/** How long a reload waits for turns that run. */
const FINISH_TURNS_MS = 30_000;
/** How often to ask for the certificates, beside each time that the server is reached anew. */
const PINS_MS = 6 * 60 * 60 * 1000;

/** How soon it is asked again while the server shows a certificate that is not pinned. */
const PINS_RETRY_MS = 60_000;

/** How long a client goes on without the permissions that an anchor needs. */
const PERMISSIONS_MS = 60_000;

const MOVING = "the files of this user are moving to another server";

const log = logger("client");

/** See the module. */
export class ClientSession {
  readonly #options: SessionOptions;
  readonly #home: ClientHome;
  readonly #store: ClientStore;
  readonly #digests: DatabaseSync;
  readonly #anchors = new Map<string, Anchor>();
  readonly #rooms: DiskRooms;
  readonly #reserve: Reserve;
  readonly #faults = new Faults();
  readonly #timers = new Timers();
  readonly #needs: ClientNeeds;
  readonly #stop = new AbortController();
  /** Ends turns with a server that is not this user's any more. */
  #leaving = new AbortController();
  readonly #turns = new Set<Promise<void>>();
  readonly #host: string;
  readonly #account = ownAccount();
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
    const { config, credentials } = options;
    this.#home = new ClientHome(config.serverAddr ?? credentials.address);
    const { minFree } = config;
    const reserve = new Reserve(options.stateDirectory, minFree);
    this.#reserve = reserve;
    reserve.balance();
    this.#rooms = new DiskRooms({
      minFree,
      owed: (device) => reserve.owed(device),
      reclaim: (device, bytes) =>
        dropOldest(this.#leftovers(), { device, bytes }),
    });
    this.#store = new ClientStore(`${options.stateDirectory}/client.db`);
    try {
      this.#digests = openDigests(`${options.stateDirectory}/checks.db`);
      this.#settle(options.config);
    } catch (error) {
      this.#store[Symbol.dispose]();
      throw error;
    }
    this.#host = hostText(Deno.hostname());
    this.#needs = new ClientNeeds({
      anchors: () => this.#anchors.values(),
      faults: [options.faults, this.#faults],
      timers: this.#timers,
      restate: () => this.#restate(),
      say: (needs) => this.#sayNeeds(needs),
    });
    if (this.#store.damaged !== undefined) {
      this.#noteDamage(this.#store.damaged);
    }
    for (const config of options.config.anchors) {
      const anchor = new Anchor({
        config,
        store: this.#store.anchor(config.path),
        clientName: options.credentials.client,
        runDirectory: clientRunDirectory(options.stateDirectory),
        rooms: this.#rooms,
        stateFile: `${options.stateDirectory}/client.db`,
        ownPlaces: options.ownPlaces,
        account: this.#account,
        digests: this.#digests,
        checksumIntervalMs: options.config.checksumIntervalMs,
        talk: (work) =>
          dialProof(work, {
            credentials: this.#options.credentials,
            address: this.#home.address,
            signal: this.#stop.signal,
          }),
        head: () => this.#state.head,
        onEdited: (edited) => this.#onEdited(edited),
        onUsable: (usable) => this.#onUsable(usable),
        onLinked: (files) => {
          for (const other of this.#anchors.values()) other.examineNames(files);
        },
        onMounts: ({ root }, cause) => this.#watcher?.rewatch(root, cause),
        onPipe: () => this.#watcher?.doubt(),
        onOther: () => options.onRestart(),
      });
      this.#anchors.set(this.#wirePath(anchor), anchor);
    }
  }

  /** Watches, then scans, then talks to the server. */
  async open(): Promise<void> {
    const { stateDirectory } = this.#options;
    this.#keepReserve();
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
    this.#link = openLink(
      clientLink(this.#options.credentials, {
        address: this.#home.address,
        instance: this.#options.instance,
      }),
      (event) => this.#onLink(event),
    );
    await this.#watcher.ready;
    if (this.#closing) return;
    this.#checkPermissions();
    for (const [path, anchor] of this.#anchors) {
      this.#timers.set(
        `rescan ${path}`,
        this.#options.config.rescanIntervalMs,
        () => this.#hourly(path, anchor),
      );
      void anchor.open();
    }
  }

  /** No edit that is made from now on goes under this configuration. */
  retire(): void {
    for (const anchor of this.#anchors.values()) anchor.retire();
  }

  /** An anchor that came after the permissions were chosen is for the next process; not too often. */
  #checkPermissions(): void {
    for (const { root, config } of this.#anchors.values()) {
      if (mayUse(root)) continue;
      this.#faults.note(`permissions ${root}`, {
        path: config.path,
        cause: `this process may not use ${root}`,
        fix: "nothing: the client restarts for it within a minute",
      });
      const { onRestart } = this.#options;
      this.#timers.set("permissions", PERMISSIONS_MS, onRestart);
    }
  }

  /**
   * Says Offline and lets go of everything; turns that run may end first, until `finishTurns` aborts. `next`
   * are the configurations that were read meanwhile, the last of which the next session has: what one
   * of the others does not have has ended, also when the last one has it again.
   */
  async close(
    { finishTurns, next }: {
      finishTurns: AbortSignal | undefined;
      next: readonly Config[];
    },
  ): Promise<void> {
    this.#closing = true;
    if (finishTurns !== undefined) await this.#finishTurns(finishTurns);
    const { user, client } = this.#options.credentials;
    this.#link?.publish(clientTopic(user, client), OFFLINE_PAYLOAD, {
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
    try {
      this.#dropLeftovers(next.at(-1) ?? this.#options.config);
      for (const config of next.slice(0, -1)) this.#settle(config);
    } finally {
      this.#store[Symbol.dispose]();
      this.#digests.close();
    }
  }

  report(): ClientReport {
    this.#restate();
    this.#restateDisks();
    return clientReport({
      credentials: this.#options.credentials,
      address: this.#home.address,
      state: this.#state,
      anchors: [...this.#anchors].map(([path, anchor]) => ({
        anchor,
        state: anchorState(this.#state, path),
      })),
      watcher: this.#watching,
      faults: [...this.#options.faults.list(), ...this.#faults.list()],
    });
  }

  /** Carries out a command of a person on one anchor, or on all. */
  command(
    command: AnchorCommand,
    path: string | undefined,
  ): Promise<ControlReply> {
    return commandAnchors([...this.#anchors.values()], command, path);
  }

  #settle({ anchors }: Config): void {
    const { user } = this.#options.credentials;
    settleRecords(this.#store, anchors, { user, digests: this.#digests });
  }

  /** What broken turns of all anchors left. */
  #leftovers(): Leftover[] {
    return [...this.#anchors.values()].flatMap((anchor) =>
      anchor.leftover() ?? []
    );
  }

  /** Nobody waits for what lies here this long, nor for anything in anchors other than those of `config`. */
  #dropLeftovers(config: Config): void {
    const wanted = new Set(config.anchors.map(({ path }) => path));
    const oldestMs = Date.now() - BROKEN_TURN_MS;
    for (const anchor of this.#anchors.values()) {
      try {
        const left = anchor.leftover();
        const isWanted = wanted.has(anchor.config.path);
        if (left === undefined) continue;
        if (isWanted && left.changedMs >= oldestMs) continue;
        Deno.removeSync(left.directory, { recursive: true });
      } catch (error) {
        log.warn`${anchor.config.path}: ${describe(error)}`;
      }
    }
  }

  #keepReserve(): void {
    this.#reserve.balance();
    this.#restateDisks();
    this.#timers.set("reserve", RESERVE_MS, () => this.#keepReserve());
  }

  #restateDisks(): void {
    restateDisks(this.#faults, {
      rooms: this.#rooms,
      directories: [
        this.#options.stateDirectory,
        ...[...this.#anchors.values()].map(({ root }) => root),
      ],
      machine: "this machine",
    });
  }

  #noteDamage(aside: string): void {
    log.error`The state database was damaged; it is kept as ${aside}`;
    this.#faults.note("state", {
      level: "note",
      lastsMs: DAY_MS,
      path: this.#options.stateDirectory,
      cause: `the state database was damaged; it is kept as ${aside}`,
      fix:
        "nothing: every anchor joins again and nothing is deleted; check the disk",
    });
  }

  #wirePath(anchor: Anchor): string {
    return `${WIRE_ROOT}/${this.#options.credentials.user}/${anchor.treePath}`;
  }

  #onLink(event: LinkEvent): void {
    const nowMs = performance.now();
    switch (event.kind) {
      case "up":
        this.#faults.clear("link");
        log.info`Connected to ${this.#home.address}`;
        if (this.#wasLinked) this.#rescanAll("connected again");
        this.#wasLinked = true;
        this.#home.listen(this.#link);
        if (this.#knowsServer()) this.#learnPins();
        this.#needs.repeat();
        return this.#do({ kind: "linkUp", nowMs });
      case "down":
      case "refused":
        if (this.#closing) return;
        heard(log, { kind: "words of the server", source: "its connection" })
          .warn`The server is out of reach: ${event.reason}`;
        this.#faults.note(
          "link",
          linkFault(event, this.#options.credentials, this.#home.address),
        );
        return this.#do({ kind: "linkDown" });
      case "message":
        return this.#onMessage(event.topic, event.payload, nowMs);
    }
  }

  #onMessage(topic: string, payload: Uint8Array, nowMs: number): void {
    const { credentials } = this.#options;
    const message = { topic, payload, nowMs };
    const received = readMessage(message, credentials, this.#home);
    switch (received?.kind) {
      case undefined:
        return;
      case "event":
        return this.#do(received.event);
      case "head":
        return this.#onHead(received, nowMs);
      case "pins":
        return this.#learnPins();
      case "dropped":
        return this.#drop(topic, received.reason);
    }
  }

  /** With a broker of one's own the head tells which server it is. */
  #knowsServer(): boolean {
    return this.#options.credentials.broker === "" ||
      this.#home.statusTopic !== undefined;
  }

  #onHead(
    { event, server }: Extract<Received, { kind: "head" }>,
    nowMs: number,
  ): void {
    const move = this.#home.take(server, this.#link);
    switch (move) {
      case "outdated":
        return;
      case "moving":
        log.info`${MOVING}`;
        this.#faults.note("moving", {
          level: "note",
          path: this.#home.address,
          cause: MOVING,
          fix: "nothing: it goes on by itself when the other server has them",
        });
        return this.#do({ kind: "server", state: "Offline", nowMs });
      case "moved":
        this.#faults.clear("moving");
        this.#leaving.abort(new Error("another server serves this user now"));
        this.#leaving = new AbortController();
        this.#do({ kind: "server", state: "Offline", nowMs });
        this.#options.onMoved(this.#home.address);
        this.#learnPins();
        return this.#do(event);
      case "same":
        this.#faults.clear("moving");
        return this.#do(event);
    }
  }

  /** Asks the server itself: what the broker says is only a hint. */
  #learnPins(): void {
    this.#timers.set("pins", PINS_MS, () => this.#learnPins());
    const { credentials, onPins } = this.#options;
    const asking = askPins(credentials, {
      address: this.#home.address,
      signal: this.#stop.signal,
    }).then((certPems) => {
      this.#faults.clear("pins");
      const renewed = withPins(credentials, certPems);
      if (renewed !== undefined && !this.#closing) onPins(renewed);
    }).catch((error) => {
      if (this.#closing) return;
      this.#notePinsFault(describe(error));
      if (this.#faults.has("pins")) {
        this.#timers.set("pins", PINS_RETRY_MS, () => this.#learnPins());
      }
    });
    this.#turns.add(asking);
    void asking.then(() => this.#turns.delete(asking));
  }

  /** A server that is away is told of elsewhere; one that is another is told of here. */
  #notePinsFault(cause: string): void {
    log.warn`${cause}`;
    if (!isForeign(cause)) return;
    const { address } = this.#home;
    this.#faults.note("pins", unreachableFault(cause, address));
  }

  #drop(topic: string, reason: string): void {
    heard(log, { kind: "dropped messages", source: topic })
      .warn`A message on ${topic} was dropped: ${reason}`;
    this.#faults.note(`dropped ${topic}`, {
      kind: "dropped",
      lastsMs: EVENT_MS,
      path: topic,
      cause: `a message was dropped: ${reason}`,
      fix: "run the same version of sinkd on client and server",
    });
  }

  #do(event: ClientEvent): void {
    const { state, effects } = stepClient(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    if (!this.#closing) this.#needs.touch();
    const wakeMs = clientWakeMs(this.#state);
    if (wakeMs === undefined || this.#closing) {
      return this.#timers.clear("wake");
    }
    const delayMs = Math.max(wakeMs - performance.now(), 1);
    this.#timers.set(
      "wake",
      delayMs,
      () => this.#do({ kind: "woken", nowMs: performance.now() }),
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
        anchor?.checks.touch();
        return;
      }
      case "fault":
        return heard(log, { kind: "words of the server", source: effect.path })
          .warn`The server says of ${effect.path}: ${effect.message}`;
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

  /** A turn that broke is no fault any more when its anchor needs none, by whatever way. */
  #restate(): void {
    for (const path of this.#anchors.keys()) {
      const view = this.#state.anchors.get(path);
      const isOver = view === undefined || view.phase === "closed" ||
        view.phase === "idle" && !isNeedy(this.#state, view);
      if (isOver) this.#faults.clear(path);
    }
  }

  #sayNeeds(needs: Needs): void {
    const { user, client } = this.#options.credentials;
    const message: MsgUpdate = {
      status: "Report",
      version: PROTOCOL_VERSION,
      host: this.#host,
      needs,
    };
    this.#link?.publish(clientTopic(user, client), JSON.stringify(message), {
      qos: 1,
      retain: false,
    });
  }

  /** One turn; whatever comes of it, the state machine hears where the anchor stands now. */
  async #turn(
    anchor: Anchor,
    effect: Extract<ClientEffect, { kind: "openTurn" }>,
  ): Promise<void> {
    const { path } = effect;
    let clean = false;
    this.#reserve.balance();
    try {
      const end = await dialTurn(anchor, effect, {
        credentials: this.#options.credentials,
        address: this.#home.address,
        signal: AbortSignal.any([this.#stop.signal, this.#leaving.signal]),
      });
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
      nowMs: performance.now(),
    });
  }

  #noteTurnFault(anchor: Anchor, path: string, error: unknown): void {
    heard(log, { kind: "broken turns", source: anchor.config.path })
      .warn`${anchor.config.path}: ${describe(error)}`;
    this.#faults.note(path, turnFault(describe(error), anchor.config.path));
  }

  #onEdited(anchor: Anchor): void {
    const path = this.#wirePath(anchor);
    this.#do({
      kind: "edited",
      path,
      load: anchor.load(),
      nowMs: performance.now(),
    });
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
      nowMs: performance.now(),
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
    this.#dropLeftovers(this.#options.config);
    anchor.note({ kind: "rescan", cause: "the regular scan" });
    this.#timers.set(
      `rescan ${path}`,
      this.#options.config.rescanIntervalMs,
      () => this.#hourly(path, anchor),
    );
  }

  async #finishTurns(until: AbortSignal): Promise<void> {
    if (this.#turns.size === 0 || until.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const over = () => resolve();
    this.#timers.set("finish", FINISH_TURNS_MS, over);
    until.addEventListener("abort", over, { once: true });
    await Promise.race([Promise.all(this.#turns), promise]);
    until.removeEventListener("abort", over);
    this.#timers.clear("finish");
  }
}
