/**
 * What does not fit on a disk, for `sinkd status` of the server: whose file, on which disk.
 *
 * @module
 */
import { type Shortage, shortageWords } from "../core/room.ts";
import type { Turn } from "../core/server.ts";
import type { Fault } from "../core/status.ts";
import type { Short } from "../turn/serve_turn.ts";
import { Faults } from "./faults.ts";

/** How long a shortage is told that nobody met again: its client tries every half minute. */
const LASTS_MS = 120_000;
/** Within this a client has told that it has a problem, when it has one. */
const TOLD_MS = 5_000;

/** What one client has too little room for. */
interface Noted {
  readonly faults: Faults;
  readonly atMs: number;
}

/** See the module. */
export class ShortFaults {
  readonly #root: string;
  readonly #nowMs: () => number;
  readonly #clients = new Map<string, Noted>();

  /** `nowMs` is a clock that does not jump. */
  constructor(root: string, nowMs: () => number = () => performance.now()) {
    this.#root = root;
    this.#nowMs = nowMs;
  }

  /** On the server, what now fits is no fault any more; of an update, all that does not fit is named. */
  note(
    { user, client, path: anchor }: Turn,
    whose: "server" | "client",
    paths: readonly Short[],
  ): void {
    const key = JSON.stringify([user, client]);
    const faults = this.#clients.get(key)?.faults ?? new Faults(this.#nowMs);
    this.#clients.set(key, { faults, atMs: this.#nowMs() });
    const kind = `short ${whose} ${anchor}`;
    const stated = new Map(paths.flatMap(({ path, room }) => {
      if (room === undefined) return [];
      const fault = {
        path: `${this.#root}/${user}/${anchor}/${path}`,
        ...wordsOf(room, { whose, client }),
        lastsMs: LASTS_MS,
      };
      return [[`${kind} ${path}`, fault] as const];
    }));
    if (whose === "client") return faults.restate(kind, stated);
    for (const { path } of paths) {
      const fault = stated.get(`${kind} ${path}`);
      if (fault === undefined) faults.clear(`${kind} ${path}`);
      else faults.note(`${kind} ${path}`, { ...fault, kind });
    }
  }

  /** Nothing of a client is waited for any more. */
  forget(user: string, client: string): void {
    this.#clients.delete(JSON.stringify([user, client]));
  }

  /** `hasProblems`: what does not fit is a problem of its client, too; one without any has given up. */
  list(hasProblems: (user: string, client: string) => boolean): Fault[] {
    const toldMs = this.#nowMs() - TOLD_MS;
    return [...this.#clients].flatMap(([key, { faults, atMs }]) => {
      const [user, client] = JSON.parse(key);
      return atMs < toldMs && !hasProblems(user, client) ? [] : faults.list();
    });
  }
}

function wordsOf(
  room: Shortage,
  { whose, client }: { whose: "server" | "client"; client: string },
): { cause: string; fix: string } {
  return shortageWords(room, {
    machine: whose === "server" ? "this server" : client,
    other: `exclude the file on ${client}`,
  });
}
