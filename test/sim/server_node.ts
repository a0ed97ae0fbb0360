/**
 * The server of a simulated world: performs the effects of the production state machine, as the
 * daemon does.
 *
 * @module
 */
import type { RelativePath } from "../../lib/core/path.ts";
import { PROTOCOL_VERSION } from "../../lib/core/protocol.ts";
import type { MsgUpdate } from "../../lib/core/protocol.ts";
import {
  newServerState,
  type ServerEffect,
  type ServerEvent,
  type ServerState,
  stepServer,
  type Turn,
} from "../../lib/core/server.ts";
import { nextStamp, type Stamp, utcDate } from "../../lib/core/stamp.ts";
import { differences, readTree } from "../../lib/io/adopt_tree.ts";
import { openServerTree } from "../../lib/io/server_tree.ts";
import type { ServerTree } from "../../lib/ports.ts";
import { finishServerIntents, serveTurn } from "../../lib/turn/serve_turn.ts";
import type { SimLine } from "./line.ts";
import type { ServerEnd } from "./network.ts";
import type { Process } from "./scheduler.ts";
import type { JournalStore } from "./memory_journal.ts";
import { USER, wirePath, type World } from "./world.ts";
import { ENDLESS_ROOM } from "./endless_room.ts";

const BROADCAST_MS = 5_000;
const OPEN_LIMIT_MS = 10_000;
const TURNS_AT_ONCE = 4;

interface Invitation {
  readonly turn: Turn;
  readonly token: string;
}

/** One life of the server, from start to kill. */
export class ServerNode implements ServerEnd {
  readonly process: Process = { name: "server", alive: true };
  readonly #world: World;
  readonly #journal: JournalStore;
  readonly #tree: ServerTree;
  readonly #invited = new Map<string, Invitation>();
  readonly #lines = new Map<number, SimLine>();
  #state: ServerState = newServerState(TURNS_AT_ONCE);
  #exclusive = 0;

