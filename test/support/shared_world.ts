/**
 * One world for all tests of a file, begun anew after a test that failed.
 *
 * @module
 */
import { missingForBroker } from "./mosquitto.ts";
import { testUnless } from "./needs.ts";
import { World, type WorldOptions } from "./world.ts";

/** Registers tests that take the world as it is and leave it in step. */
export interface SharedWorld {
  test(name: string, run: (world: World) => Promise<void>): void;
}

/** A world that the first test of this file opens. */
export function shareWorld(options: WorldOptions): SharedWorld {
  let world: World | undefined;
  const register = testUnless(missingForBroker(options.broker));

  async function close(): Promise<void> {
    const closing = world;
    world = undefined;
    await closing?.[Symbol.asyncDispose]();
  }

  async function closeWith(faults: unknown[]): Promise<unknown[]> {
    try {
      await close();
      return faults;
    } catch (error) {
      return [...faults, error];
    }
  }

  Deno.test.afterAll(close);
  return {
    test(name, run) {
      register(name, async () => {
        world ??= await World.open(options);
        try {
          await run(world);
        } catch (cause) {
          const seen = await world.describe();
          const faults = await closeWith([cause]);
          throw new AggregateError(faults, `${name}: ${seen}`);
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
  testUnless(missingForBroker(options.broker))(name, async () => {
    const world = await World.open(options);
    const faults: unknown[] = [];
    let seen = "";
    try {
      await run(world);
    } catch (error) {
      faults.push(error);
      seen = await world.describe();
    }
    try {
      await world[Symbol.asyncDispose]();
    } catch (error) {
      faults.push(error);
    }
    if (faults.length > 0) throw new AggregateError(faults, `${name}: ${seen}`);
  });
}
