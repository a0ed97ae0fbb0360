/**
 * When a world is at rest: in step, with nothing left that could still become news.
 *
 * @module
 */
import { ownDirectories } from "./tree_view.ts";
import type { World } from "./world.ts";

const LIMIT_MS = 90_000;

/** Waits until all are in step, and nothing lies aside that may still become a conflict copy. */
export async function quiet(world: World, limitMs = LIMIT_MS): Promise<void> {
  const isTidy = () =>
    world.clients().every(({ files }) => ownDirectories(files).length === 0);
  do {
    await world.waitInStep({ limitMs });
    await world.waitTidy();
    await world.waitInStep({ limitMs });
  } while (!isTidy());
}
