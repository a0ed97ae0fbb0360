/**
 * Trouble: kills and pauses of clients and of the server at random, seeded.
 *
 * @module
 */
import type { Random } from "../sim/random.ts";
import { killFor, standStillFor } from "../support/interrupt.ts";
import { pause } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

/** How often what happened. */
export interface Troubles {
  kills: number;
  pauses: number;
}

const BETWEEN_MS = [300, 4000] as const;
const DOWN_MS = [0, 1500] as const;
const STILL_MS = [50, 1500] as const;

/** Makes trouble until `isOver`; at the end everything runs. */
export async function makeTrouble(
  world: World,
  options: {
    readonly random: Random;
    readonly isOver: () => boolean;
    readonly note: (line: string) => void;
  },
): Promise<Troubles> {
  const { random, isOver, note } = options;
  const troubles = { kills: 0, pauses: 0 };
  for (;;) {
    await pause(random.between(...BETWEEN_MS));
    if (isOver()) return troubles;
    const target = random.chance(0.35) ? undefined : random.pick(
      world.clients(),
    );
    const process = target?.process ?? world.server;
    const name = target?.name ?? "the server";
    if (random.chance(0.6)) {
      const downMs = random.between(...DOWN_MS);
      note(`${name} is killed for ${downMs} ms`);
      await killFor(process, downMs);
      troubles.kills++;
    } else {
      const stillMs = random.between(...STILL_MS);
      note(`${name} stands still for ${stillMs} ms`);
      await standStillFor(process, stillMs);
      troubles.pauses++;
    }
  }
}
