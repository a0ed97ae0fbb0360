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

/** Opens a world for the tests of this file; the last of them checks that it is left tidy. */
export function shareWorld(options: WorldOptions): SharedWorld {
  let world: World | undefined;
  let failed = false;

  async function close(): Promise<void> {
    const closing = world;
    world = undefined;
    await closing?.[Symbol.asyncDispose]();
  }

  async function open(): Promise<void> {
    world = await World.open(options);
  }

  Deno.test.beforeAll(open);
  // Here, and not before the next test, which would seem to leak it.
  Deno.test.afterEach(async () => {
    if (!failed) return;
    failed = false;
    await close();
    await open();
  });
  Deno.test.afterAll(close);

  return {
    test(name, run) {
      Deno.test(name, async () => {
        if (world === undefined) throw new Error("Cannot test: no world");
        try {
          await run(world);
        } catch (cause) {
          failed = true;
          throw new Error(`${name}: ${await world.describe()}`, { cause });
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
