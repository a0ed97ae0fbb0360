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

/** See the module. */
export class ShortFaults {
  readonly #root: string;
  /** By client. */
  readonly #faults = new Map<string, Faults>();

  constructor(root: string) {
    this.#root = root;
  }

  /** On the server, what now fits is no fault any more; of an update, all that does not fit is named. */
  note(
    { user, client, path: anchor }: Turn,
    whose: "server" | "client",
    paths: readonly Short[],
  ): void {
    const key = JSON.stringify([user, client]);
    const faults = this.#faults.get(key) ?? new Faults();
    this.#faults.set(key, faults);
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
    this.#faults.delete(JSON.stringify([user, client]));
  }

  list(): Fault[] {
    return [...this.#faults.values()].flatMap((faults) => faults.list());
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
