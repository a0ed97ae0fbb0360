/**
 * One simulated schedule, from its seed to the last check.
 *
 * @module
 */
import { checkAtRest } from "./invariants.ts";
import { profileOf } from "./profile.ts";
import { openStores, type StoreKind, storesOf } from "./stores.ts";
import { World } from "./world.ts";

const SHOWN_LINES = 400;

/** Runs the schedule of a seed and gives its trace; throws with that and the seed when something does not hold. */
export async function simulate(
  seed: number,
  stores: StoreKind = storesOf(seed),
): Promise<readonly string[]> {
  const { profile, random } = profileOf(seed);
  using world = new World(profile, random, openStores(stores));
  try {
    await world.run();
    checkAtRest(world);
    await world.idle();
    return world.trace;
  } catch (error) {
    const trace = world.trace.slice(-SHOWN_LINES).join("\n");
    const what = error instanceof Error ? error.message : String(error);
    throw new Error(
      `schedule ${seed} (${profile.kind}): ${what}\n${trace}\nSIM_SEED=${seed} replays it\n`,
      { cause: error },
    );
  }
}
