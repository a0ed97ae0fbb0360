/**
 * A client of a simulated world: performs the effects of the production state machine, watches and
 * scans its anchor, and takes turns, as the daemon does.
 *
 * @module
 */
import { stepClient } from "../../lib/core/client.ts";
import { clientWakeMs } from "../../lib/core/client_announce.ts";
import {
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  newClientState,
} from "../../lib/core/client_state.ts";
import { parseExcludes } from "../../lib/core/excludes.ts";
import type { RelativePath } from "../../lib/core/path.ts";
import { PROTOCOL_VERSION } from "../../lib/core/protocol.ts";
import { conflictPath } from "../../lib/core/reconcile.ts";
import {
  newSettleState,
  noteSettle,
  type SettleBatch,
  type SettleEvent,
  settleWakeMs,
  takeSettled,
} from "../../lib/core/settle.ts";
import { utcText } from "../../lib/core/stamp.ts";
import { AnchorDisk } from "../../lib/io/client_disk.ts";
import { lstatIfAny } from "../../lib/io/files.ts";
import { scanTree } from "../../lib/io/scan.ts";
import type { Base } from "../../lib/ports.ts";
import { AnchorEdits } from "../../lib/turn/edits.ts";
import {
  type ClientTurnEnd,
  finishClientIntent,
  takeTurn,
} from "../../lib/turn/take_turn.ts";
import type { FileEvent } from "./file_system.ts";
import type { SimLine } from "./line.ts";
import type { ClientEnd, ToClient } from "./network.ts";
import type { Gate, Process } from "./scheduler.ts";
import { type Machine, WIRE_PATH, type World } from "./world.ts";

const parsedRules = parseExcludes([]);
const RECONNECT_MS = [50, 1000] as const;
const TRANSFER = { compress: false, partial: true, checksum: false };

/** One life of a client, from start to kill. */
export class ClientNode implements ClientEnd {
  readonly process: Process;
  readonly #world: World;
  readonly #machine: Machine;
  readonly #base: Base;
  readonly #disk: AnchorDisk;
  readonly #edits: AnchorEdits;
  readonly #settle = newSettleState(0);
  #state: ClientState = newClientState();
  #watching = false;
  #looking = false;
  #inTurn = false;
  #wakeMs = Infinity;
  #busy: Gate | undefined;

