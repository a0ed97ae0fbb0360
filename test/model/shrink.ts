/**
 * Makes a plan that went wrong shorter, by dropping steps as long as it still goes wrong.
 *
 * @module
 */
import type { Plan } from "./plan.ts";

/** Tries to do without each step, from the last to the first, until none can go or the time is over. */
export async function shrink<Act>(
  plan: Plan<Act>,
  options: {
    readonly fails: (plan: Plan<Act>) => Promise<boolean>;
    readonly isOver: () => boolean;
  },
): Promise<Plan<Act>> {
  let left = plan;
  for (let shorter = true; shorter;) {
    shorter = false;
    for (const [phase, index] of placesIn(left).reverse()) {
      if (options.isOver()) return left;
      const without = drop(left, phase, index);
      if (!await options.fails(without)) continue;
      left = without;
      shorter = true;
    }
  }
  return left;
}

function placesIn<Act>(plan: Plan<Act>): [phase: number, index: number][] {
  return plan.flatMap((steps, phase) =>
    steps.map((_, index): [number, number] => [phase, index])
  );
}

/** Without one step; phases that are empty then stay, as what they wait for may matter. */
function drop<Act>(plan: Plan<Act>, phase: number, index: number): Plan<Act> {
  return plan.with(phase, (plan[phase] ?? []).toSpliced(index, 1));
}