  constructor(world: World) {
    this.#world = world;
    this.#journal = world.journal;
    this.#tree = openServerTree(
      world.serverDirectory,
      () => Promise.reject(new Error("one file system only")),
    );
  }

  /** Turns that run or wait. */
  get busy(): boolean {
    const user = this.#state.users.get(USER);
    return user !== undefined && user.active.length + user.queue.length > 0;
  }

  /** What it still has to do, for a failure's message. */
  describe(): string {
    return `server: ${JSON.stringify(this.#state.users.get(USER))}`;
  }

  start(): void {
    this.#world.scheduler.spawn(this.process, "server starts", async () => {
      this.#world.note("server: starts");
      if (this.#world.takeRestored()) this.#adopt();
      await this.#recover();
      this.#world.network.openServer(this);
      this.onUp();
      this.#broadcastLater();
    });
  }

  /** Finishes what a crash left half done; when the disk does not let it, the next turn does. */
  async #recover(): Promise<void> {
    try {
      await finishServerIntents(this.#journal, this.#tree);
    } catch (error) {
      if (!this.process.alive) return;
      this.#world.turnBroke("server: start", error);
    }
  }

  onUp(): void {
    this.#do({ kind: "linkUp" });
    this.#publishHead();
  }

  /** The record is another one than it was: it is made anew from the tree, in a new epoch. */
  #adopt(): void {
    const journal = this.#journal;
    // With the record what was to be done is gone, too; the tree is as it is.
    for (const intent of journal.pendingIntents()) journal.finish(intent);
    const { epoch, stamp } = journal.head();
    journal.renew({
      epoch: (parseInt(epoch, 16) + 1).toString(16).padStart(16, "0"),
      stamp: nextStamp(stamp, this.#today()),
      place: undefined,
      changes: differences(
        journal.liveEntries(),
        readTree(this.#world.serverDirectory),
      ),
    });
    this.#world.note("server: a new epoch");
  }

  #today(): number {
    return utcDate(this.#world.clockMs("server"));
  }

  onMessage(client: string, message: MsgUpdate): void {
    const { nowMs } = this.#world.scheduler;
    const who = { user: USER, client };
    if (message.status === "Offline") {
      return this.#do({ kind: "gone", ...who, nowMs });
    }
    if (message.status === "Report") return; // the simulator shows no status
    const { epoch, stamp: head } = this.#journal.head();
    const stamp = { date: message.date, cycle: message.cycle };
    const path = message.path.slice(wirePath("").length) as RelativePath;
    const changed = this.#journal.hasChanges(path, stamp);
    const standing = { epoch, head, changed };
    this.#do({
      kind: "announced",
      ...who,
      path,
      message,
      standing,
      nowMs,
    });
  }

  onDial(client: string, session: string, token: string): SimLine | undefined {
    const invitation = this.#invited.get(session);
    if (invitation?.token !== token) return undefined;
    const { turn } = invitation;
    this.#invited.delete(session);
    const line = this.#world.openLine(client, this.process);
    this.#lines.set(turn.id, line);
    this.#world.scheduler.spawn(
      this.process,
      `turn ${turn.id}`,
      () => this.#serve(turn, line),
    );
    return line;
  }

  async #serve(turn: Turn, line: SimLine): Promise<void> {
    const world = this.#world;
    let reached: Stamp | undefined;
    world.check(
      this.#exclusive === 0 && (!turn.exclusive || this.#lines.size === 1),
      "a turn that takes edits is not alone",
    );
    if (turn.exclusive) this.#exclusive++;
    try {
      await finishServerIntents(this.#journal, this.#tree);
      const end = await serveTurn({
        path: turn.path,
        stageName: turn.client,
        exclusive: turn.exclusive,
        line: line.server(),
        journal: this.#journal,
        tree: this.#tree,
        room: ENDLESS_ROOM,
        today: () => this.#today(),
        onCommit: () => this.#publishHead(),
      });
      reached = end.stamp;
      world.note(`server: turn ${turn.id} of ${turn.client} served`);
    } catch (error) {
      if (!this.process.alive) return;
      world.turnBroke(`server: turn ${turn.id} of ${turn.client}`, error);
    }
    if (turn.exclusive) this.#exclusive--;
    this.#lines.delete(turn.id);
    world.leaveLine(line, this.process);
    if (reached === undefined) line.cut("the turn broke on the server");
    this.#ended(turn, reached);
  }

  #ended(turn: Turn, stamp: Stamp | undefined): void {
    const { nowMs } = this.#world.scheduler;
    this.#do({ kind: "turnEnded", turn, stamp, nowMs });
  }

  #do(event: ServerEvent): void {
    const { state, effects } = stepServer(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ServerEffect): void {
    const { network } = this.#world;
    switch (effect.kind) {
      case "publishState":
        return this.#publishState();
      case "reply":
        return network.reply(effect.client, effect.message);
      case "startTurn":
        return this.#invite(effect.turn);
      case "cancelTurn":
        return this.#cancel(effect.turn);
    }
  }

  #invite(turn: Turn): void {
    const { network, scheduler } = this.#world;
    const session = turn.id.toString(16).padStart(16, "0");
    const token = turn.id.toString(16).padStart(32, "0");
    this.#invited.set(session, { turn, token });
    this.#world.turns++;
    this.#world.note(
      `server: turn ${turn.id} for ${turn.client}${
        turn.exclusive ? ", exclusive" : ""
      }${turn.behind ? ", behind" : ""}`,
    );
    scheduler.after(OPEN_LIMIT_MS, `turn ${turn.id} is not taken`, () => {
      if (this.#invited.delete(session)) this.#ended(turn, undefined);
    });
    const path = wirePath(turn.path);
    const version = PROTOCOL_VERSION;
    if (turn.behind) {
      network.reply(turn.client, { kind: "Cache", version, path });
    }
    network.reply(turn.client, {
      kind: "Channel",
      version,
      path,
      session,
      token,
    });
  }

  #cancel(turn: Turn): void {
    for (const [session, invitation] of this.#invited) {
      if (invitation.turn.id !== turn.id) continue;
      this.#invited.delete(session);
      this.#ended(turn, undefined);
    }
    this.#lines.get(turn.id)?.cut("the client is gone");
  }

  #publishState(): void {
    this.#world.network.publish({
      topic: "server",
      message: { version: PROTOCOL_VERSION, state: this.#state.announced },
    });
  }

  #publishHead(): void {
    const { epoch, stamp } = this.#journal.head();
    this.#world.sawStamp(`the server in epoch ${epoch}`, stamp);
    this.#world.network.publish({
      topic: "head",
      message: { version: PROTOCOL_VERSION, epoch, ...stamp },
    });
  }

  #broadcastLater(): void {
    this.#world.scheduler.after(BROADCAST_MS, "server broadcasts", () => {
      this.#do({ kind: "tick" });
      this.#publishState();
      this.#publishHead();
      this.#broadcastLater();
    });
  }
}
