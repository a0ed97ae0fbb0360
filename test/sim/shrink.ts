/**
 * Makes a failing schedule shorter: fast-check leaves out users' acts and faults as long as what is
 * left still fails, in the seed's own order of events or in one of a few others.
 *
 * @module
 */
import fc from "fast-check";
import type { Course } from "./random.ts";
import { type Life, live } from "./simulate.ts";

/** Orders of events that are tried for each part of a schedule. */
const ORDERS = 20;

/** A part of a schedule that fails. */
export interface Shrunk {
  readonly seed: number;
  readonly order: number;
  /** Users' acts and faults that take place. */
  readonly happenings: readonly string[];
  /** How many there were. */
  readonly before: number;
  readonly life: Life;
}

/** What failed, without the numbers, names and paths that differ from run to run. */
function gist(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split("\n", 1)[0] ?? "").replace(/\/\S+|\{.*?\}|\d+/g, "")
    .replace(/\b(a|ann|bob|cy|dan|eve|d)\b/g, "").replace(/\W+/g, " ")
    .slice(0, 40);
}

/**
 * Shrinks a schedule that fails, for `limitMs` at most; `undefined` when it does not fail. What
 * `liveThrough` says is what fails.
 */
export async function shrink(
  seed: number,
  { limitMs, liveThrough = live }: {
    limitMs: number;
    liveThrough?: (seed: number, course?: Course) => Promise<Life>;
  },
): Promise<Shrunk | undefined> {
  const whole = await liveThrough(seed);
  if (whole.error === undefined) return undefined;
  const all = whole.chronicle.happened;
  const wanted = gist(whole.error);
  const fails = async (course: Course) => {
    const life = await liveThrough(seed, course);
    const same = life.error !== undefined && gist(life.error) === wanted;
    return same ? life : undefined;
  };
  let best: Shrunk = {
    ...{ seed, order: 0, happenings: all, before: all.length, life: whole },
  };
  const holds = fc.asyncProperty(fc.subarray([...all]), async (happenings) => {
    for (let order = 0; order < ORDERS; order++) {
      const life = await fails({ only: new Set(happenings), order });
      if (life === undefined) continue;
      if (happenings.length < best.happenings.length) {
        best = { ...best, order, happenings, life };
      }
      return false;
    }
    return true;
  });
  await fc.check(holds, {
    numRuns: 1,
    examples: [[[...all]]],
    interruptAfterTimeLimit: limitMs,
  });
  return best;
}

/** How a shrunk schedule looks to a person, and how it is replayed. */
export function describeShrunk(
  { seed, order, happenings, before, life }: Shrunk,
): string {
  const what = life.error instanceof Error
    ? life.error.message
    : String(life.error);
  return [
    `schedule ${seed}, with ${happenings.length} of its ${before} acts and faults: ${what}`,
    ...life.trace,
    `SIM_SEED=${seed} SIM_ORDER=${order} SIM_ONLY='${
      happenings.join(",")
    }' replays it`,
  ].join("\n");
}
