/**
 * Faults for `sinkd status`: what went wrong, where, since when, and what to do; gone when mended.
 *
 * @module
 */
import type { Fault } from "../core/status.ts";

/** Most faults kept; the oldest go first. */
const MAX_FAULTS = 200;

/** A set of current faults by key. */
export class Faults {
  readonly #faults = new Map<string, Fault>();

  /** Notes a fault; one that is there with the same cause keeps its time. */
  note(key: string, fault: Omit<Fault, "since">): void {
    const known = this.#faults.get(key);
    const same = known !== undefined && known.cause === fault.cause;
    this.#faults.set(key, {
      ...fault,
      since: same ? known.since : new Date().toISOString(),
    });
    for (const oldest of this.#faults.keys()) {
      if (this.#faults.size <= MAX_FAULTS) break;
      this.#faults.delete(oldest);
    }
  }

  /** Forgets the fault of a key; it is mended. */
  clear(key: string): void {
    this.#faults.delete(key);
  }

  list(): Fault[] {
    return [...this.#faults.values()];
  }
}

/** An error as one sentence, with its causes. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined
    ? error.message
    : `${error.message}: ${describe(error.cause)}`;
}
