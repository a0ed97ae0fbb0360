/**
 * Chance for the simulator: one seed, one sequence. What chance lets happen can be counted, and a
 * part of it left out, which is how a failing schedule gets shorter.
 *
 * @module
 */

/** A source of chance that a seed replays exactly. */
export interface Random {
  /** A number from 0 up to but not including 1. */
  next(): number;
  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** True with this probability (1 when not given), unless this happening is left out. */
  happens(kind: string, probability?: number): boolean;
  /** Counts something that came of what happened. */
  saw(what: string): void;
  /** All is planned: what follows goes by the order of events. */
  begin(): void;
}

/** What of a schedule takes place. */
export interface Course {
  /** The happenings that take place; all when not given. */
  readonly only?: ReadonlySet<string>;
  /** Another order of events with the same plan; 0 for the seed's own. */
  readonly order?: number;
}

/** What took place. */
export class Chronicle {
  /** Happenings, each by its kind and number. */
  readonly happened: string[] = [];
  /** How often each kind of happening, and what came of it, was seen. */
  readonly counts = new Map<string, number>();

  add(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

/** The sequence of a seed (mulberry32). */
export function seeded(
  seed: number,
  course: Course = {},
  chronicle: Chronicle = new Chronicle(),
): Random {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const between = (low: number, high: number) =>
    low + Math.floor(next() * (high - low + 1));
  const chance = (probability: number) =>
    probability > 0 && next() < probability;
  const numbers = new Map<string, number>();
  return {
    next,
    between,
    chance,
    pick<T>(from: readonly T[]): T {
      const picked = from[between(0, from.length - 1)];
      if (picked === undefined) {
        throw new Error("Cannot pick: there is nothing to pick from");
      }
      return picked;
    },
    happens(kind, probability = 1) {
      if (probability < 1 && !chance(probability)) return false;
      const number = numbers.get(kind) ?? 0;
      numbers.set(kind, number + 1);
      const happening = `${kind} ${number}`;
      if (course.only?.has(happening) === false) return false;
      chronicle.happened.push(happening);
      chronicle.add(kind);
      return true;
    },
    saw: (what) => chronicle.add(what),
    begin() {
      state = (state + Math.imul(course.order ?? 0, 0x85ebca6b)) >>> 0;
    },
  };
}
