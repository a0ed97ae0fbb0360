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
import { passesOver } from "../../lib/core/selection.ts";
import { AnchorDisk } from "../../lib/io/client_disk.ts";
import { lstatIfAny } from "../../lib/io/files.ts";
import { scanTree } from "../../lib/io/scan.ts";
import type { Base } from "../../lib/ports.ts";
import { AnchorEdits } from "../../lib/turn/edits.ts";
import { IncomingGuard } from "../../lib/turn/incoming_guard.ts";
import {
  type ClientTurnEnd,
  finishClientIntent,
  takeTurn,
} from "../../lib/turn/take_turn.ts";
import { fetchApart } from "../../lib/daemon/anchor_suspects.ts";
import { makeLinks } from "./fake_deno.ts";
import type { FileEvent } from "./file_system.ts";
import type { SimLine } from "./line.ts";
import type { ClientEnd, ToClient } from "./network.ts";
import type { Gate, Process } from "./scheduler.ts";
import type { Machine } from "./machine.ts";
import { wirePath, type World } from "./world.ts";
import { ENDLESS_ROOM } from "./endless_room.ts";

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
  readonly #guard: IncomingGuard;
  /** The anchor as messages name it. */
  readonly #path: string;
  /** Directories that were made a moment ago, and until when events in them may be missed. */
  readonly #young = new Map<string, number>();
  #state: ClientState = newClientState();
  #watching = false;
  #looking = false;
  #inTurn = false;
  #fetching = 0;
  #wasUp = false;
  #recovering = false;
  #wakeMs = Infinity;
  #busy: Gate | undefined;
  #judging = false;

  constructor(world: World, machine: Machine) {
    this.#world = world;
    this.#machine = machine;
    this.process = { name: machine.name, alive: true };
    this.#base = machine.base;
    const nowMs = () => world.clockMs(machine.name);
    const steadyMs = () => world.scheduler.nowMs;
    this.#guard = new IncomingGuard(steadyMs);
    const { rules, only, treePath } = machine;
    const selection = { rules, only, minSize: undefined, maxSize: undefined };
    this.#path = wirePath(treePath);
    const copyName = (path: RelativePath) => this.#copyName(path);
    this.#disk = new AnchorDisk({
      root: machine.root,
      passesOver: (path, entry) => passesOver(selection, path, entry),
      assertRoot: () => {},
      copyName,
      nowMs: steadyMs,
      makeLinks: (places, paths) => {
        makeLinks(world.files, places, paths);
        return Promise.resolve();
      },
    });
    this.#edits = new AnchorEdits({
      base: this.#base,
      disk: this.#disk,
      nowMs,
      steadyMs,
      rest: (ms) => world.scheduler.sleep(ms, `${machine.name} rests`),
      defer: (path, leastMs) => this.#note({ kind: "deferred", path, leastMs }),
      scan: (path) => this.#note({ kind: "appeared", path }),
      scanAll: (cause) => this.#note({ kind: "rescan", cause }),
      fetch: (path) => this.#fetch(path),
    });
  }

  start(): void {
    const { name } = this.#machine;
    this.#world.scheduler.spawn(this.process, `${name} starts`, async () => {
      this.#world.note(`${name}: starts`);
      this.#watching = true;
      await this.#open();
      this.#connect();
    });
  }

  /** Finishes what a crash left, scans, and is open; tries again when the disk does not let it. */
  async #open(): Promise<void> {
    try {
      this.#recovering = true;
      await this.#disk.asides.recover();
      this.#recovering = false;
      await finishClientIntent(this.#base, this.#disk, this.#edits);
      await this.#scan(undefined);
    } catch (error) {
      if (!this.process.alive) return;
      this.#recovering = false;
      this.#world.turnBroke(`${this.#machine.name}: start`, error);
      await this.#world.scheduler.sleep(1000, "tries to start again");
      return await this.#open();
    }
    this.#opened();
  }

  #opened(): void {
    const nowMs = this.#nowMs();
    const position = this.#base.position();
    const load = this.#load();
    this.#do({ kind: "opened", path: this.#path, position, load, nowMs });
  }

  /** True while it makes conflict copies of what a crash left. */
  get recovering(): boolean {
    return this.#recovering;
  }

  /** Deletions that wait for a person. */
  heldPaths(): readonly string[] {
    return this.#edits.heldPaths();
  }

  /** A person lets held deletions go, or brings them back. */
  decide(decision: "approve" | "reject"): void {
    this.#world.note(`user of ${this.#machine.name}: ${decision}`);
    if (decision === "approve") {
      this.#edits.approve();
      return this.#edited();
    }
    this.#edits.reject();
    this.#world.forgetStamp(this.#who());
    this.#opened();
  }

  /** The regular scan. */
  rescan(): void {
    this.#note({ kind: "rescan", cause: "the regular scan" });
  }

  /** Something was in the way of the server's version and is gone. */
  #fetch(path: RelativePath): void {
    const { scheduler } = this.#world;
    this.#fetching++;
    scheduler.spawn(this.process, `${this.#machine.name} fetches`, async () => {
      await this.#serially(() => {
        const ports = { base: this.#base, disk: this.#disk };
        const forgotten = fetchApart(ports, [path]);
        if (forgotten.length > 0) this.#world.forgetStamp(this.#who());
        this.#edits.examine(forgotten);
        return Promise.resolve();
      });
      this.#fetching--;
      this.#opened();
    });
  }

  /** Whose stamp it is: in another epoch it begins anew. */
  #who(): string {
    return `${this.#machine.name} in epoch ${this.#base.position().epoch}`;
  }

  /** Milliseconds of a clock that does not jump, as the daemon's timers have it. */
  #nowMs(): number {
    return this.#world.scheduler.nowMs;
  }

  /** True when nothing waits or runs here. */
  get quiet(): boolean {
    const { head } = this.#state;
    const position = this.#base.position();
    return this.#watching && !this.#looking && !this.#inTurn &&
      this.#fetching === 0 &&
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
    if (this.#wasUp) this.#note({ kind: "rescan", cause: "connected again" });
    this.#wasUp = true;
    this.#do({ kind: "linkUp", nowMs: this.#nowMs() });
  }

  onDown(): void {
    this.#do({ kind: "linkDown" });
    this.#connect();
  }

  onMessage({ topic, message }: ToClient): void {
    const nowMs = this.#nowMs();
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
    if (this.#isMissed(path, kind)) return;
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

  /** A watcher does not see what is made in a directory before the kernel watches that. */
  #isMissed(path: string, kind: FileEvent["kind"]): boolean {
    const { nowMs, random } = this.#world.scheduler;
    const { deaf } = this.#world;
    if (deaf === 0) return false;
    const parent = path.slice(0, Math.max(path.lastIndexOf("/"), 0));
    const young = nowMs < (this.#young.get(parent) ?? 0);
    const missed = young && random.chance(deaf);
    if (kind === "made") this.#young.set(path, nowMs + random.between(0, 60));
    return missed;
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
    const nowMs = this.#nowMs();
    const asidesMs = this.#disk.asides.dueMs();
    if (!this.#looking) {
      const batch = takeSettled(this.#settle, this.#world.scheduler.nowMs);
      const release = asidesMs !== undefined && asidesMs <= nowMs;
      if (batch !== undefined || release) this.#lookAt(batch, release);
    }
    if (this.#isJudged()) this.#edited();
    const wakeMs = clientWakeMs(this.#state);
    if (wakeMs !== undefined && wakeMs <= nowMs) {
      this.#do({ kind: "woken", nowMs });
    }
    if (!this.#looking) this.#wakeLater();
  }

  /** True when many deletions have come to rest, and are now held or may go. */
  #isJudged(): boolean {
    const judgeAtMs = this.#edits.judgeAtMs();
    const wasWaiting = this.#judging;
    this.#judging = judgeAtMs !== undefined;
    return wasWaiting && !this.#judging;
  }

  #lookAt(batch: SettleBatch | undefined, release: boolean): void {
    const { scheduler } = this.#world;
    this.#looking = true;
    scheduler.spawn(this.process, `${this.#machine.name} looks`, async () => {
      try {
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
      } catch (error) {
        if (!this.process.alive) return;
        this.#world.turnBroke(`${this.#machine.name}: look`, error);
        this.#note({ kind: "rescan", cause: "a look failed" });
      }
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
    const { rules, only } = this.#machine;
    const scan = await scanTree(this.#machine.root, {
      rules,
      only,
      ...(below === undefined ? {} : { below }),
    });
    await this.#world.scheduler.pause(`${this.#machine.name} scanned`);
    this.#edits.applyScan(scan, below);
    if (below !== undefined) this.#edits.examine([below]);
  }

  #load(): { changes: number; bytes: number } {
    return { changes: this.#edits.count(), bytes: this.#edits.bytes() };
  }

  #edited(): void {
    const nowMs = this.#nowMs();
    this.#judging = this.#edits.judgeAtMs() !== undefined;
    this.#do({ kind: "edited", path: this.#path, load: this.#load(), nowMs });
  }

  #do(event: ClientEvent): void {
    this.#world.sawStamp(this.#who(), this.#base.position().stamp);
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
      path: this.#path,
      position: this.#base.position(),
      load: this.#load(),
      clean,
      nowMs: this.#nowMs(),
    });
  }

  async #takeTurn(line: SimLine): Promise<ClientTurnEnd> {
    await finishClientIntent(this.#base, this.#disk, this.#edits);
    return await takeTurn({
      line: line.client(),
      base: this.#base,
      disk: this.#disk,
      edits: this.#edits,
      guard: this.#guard,
      room: ENDLESS_ROOM,
      transfer: TRANSFER,
      single: this.#machine.only !== undefined,
      copyName: (path) => this.#copyName(path),
    });
  }

  #copyName(path: RelativePath): string {
    return conflictPath(path, {
      client: this.#machine.name,
      timeText: utcText(this.#world.clockMs(this.#machine.name)),
      taken: (copy) =>
        lstatIfAny(`${this.#machine.root}/${copy}`) !== undefined,
    });
  }
}
