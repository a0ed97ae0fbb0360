/**
 * One world for all tests of a file, begun anew after a test that failed.
 *
 * @module
 */
import { World, type WorldOptions } from "./world.ts";

/** Registers tests that take the world as it is and leave it in step. */
export interface SharedWorld {
  test(name: string, run: (world: World) => Promise<void>): void;
}

/** A world that the first test of this file opens. */
export function shareWorld(options: WorldOptions): SharedWorld {
  let world: World | undefined;

  async function close(): Promise<void> {
    const closing = world;
    world = undefined;
    await closing?.[Symbol.asyncDispose]();
  }

  Deno.test.afterAll(close);
  return {
    test(name, run) {
      Deno.test(name, async () => {
        world ??= await World.open(options);
        try {
          await run(world);
        } catch (cause) {
          const seen = await world.describe();
          await close();
          throw new Error(`${name}: ${seen}`, { cause });
        }
      });
    },
  };
}

/** One test in a world of its own. */
export function testInWorld(
  name: string,
  options: WorldOptions,
  run: (world: World) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using world = await World.open(options);
    try {
      await run(world);
    } catch (cause) {
      throw new Error(`${name}: ${await world.describe()}`, { cause });
    }
  });
}
