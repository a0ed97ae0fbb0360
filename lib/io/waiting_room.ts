/**
 * Connections that are not admitted yet, and how many an address has, an IPv6 address counting as its
 * /64: where one is too many, the oldest that waits goes, so that an honest one, which is admitted in
 * a moment, gets through.
 *
 * @module
 */
import type { Socket } from "node:net";
import { networkOf } from "../core/address.ts";
import type { FrontLimits, Visitor } from "./front.ts";

/** See the module. */
export class WaitingRoom {
  readonly #limits: FrontLimits;
  /** In the order they came. */
  readonly #waiting = new Map<Socket, string>();
  readonly #waitingOf = new Map<string, number>();
  readonly #allOf = new Map<string, number>();

  constructor(limits: FrontLimits) {
    this.#limits = limits;
  }

  /** Counts a connection in until it closes; `undefined` when its address has too many, and it is closed. */
  enter(socket: Socket): Visitor | undefined {
    const address = socket.remoteAddress ?? "";
    const network = networkOf(address);
    const of = (counts: ReadonlyMap<string, number>) =>
      counts.get(network) ?? 0;
    if (of(this.#waitingOf) >= this.#limits.waitingOfAddress) {
      this.#dropOldest(network);
    } else if (this.#waiting.size >= this.#limits.waiting) {
      this.#dropOldest(undefined);
    }
    if (of(this.#allOf) >= this.#limits.ofAddress) {
      socket.destroy();
      return undefined;
    }
    this.#waiting.set(socket, network);
    count(this.#waitingOf, network, 1);
    count(this.#allOf, network, 1);
    const limit = setTimeout(() => socket.destroy(), this.#limits.admitMs);
    const admit = () => {
      clearTimeout(limit);
      this.#leave(socket);
    };
    socket.once("close", () => {
      admit();
      count(this.#allOf, network, -1);
    });
    return { address, admit };
  }

  #dropOldest(network: string | undefined): void {
    for (const [socket, of] of this.#waiting) {
      if (network !== undefined && of !== network) continue;
      this.#leave(socket);
      socket.destroy();
      return;
    }
  }

  #leave(socket: Socket): void {
    const network = this.#waiting.get(socket);
    if (network === undefined) return;
    this.#waiting.delete(socket);
    count(this.#waitingOf, network, -1);
  }
}

function count(
  counts: Map<string, number>,
  network: string,
  change: number,
): void {
  const now = (counts.get(network) ?? 0) + change;
  if (now === 0) counts.delete(network);
  else counts.set(network, now);
}
