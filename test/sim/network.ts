/**
 * Messages between the server and its clients: late, out of order, doubled, lost; links that go
 * down and up; and the broker's retained messages, which live in the server's process.
 *
 * @module
 */
import {
  type MsgHead,
  msgHeadSchema,
  type MsgReply,
  msgReplySchema,
  type MsgStatus,
  msgStatusSchema,
  type MsgUpdate,
  msgUpdateSchema,
} from "../../lib/core/protocol.ts";
import { Killed, type Process, type Scheduler } from "./scheduler.ts";
import type { SimLine } from "./line.ts";

/** What a client hears. */
export type ToClient =
  | { readonly topic: "server"; readonly message: MsgStatus }
  | { readonly topic: "head"; readonly message: MsgHead }
  | { readonly topic: "reply"; readonly message: MsgReply };

/** The server's end. */
export interface ServerEnd {
  readonly process: Process;
  /** The broker is there again, and knows nothing. */
  onUp(): void;
  onMessage(client: string, message: MsgUpdate): void;
  /** Opens a data channel for a turn, or gives `undefined` when there is no such session. */
  onDial(client: string, session: string, token: string): SimLine | undefined;
}

/** A client's end. */
export interface ClientEnd {
  readonly process: Process;
  onUp(): void;
  onDown(): void;
  onMessage(message: ToClient): void;
}

interface Link {
  readonly end: ClientEnd;
  readonly generation: number;
}

/** How bad the network is; probabilities. */
export interface Weather {
  readonly lose: number;
  readonly double: number;
  /** Of a message that comes much later. */
  readonly delay: number;
}

/** Broker and links of one user. */
export class Network {
  readonly #scheduler: Scheduler;
  readonly #weather: () => Weather;
  readonly #note: (text: string) => void;
  readonly #links = new Map<string, Link>();
  readonly #blocked = new Set<string>();
  #server: ServerEnd | undefined;
  #isOpen = true;
  #retained = new Map<string, ToClient>();
  #generations = 0;

  constructor(
    scheduler: Scheduler,
    weather: () => Weather,
    note: (text: string) => void,
  ) {
    this.#scheduler = scheduler;
    this.#weather = weather;
    this.#note = note;
  }

  /** The server is there, with an empty broker. */
  openServer(server: ServerEnd): void {
    this.#server = server;
    this.#retained = new Map();
  }

  /** The server's process ended, and the broker in it. */
  closeServer(): void {
    this.#server = undefined;
    for (const name of [...this.#links.keys()]) this.drop(name);
  }

  /** A broker of its own is away: nobody hears anything, not even who is gone. */
  closeBroker(): void {
    this.#isOpen = false;
    this.#retained = new Map();
    for (const [name, { end }] of [...this.#links]) {
      this.#links.delete(name);
      if (end.process.alive) this.#as(end.process, () => end.onDown());
    }
  }

  /** It is back, empty. */
  openBroker(): void {
    this.#isOpen = true;
    const server = this.#server;
    if (server !== undefined) this.#as(server.process, () => server.onUp());
  }

  /** Tries to connect a client; false when it cannot be. */
  connect(name: string, end: ClientEnd): boolean {
    const reachable = this.#server !== undefined && this.#isOpen;
    if (!reachable || this.#blocked.has(name)) return false;
    if (!end.process.alive) return true;
    this.drop(name);
    this.#links.set(name, { end, generation: ++this.#generations });
    end.onUp();
    for (const message of this.#retained.values()) {
      this.#toClient(name, message);
    }
    return true;
  }

  /** Breaks a client's link; the broker sends its last will. */
  drop(name: string): void {
    const link = this.#links.get(name);
    if (link === undefined) return;
    this.#links.delete(name);
    this.#note(`${name}: the link breaks`);
    const server = this.#server;
    if (server !== undefined) {
      this.#as(
        server.process,
        () => server.onMessage(name, { status: "Offline", version: 1 }),
      );
    }
    if (link.end.process.alive) {
      this.#as(link.end.process, () => link.end.onDown());
    }
  }

  block(name: string): void {
    this.#blocked.add(name);
    this.drop(name);
  }

  unblock(name: string): void {
    this.#blocked.delete(name);
  }

  isUp(name: string): boolean {
    return this.#links.has(name);
  }

  announce(name: string, message: MsgUpdate): void {
    const link = this.#links.get(name);
    if (link === undefined) return;
    const parsed = msgUpdateSchema.parse(message);
    this.#carry(`${name} announces`, () => {
      const server = this.#server;
      const same = this.#links.get(name)?.generation === link.generation;
      if (server === undefined || !same) return;
      this.#as(server.process, () => server.onMessage(name, parsed));
    });
  }

  /** From the server to one client. */
  reply(name: string, message: MsgReply): void {
    this.#toClient(name, {
      topic: "reply",
      message: msgReplySchema.parse(message),
    });
  }

  /** From the server to all. */
  publish(message: Exclude<ToClient, { topic: "reply" }>): void {
    if (message.topic === "server") msgStatusSchema.parse(message.message);
    else msgHeadSchema.parse(message.message);
    if (!this.#isOpen) return;
    this.#retained.set(message.topic, message);
    for (const name of this.#links.keys()) this.#toClient(name, message);
  }

  dial(name: string, session: string, token: string): SimLine | undefined {
    const server = this.#server;
    if (server === undefined || this.#blocked.has(name)) return undefined;
    return this.#as(
      server.process,
      () => server.onDial(name, session, token),
    );
  }

  #toClient(name: string, message: ToClient): void {
    const link = this.#links.get(name);
    if (link === undefined) return;
    this.#carry(`${name} is told`, () => {
      if (this.#links.get(name)?.generation !== link.generation) return;
      this.#as(link.end.process, () => link.end.onMessage(message));
    });
  }

  #carry(label: string, deliver: () => void): void {
    const { random } = this.#scheduler;
    const weather = this.#weather();
    if (random.happens("a message is lost", weather.lose)) {
      return this.#note(`${label}: lost`);
    }
    const times = random.happens("a message is doubled", weather.double)
      ? 2
      : 1;
    for (let time = 0; time < times; time++) {
      const ms = random.happens("a message is late", weather.delay)
        ? random.between(10, 3000)
        : random.between(0, 3);
      this.#as(WORLD, () => this.#scheduler.after(ms, label, deliver));
    }
  }

  /** Runs `work` as that process, and goes back to the present one. */
  #as<T>(process: Process, work: () => T): T | undefined {
    const before = this.#scheduler.current;
    this.#scheduler.current = process;
    try {
      return work();
    } catch (error) {
      // It was killed while it worked: that does not concern the one who called.
      if (error instanceof Killed && before.alive) return undefined;
      throw error;
    } finally {
      this.#scheduler.current = before;
    }
  }
}

/** The process that is never killed: users, wires, and fate. */
export const WORLD: Process = { name: "world", alive: true };
