/**
 * Random plans: what users of several clients do to one file or tree, and when; seeded.
 *
 * @module
 */
import { type Random, seeded } from "../sim/random.ts";

/** An act of one client's user, some time after the one before. */
export interface Step<Act> {
  readonly client: number;
  readonly waitMs: number;
  readonly act: Act;
}

/** What happens to one file or tree: phases, each of which ends when all is quiet. */
export type Plan<Act> = readonly (readonly Step<Act>[])[];

/** A client, or the server, that stands still or is dead for a while. */
export interface Trouble {
  readonly who: number | "server";
  readonly how: "stands still" | "is killed";
  readonly atMs: number;
  readonly forMs: number;
}

/** Plans that are carried out side by side in one world. */
export interface Round<Act> {
  readonly plans: readonly Plan<Act>[];
  /** By phase. */
  readonly troubles: readonly (readonly Trouble[])[];
}

/** An act by chance; `fresh` gives the number of the next new content. */
export type ActBy<Act> = (random: Random, fresh: () => number) => Act;

/** Clients that act. */
export const CLIENTS = 3;
const PLANS = 24;
const PHASES = 2;
/** 0 and {@linkcode DIRECTORY} of the model of trees are no files. */
const FIRST_VALUE = 2;
const WAITS_MS: readonly (readonly [number, number])[] = [
  [0, 0],
  [0, 0],
  [1, 15],
  [10, 120],
  [50, 600],
];

/** The round of a seed; phases have up to `mostSteps` steps. */
export function roundOf<Act>(
  seed: number,
  { actBy, mostSteps }: { actBy: ActBy<Act>; mostSteps: number },
): Round<Act> {
  const random = seeded(seed);
  const plans = Array.from(
    { length: PLANS },
    () => planBy(random, actBy, mostSteps),
  );
  const troubles = Array.from({ length: PHASES }, () => troublesBy(random));
  return { plans, troubles };
}

function planBy<Act>(
  random: Random,
  actBy: ActBy<Act>,
  mostSteps: number,
): Plan<Act> {
  let value = FIRST_VALUE;
  return Array.from({ length: PHASES }, () => {
    const length = random.between(1, mostSteps);
    return Array.from({ length }, (): Step<Act> => ({
      client: random.between(0, CLIENTS - 1),
      waitMs: random.between(...random.pick(WAITS_MS)),
      act: actBy(random, () => value++),
    }));
  });
}

function troublesBy(random: Random): Trouble[] {
  const count = random.pick([0, 1, 1, 2]);
  const everybody = ["server", ...Array(CLIENTS).keys()] as const;
  const first = random.between(0, CLIENTS);
  return Array.from({ length: count }, (_, index): Trouble => ({
    who: everybody[(first + index) % everybody.length] ?? "server",
    how: random.chance(0.35) ? "is killed" : "stands still",
    atMs: random.pick([0, 0, random.between(0, 800)]),
    forMs: random.between(50, 1500),
  }));
}

/** A plan, a line for each step. */
export function planText<Act>(plan: Plan<Act>): string {
  return plan.flatMap((steps, phase) => [
    ...steps.map(({ client, waitMs, act }) =>
      `  ${waitMs} ms later, client ${client}: ${JSON.stringify(act)}`
    ),
    `  (all is quiet ${phase + 1})`,
  ]).join("\n");
}
