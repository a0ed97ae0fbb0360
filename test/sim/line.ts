/**
 * A turn's data channel in memory: both ends of it, with rsync calls, and cuts.
 *
 * @module
 */
import {
  type ClientMessage,
  clientMessageSchema,
  type ServerMessage,
  serverMessageSchema,
} from "../../lib/core/channel_protocol.ts";
import type { ClientLine, RsyncEnd, ServerLine } from "../../lib/ports.ts";
import { type ModelCall, type ModelPorts, modelRsync } from "./rsync_model.ts";
import type { Gate, Scheduler } from "./scheduler.ts";

/** What lines need from the world. */
export interface LinePorts {
  readonly scheduler: Scheduler;
  readonly note: (text: string) => void;
  /** Of the channel breaking before a call, or before a message comes. */
  readonly cutRate: (call: string, about: string) => number;
  /** Before every message and every step of rsync. */
  readonly enter: (call: string, about: string) => void;
  readonly rsync: Omit<ModelPorts, "pause">;
  readonly onCut: () => void;
  /** Messages are written as text and parsed, as on a real channel. */
  readonly real: boolean;
}

/** SIM_LINES=1 puts every message into the trace. */
const SHOWN = Deno.env.get("SIM_LINES") !== undefined;
const PASSWORD = "0".repeat(32);

/** One data channel between the server and a client whose anchor is at `root`. */
export class SimLine {
  readonly root: string;
  open = true;
  readonly #name: string;
  readonly #ports: LinePorts;
  readonly #toServer: ClientMessage[] = [];
  readonly #toClient: ServerMessage[] = [];
  #gates: Gate[] = [];
  /** Calls that the server asked for, that the client serves or served, and that are done. */
  readonly #calls = { asked: 0, served: 0, done: 0 };

  constructor(name: string, root: string, ports: LinePorts) {
    this.#name = name;
    this.root = root;
    this.#ports = ports;
  }

  /** Breaks the channel; what is under way may be lost. */
  cut(why: string): void {
    if (!this.open) return;
    this.#ports.note(`${this.#name}: the channel breaks: ${why}`);
    this.open = false;
    this.#ports.onCut();
    if (this.#ports.scheduler.random.chance(0.5)) {
      this.#toServer.length = 0;
      this.#toClient.length = 0;
    }
    this.#wake();
  }

  server(): ServerLine {
    return {
      send: (message) => this.#send(this.#toClient, message),
      receive: async (): Promise<ClientMessage> => {
        const message = await this.#receive(this.#toServer);
        return this.#ports.real ? clientMessageSchema.parse(message) : message;
      },
      rsync: async (call) => {
        const { direction, local, remote, compareDest, verify, paths } = call;
        const number = ++this.#calls.asked;
        await this.#send(this.#toClient, {
          kind: "rsync",
          direction,
          password: PASSWORD,
        });
        await this.#until(() => this.#calls.served === number);
        const inModule = `${this.root}/${remote}`.replace(/\/$/, "");
        const end = await this.#run(
          direction === "edits"
            ? {
              from: inModule,
              into: local,
              compare: compareDest,
              verify,
              paths,
            }
            : {
              from: local,
              into: inModule,
              compare: this.root,
              verify,
              paths,
            },
        );
        this.#calls.done = number;
        this.#wake();
        await this.#send(this.#toClient, {
          kind: "rsyncDone",
          code: end.code,
        });
        return end;
      },
    };
  }

  client(): ClientLine {
    return {
      send: (message) => this.#send(this.#toServer, message),
      receive: async (): Promise<ServerMessage> => {
        const message = await this.#receive(this.#toClient);
        return this.#ports.real ? serverMessageSchema.parse(message) : message;
      },
      serveRsync: async () => {
        const number = ++this.#calls.served;
        this.#wake();
        await this.#until(() => this.#calls.done >= number);
      },
    };
  }

  async #run(call: ModelCall): Promise<RsyncEnd> {
    const { note, rsync } = this.#ports;
    note(
      `${this.#name}: rsync ${call.from} -> ${call.into}: ${
        call.paths.join(" ")
      }`,
    );
    const end = await modelRsync(call, {
      ...rsync,
      pause: (call, path) => this.#pause(call, path),
    });
    if (end.code !== 0) note(`${this.#name}: rsync ends with ${end.code}`);
    return end;
  }

  async #pause(call: string, about = ""): Promise<void> {
    const { scheduler, cutRate } = this.#ports;
    if (scheduler.random.happens("a channel breaks", cutRate(call, about))) {
      this.cut("by chance");
    }
    this.#ports.enter(call, about);
    await scheduler.pause(this.#name);
    if (!this.open) throw new Error("Cannot use the channel: it broke");
  }

  async #send<T extends ClientMessage | ServerMessage>(
    queue: T[],
    message: T,
  ): Promise<void> {
    await this.#pause("sends", message.kind);
    if (SHOWN) this.#ports.note(`${this.#name}: ${JSON.stringify(message)}`);
    queue.push(
      this.#ports.real ? JSON.parse(JSON.stringify(message)) : message,
    );
    this.#wake();
  }

  async #receive<T>(queue: T[]): Promise<T> {
    await this.#until(() => queue.length > 0, () => queue.length > 0);
    const message = queue.shift();
    if (message === undefined) throw new Error("Cannot receive: it is gone");
    return message;
  }

  async #until(
    holds: () => boolean,
    evenBroken: () => boolean = () => false,
  ): Promise<void> {
    for (;;) {
      if (!this.open && !evenBroken()) {
        throw new Error("Cannot use the channel: it broke");
      }
      if (holds()) return;
      const gate = this.#ports.scheduler.gate(this.#name);
      this.#gates.push(gate);
      await gate.opened;
    }
  }

  #wake(): void {
    const gates = this.#gates;
    this.#gates = [];
    for (const gate of gates) gate.wake();
  }
}
