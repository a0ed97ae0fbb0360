/**
 * One simulated schedule, from its seed to the last check.
 *
 * @module
 */
import { checkAtRest } from "./invariants.ts";
import { profileOf } from "./profile.ts";
import { Chronicle, type Course } from "./random.ts";
import { openStores, type StoreKind, storesOf } from "./stores.ts";
import { World } from "./world.ts";

const SHOWN_LINES = 400;

/** One life of a world. */
export interface Life {
  readonly trace: readonly string[];
  readonly chronicle: Chronicle;
  /** What did not hold. */
  readonly error: unknown;
}

/** Lives through the schedule of a seed, or a part of it, and gives all that came of it. */
export async function live(
  seed: number,
  { stores = storesOf(seed), ...course }: Course & { stores?: StoreKind } = {},
): Promise<Life & { readonly kind: string }> {
  const chronicle = new Chronicle();
  const { profile, random } = profileOf(seed, course, chronicle);
  using world = new World(profile, random, openStores(stores));
  const { kind } = profile;
  const { trace } = world;
  try {
    await world.run();
    checkAtRest(world);
    await world.idle();
    return { kind, trace, chronicle, error: undefined };
  } catch (error) {
    return { kind, trace, chronicle, error };
  }
}

/** Runs the schedule of a seed; throws with its trace and the seed when something does not hold. */
export async function simulate(
  seed: number,
  options: Course & { stores?: StoreKind } = {},
): Promise<Life> {
  const life = await live(seed, options);
  const { kind, error } = life;
  if (error === undefined) return life;
  const trace = life.trace.slice(-SHOWN_LINES).join("\n");
  const what = error instanceof Error ? error.message : String(error);
  throw new Error(
    `schedule ${seed} (${kind}): ${what}\n${trace}\nSIM_SEED=${seed} replays it\n`,
    { cause: error },
  );
}
