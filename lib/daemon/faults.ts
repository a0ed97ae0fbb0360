/**
 * Faults for `sinkd status`: what went wrong, where, since when, and what to do; gone when fixed.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { counted } from "../core/plural.ts";
import type { Fault } from "../core/status.ts";

/** Most faults of one kind that are listed; of the rest the number is. */
const MAX_LISTED = 100;
/** Most faults of one kind that are remembered. */
const MAX_KEPT = 10_000;

/**
 * A fault as it is stated; `kind` is `"other"` and `level` `"problem"` unless said otherwise. One that
 * is an event rather than a state goes by itself `lastsMs` after it was stated last.
 */
export type StatedFault =
  & Omit<Fault, "since" | "kind" | "level">
  & Partial<Pick<Fault, "kind" | "level">>
  & { readonly lastsMs?: number };

/** How long an event is told: a message that was dropped, a peer that misbehaved. */
export const EVENT_MS: number = 10 * 60 * 1000;
/** How long it is told that something was set aside or made anew. */
export const DAY_MS: number = 24 * 60 * 60 * 1000;

interface Kept {
  readonly fault: Fault;
  readonly untilMs: number;
}

/** The current faults of one owner, by kind and key. */
export class Faults {
  readonly #kinds = new Map<string, Map<string, Kept>>();
  readonly #nowMs: () => number;

  /** `nowMs` is a clock that does not jump. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Notes a fault; one that is there with the same cause keeps its time. A key has one fault. */
  note(key: string, fault: StatedFault): void {
    const { lastsMs = Infinity, ...words } = fault;
    const stated = { kind: "other", level: "problem", ...words } as const;
    const known = this.#find(key);
    if (known !== undefined && known.kind !== stated.kind) this.clear(key);
    const kind = this.#kinds.get(stated.kind) ?? new Map<string, Kept>();
    if (!kind.has(key) && kind.size >= MAX_KEPT) return;
    this.#kinds.set(stated.kind, kind);
    const since = known?.cause === stated.cause
      ? known.since
      : new Date().toISOString();
    const untilMs = this.#nowMs() + lastsMs;
    kind.set(key, { fault: { ...stated, since }, untilMs });
  }

  /** States all faults of a kind, by key: those that are not named are fixed. */
  restate(
    kind: string,
    faults: ReadonlyMap<string, Omit<StatedFault, "kind">>,
  ): void {
    for (const key of [...this.#kinds.get(kind)?.keys() ?? []]) {
      if (!faults.has(key)) this.clear(key);
    }
    for (const [key, fault] of faults) this.note(key, { ...fault, kind });
  }

  /** Forgets the fault of a key; it is fixed. */
  clear(key: string): void {
    for (const [name, kind] of this.#kinds) {
      if (kind.delete(key) && kind.size === 0) this.#kinds.delete(name);
    }
  }

  /** True when a fault of this key is noted. */
  has(key: string): boolean {
    return this.#find(key) !== undefined;
  }

  /** How many there are of a level. */
  count(level: Fault["level"]): number {
    let count = 0;
    for (const kind of this.#current()) {
      for (const fault of kind) if (fault.level === level) count++;
    }
    return count;
  }

  /** Those of each kind that came first, and how many more there are of it. */
  list(): Fault[] {
    return this.#current().flatMap(listed);
  }

  /** What is there now, by kind; what has lasted long enough is forgotten. */
  #current(): Fault[][] {
    const nowMs = this.#nowMs();
    return [...this.#kinds.values()].map((kind) =>
      [...kind].flatMap(([key, { fault, untilMs }]) => {
        if (nowMs < untilMs) return [fault];
        this.clear(key);
        return [];
      })
    );
  }

  #find(key: string): Fault | undefined {
    for (const kind of this.#kinds.values()) {
      const kept = kind.get(key);
      if (kept !== undefined) return kept.fault;
    }
    return undefined;
  }
}

function listed(faults: Fault[]): Fault[] {
  const rest = faults.slice(MAX_LISTED);
  const [next] = rest;
  if (next === undefined) return faults;
  const more = {
    ...next,
    path: `${next.path}, and more`,
    cause: `${
      counted(rest.length, "more problem")
    } of this kind, as this one: ${next.cause}`,
  };
  return [...faults.slice(0, MAX_LISTED), more];
}

/** An error as one sentence, with its causes. */
export function describe(error: unknown): string {
  return errorText(error);
}
