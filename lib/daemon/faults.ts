/**
 * Faults for `sinkd status`: what went wrong, where, since when, and what to do; gone when fixed.
 *
 * @module
 */
import { counted } from "../core/plural.ts";
import type { Fault } from "../core/status.ts";

/** Most faults of one kind that are listed; of the rest the number is. */
const MAX_LISTED = 100;
/** Most faults of one kind that are remembered. */
const MAX_KEPT = 10_000;

/** A fault as it is stated; `kind` is `"other"` and `level` `"problem"` unless said otherwise. */
export type StatedFault =
  & Omit<Fault, "since" | "kind" | "level">
  & Partial<Pick<Fault, "kind" | "level">>;

/** The current faults of one owner, by kind and key. */
export class Faults {
  readonly #kinds = new Map<string, Map<string, Fault>>();

  /** Notes a fault; one that is there with the same cause keeps its time. A key has one fault. */
  note(key: string, fault: StatedFault): void {
    const stated = { kind: "other", level: "problem", ...fault } as const;
    const known = this.#find(key);
    if (known !== undefined && known.kind !== stated.kind) this.clear(key);
    const kind = this.#kinds.get(stated.kind) ?? new Map<string, Fault>();
    if (!kind.has(key) && kind.size >= MAX_KEPT) return;
    this.#kinds.set(stated.kind, kind);
    const since = known?.cause === stated.cause
      ? known.since
      : new Date().toISOString();
    kind.set(key, { ...stated, since });
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
    for (const kind of this.#kinds.values()) {
      for (const fault of kind.values()) if (fault.level === level) count++;
    }
    return count;
  }

  /** Those of each kind that came first, and how many more there are of it. */
  list(): Fault[] {
    return [...this.#kinds.values()].flatMap((kind) => listed(kind));
  }

  #find(key: string): Fault | undefined {
    for (const kind of this.#kinds.values()) {
      const fault = kind.get(key);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
}

function listed(kind: ReadonlyMap<string, Fault>): Fault[] {
  const faults = [...kind.values()];
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
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined
    ? error.message
    : `${error.message}: ${describe(error.cause)}`;
}
