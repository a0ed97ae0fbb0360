/**
 * Where commands to a server arrive from its first moment to its last: what cannot be answered yet is
 * kept or said to be asked again, and a stop counts whenever it comes.
 *
 * @module
 */
import type { ControlReply, ControlRequest } from "../core/control.ts";
import { STARTING_REPLY } from "../core/control_reply.ts";

/** A server that can be asked. */
export interface AskedServer {
  control(request: Exclude<ControlRequest, { command: "stop" }>): ControlReply;
  reload(): Promise<ControlReply>;
}

/** See the module. */
export class ServerDesk {
  readonly #waiting: (request: ControlRequest) => ControlReply | undefined;
  readonly #stop = new AbortController();
  #server: AskedServer | undefined;
  #reload = false;

  /** `waiting` answers while the start waits for something. */
  constructor(waiting: (request: ControlRequest) => ControlReply | undefined) {
    this.#waiting = waiting;
  }

  /** Aborted when a stop was asked for. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** From now on the server answers; what it was asked to read again meanwhile it reads again. */
  async open(server: AskedServer): Promise<void> {
    this.#server = server;
    if (this.#reload) await server.reload();
  }

  /** The server is closing: nothing can be asked of it any more. */
  close(): void {
    this.#stop.abort();
    this.#server = undefined;
  }

  async answer(request: ControlRequest): Promise<ControlReply> {
    if (request.command === "stop") {
      this.#stop.abort();
      return { ok: true, message: "stopping" };
    }
    if (this.#server === undefined) {
      if (this.stopped.aborted) {
        const message = "it is stopping";
        return { ok: false, message, exitCode: 1, phase: "ending" };
      }
      const reply = this.#waiting(request);
      if (reply !== undefined) return reply;
      if (request.command !== "reload") return STARTING_REPLY;
      this.#reload = true;
      return { ok: true, message: "it is starting and reads everything" };
    }
    if (request.command === "reload") return await this.#server.reload();
    const reply = this.#server.control(request);
    return this.stopped.aborted ? { ...reply, phase: "ending" } : reply;
  }
}