  constructor(world: World, machine: Machine) {
    this.#world = world;
    this.#machine = machine;
    this.process = { name: machine.name, alive: true };
    this.#base = machine.base;
    const nowMs = () => world.scheduler.nowMs;
    const copyName = (path: RelativePath) => this.#copyName(path);
    this.#disk = new AnchorDisk({
      root: machine.root,
      passesOver: () => false,
      assertRoot: () => {},
      copyName,
      nowMs,
    });
    this.#edits = new AnchorEdits({
      base: this.#base,
      disk: this.#disk,
      nowMs,
      rest: (ms) => world.scheduler.sleep(ms, `${machine.name} rests`),
      defer: (path) => this.#note({ kind: "deferred", path }),
      scan: (path) => this.#note({ kind: "appeared", path }),
    });
  }

  start(): void {
    const { name } = this.#machine;
    this.#world.scheduler.spawn(this.process, `${name} starts`, async () => {
      this.#world.note(`${name}: starts`);
      await this.#disk.asides.recover();
      await finishClientIntent(this.#base, this.#disk, this.#edits);
      this.#watching = true;
      await this.#scan(undefined);
      const { nowMs } = this.#world.scheduler;
      const position = this.#base.position();
      const load = this.#load();
      this.#do({ kind: "opened", path: WIRE_PATH, position, load, nowMs });
      this.#connect();
    });
  }

  /** True when nothing waits or runs here. */
  get quiet(): boolean {
    const { head } = this.#state;
    const position = this.#base.position();
    return this.#watching && !this.#looking && !this.#inTurn &&
      this.#edits.pending() === 0 && settleWakeMs(this.#settle) === undefined &&
      this.#disk.asides.dueMs() === undefined &&
      this.#world.network.isUp(this.#machine.name) &&
      head !== undefined && head.epoch === position.epoch &&
      head.stamp.date === position.stamp.date &&
      head.stamp.cycle === position.stamp.cycle;
  }

  /** What it still has to do, for a failure's message. */
  describe(): string {
    const { date, cycle } = this.#base.position().stamp;
    const { head } = this.#state;
    return `${this.#machine.name}: at ${date}.${cycle}, head ${head?.stamp.date}.${head?.stamp.cycle}, ` +
      `${this.#edits.pending()} pending, ${this.#edits.count()} to go, ` +
      `faults ${JSON.stringify([...this.#edits.faults])}, ` +
      `anchors ${JSON.stringify([...this.#state.anchors])}`;
  }

  onUp(): void {
    this.#world.note(`${this.#machine.name}: the link is up`);
    this.#do({ kind: "linkUp", nowMs: this.#world.scheduler.nowMs });
  }

  onDown(): void {
    this.#do({ kind: "linkDown" });
    this.#connect();
  }

  onMessage({ topic, message }: ToClient): void {
    const { nowMs } = this.#world.scheduler;
    switch (topic) {
      case "server":
        return this.#do({ kind: "server", state: message.state, nowMs });
      case "head": {
        const { epoch, date, cycle } = message;
        const head = { epoch, stamp: { date, cycle } };
        return this.#do({ kind: "head", head, nowMs });
      }
      case "reply":
        return this.#do({ kind: "reply", message, nowMs });
    }
  }

  /** Something changed below the anchor. */
  onFileEvent({ path, kind }: FileEvent): void {
    if (!this.#watching || path.split("/").includes(".sinkd")) return;
    const place = path as RelativePath;
    const { random } = this.#world.scheduler;
    const closed = random.chance(0.9);
    const event: SettleEvent = kind === "made"
      ? { kind: "appeared", path: place }
      : { kind: "touched", path: place, closed: kind === "gone" || closed };
    this.#world.runAs(this.process, () =>
      this.#world.scheduler.after(
        random.between(0, 5),
        `${this.#machine.name} sees ${path}`,
        () => this.#note(event),
      ));
  }

  #connect(): void {
    const { scheduler, network } = this.#world;
    const delayMs = scheduler.random.between(...RECONNECT_MS);
    scheduler.after(delayMs, `${this.#machine.name} connects`, () => {
      if (network.isUp(this.#machine.name)) return;
      if (!network.connect(this.#machine.name, this)) this.#connect();
    });
  }

  #note(event: SettleEvent): void {
    noteSettle(this.#settle, event, this.#world.scheduler.nowMs);
    this.#wakeLater();
  }

  /** Sets a timer for whatever is due next. */
  #wakeLater(): void {
    const { scheduler } = this.#world;
    const wakeMs = Math.min(
      settleWakeMs(this.#settle) ?? Infinity,
      clientWakeMs(this.#state) ?? Infinity,
      this.#disk.asides.dueMs() ?? Infinity,
      this.#edits.judgeAtMs() ?? Infinity,
    );
    if (wakeMs === Infinity || wakeMs >= this.#wakeMs) return;
    this.#wakeMs = wakeMs;
    scheduler.after(
      Math.max(1, wakeMs - scheduler.nowMs),
      `${this.#machine.name} wakes`,
      () => {
        if (this.#wakeMs !== wakeMs) return;
        this.#wakeMs = Infinity;
        this.#wake();
      },
    );
  }

  #wake(): void {
    const { nowMs } = this.#world.scheduler;
    const asidesMs = this.#disk.asides.dueMs();
    if (!this.#looking) {
      const batch = takeSettled(this.#settle, nowMs);
      const release = asidesMs !== undefined && asidesMs <= nowMs;
      if (batch !== undefined || release) this.#lookAt(batch, release);
    }
    const wakeMs = clientWakeMs(this.#state);
    if (wakeMs !== undefined && wakeMs <= nowMs) {
      this.#do({ kind: "woken", nowMs });
    }
    if (!this.#looking) this.#wakeLater();
  }

  #lookAt(batch: SettleBatch | undefined, release: boolean): void {
    const { scheduler } = this.#world;
    this.#looking = true;
    scheduler.spawn(this.process, `${this.#machine.name} looks`, async () => {
      if (release) {
        await this.#serially(async () => {
          const copies = await this.#disk.asides.release();
          this.#edits.examine(copies as RelativePath[]);
        });
      }
      if (batch?.rescan !== undefined) {
        await this.#serially(() => this.#scan(undefined));
      }
      for (const path of batch?.scans ?? []) await this.#scan(path);
      this.#edits.examine(batch?.paths ?? []);
      this.#looking = false;
      this.#edited();
      this.#wakeLater();
    });
  }

  /** Turns, whole scans and what is set aside: one at a time. */
  async #serially(work: () => Promise<void>): Promise<void> {
    while (this.#busy !== undefined) await this.#busy.opened;
    const busy = this.#world.scheduler.gate(`${this.#machine.name} waits`);
    this.#busy = busy;
    try {
      await work();
    } finally {
      this.#busy = undefined;
      busy.wake();
    }
  }

  async #scan(below: RelativePath | undefined): Promise<void> {
    if (!parsedRules.ok) throw new Error(parsedRules.reason);
    const scan = await scanTree(this.#machine.root, {
      rules: parsedRules.rules,
      only: undefined,
      ...(below === undefined ? {} : { below }),
    });
    await this.#world.scheduler.pause(`${this.#machine.name} scanned`);
    this.#edits.applyScan(scan, below);
  }

  #load(): { changes: number; bytes: number } {
    return { changes: this.#edits.count(), bytes: this.#edits.bytes() };
  }

  #edited(): void {
    const { nowMs } = this.#world.scheduler;
    this.#do({ kind: "edited", path: WIRE_PATH, load: this.#load(), nowMs });
  }

  #do(event: ClientEvent): void {
    this.#world.sawStamp(this.#machine.name, this.#base.position().stamp);
    const { state, effects } = stepClient(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    this.#wakeLater();
  }

  #perform(effect: ClientEffect): void {
    const { network, scheduler } = this.#world;
    const { name } = this.#machine;
    switch (effect.kind) {
      case "announce": {
        const { status, position, load, path } = effect;
        return network.announce(name, {
          status,
          version: PROTOCOL_VERSION,
          path,
          ...position.stamp,
          epoch: position.epoch,
          ...load,
          host: name,
        });
      }
      case "openTurn":
        this.#inTurn = true;
        return scheduler.spawn(
          this.process,
          `${name} takes its turn`,
          () => this.#turn(effect.session, effect.token),
        );
      case "advance":
        return this.#base.agree([], effect.position);
      case "fault":
        throw new Error(`The server says: ${effect.message}`);
    }
  }

  async #turn(session: string, token: string): Promise<void> {
    const world = this.#world;
    const { name } = this.#machine;
    let clean = false;
    let line: SimLine | undefined;
    try {
      await world.scheduler.pause(`${name} dials`);
      const dialled = world.network.dial(name, session, token);
      if (dialled === undefined) {
        throw new Error("Cannot dial: no such session");
      }
      line = dialled;
      world.joinLine(dialled, this.process);
      await this.#serially(async () => {
        const end = await this.#takeTurn(dialled);
        clean = end.left.length === 0;
        const { date, cycle } = end.position.stamp;
        world.note(
          `${name}: turn over at ${date}.${cycle}, left ${
            JSON.stringify(end.left)
          }`,
        );
      });
    } catch (error) {
      if (!this.process.alive) return;
      world.turnBroke(`${name}: turn`, error);
      line?.cut("the turn broke on the client");
    }
    if (line !== undefined) world.leaveLine(line, this.process);
    this.#inTurn = false;
    this.#do({
      kind: "turnEnded",
      path: WIRE_PATH,
      position: this.#base.position(),
      load: this.#load(),
      clean,
      nowMs: world.scheduler.nowMs,
    });
  }

  async #takeTurn(line: SimLine): Promise<ClientTurnEnd> {
    await finishClientIntent(this.#base, this.#disk, this.#edits);
    return await takeTurn({
      line: line.client(),
      base: this.#base,
      disk: this.#disk,
      edits: this.#edits,
      transfer: TRANSFER,
      single: false,
      copyName: (path) => this.#copyName(path),
    });
  }

  #copyName(path: RelativePath): string {
    return conflictPath(path, {
      client: this.#machine.name,
      timeText: utcText(this.#world.scheduler.nowMs),
      taken: (copy) =>
        lstatIfAny(`${this.#machine.root}/${copy}`) !== undefined,
    });
  }
}
