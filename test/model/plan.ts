/**
 * Random plans: what users of several clients do to one file, and when; seeded.
 *
 * @module
 */
import { type Random, seeded } from "../sim/random.ts";

/** What a user does. */
export type Act =
  | { readonly kind: "read" }
  /** Puts a new file in place. */
  | { readonly kind: "save"; readonly value: number }
  /** Writes into the file that is there; as `save` when there is none. */
  | { readonly kind: "rewrite"; readonly value: number }
  | { readonly kind: "delete" };

/** An act of one client's user, some time after the one before. */
export interface Step {
  readonly client: number;
  readonly waitMs: number;
  readonly act: Act;
}

/** What happens to one file: phases, each of which ends when all is quiet. */
export type Plan = readonly (readonly Step[])[];

/** A client that stands still for a while, as a machine that sleeps. */
export interface Pause {
  readonly client: number;
  readonly atMs: number;
  readonly forMs: number;
}

/** Plans that are carried out side by side in one world. */
export interface Round {
  readonly seed: number;
  readonly plans: readonly Plan[];
  /** By phase. */
  readonly pauses: readonly (readonly Pause[])[];
}

/** Clients that act. */
export const CLIENTS = 3;
const PLANS = 24;
const PHASES = 2;
const WAITS_MS: readonly (readonly [number, number])[] = [
  [0, 0],
  [0, 0],
  [1, 15],
  [10, 120],
  [50, 600],
];

/** The round of a seed. */
export function roundOf(seed: number): Round {
  const random = seeded(seed);
  const plans = Array.from({ length: PLANS }, () => planBy(random));
  const pauses = Array.from({ length: PHASES }, () => pausesBy(random));
  return { seed, plans, pauses };
}

function planBy(random: Random): Plan {
  let value = 1;
  return Array.from({ length: PHASES }, () => {
    const length = random.between(1, 7);
    return Array.from({ length }, (): Step => ({
      client: random.between(0, CLIENTS - 1),
      waitMs: random.between(...random.pick(WAITS_MS)),
      act: actBy(random, () => value++),
    }));
  });
}

function actBy(random: Random, fresh: () => number): Act {
  const roll = random.next();
  if (roll < 0.25) return { kind: "read" };
  if (roll < 0.4) return { kind: "delete" };
  return { kind: roll < 0.75 ? "save" : "rewrite", value: fresh() };
}

function pausesBy(random: Random): Pause[] {
  return Array.from({ length: random.pick([0, 1, 1, 2]) }, () => ({
    client: random.between(0, CLIENTS - 1),
    atMs: random.pick([0, 0, random.between(0, 800)]),
    forMs: random.between(50, 1500),
  }));
}

/** A plan, a line for each step. */
export function planText(plan: Plan): string {
  return plan.flatMap((steps, phase) => [
    ...steps.map(({ client, waitMs, act }) =>
      `  ${waitMs} ms later, client ${client}: ${act.kind}${
        "value" in act ? ` value ${act.value}` : ""
      }`
    ),
    `  (all is quiet ${phase + 1})`,
  ]).join("\n");
}
