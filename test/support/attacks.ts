/**
 * Attacks by a client with true credentials: each runs beside a user whom nothing of it may reach.
 *
 * @module
 */
import assert from "node:assert/strict";
import { HostileClient } from "./hostile_client.ts";
import { shareWorld } from "./shared_world.ts";
import { differences, treeOf, type TreeView } from "./tree_view.ts";
import type { BrokerKind, World } from "./world.ts";

/** Registers attacks on one world. */
export interface Attacks {
  /** Runs with a fresh hostile client of mallory's; at the end alice must be in step and unharmed. */
  attack(
    name: string,
    run: (mallory: HostileClient, world: World) => Promise<void>,
  ): void;
  /** A number that was not used before, for names. */
  fresh(): number;
}

/** A world with that broker, whose victim is alice on two machines. */
export function attacksOn(broker: BrokerKind): Attacks {
  const world = shareWorld({ broker, clients: { alice: ["laptop", "desk"] } });
  let used = 0;
  const fresh = () => ++used;

  async function unharmed(
    world: World,
    run: (mallory: HostileClient) => Promise<void>,
  ): Promise<void> {
    const before = withoutTop(treeOf(`${world.root}/alice`));
    const mallory = await HostileClient.open(world, "mallory", `m${fresh()}`);
    try {
      await run(mallory);
    } finally {
      await mallory[Symbol.asyncDispose]();
    }
    const after = withoutTop(treeOf(`${world.root}/alice`));
    assert.deepEqual(differences(before, after), []);
    const clients = [world.client("laptop"), world.client("desk")];
    const file = `${world.client("laptop").files}/after`;
    Deno.writeTextFileSync(file, `after attack ${fresh()}`);
    await world.waitInStep({ clients });
  }

  return {
    fresh,
    attack: (name, run) =>
      world.test(
        `${name} (broker ${broker})`,
        (world) => unharmed(world, (mallory) => run(mallory, world)),
      ),
  };
}

/** The directory of the anchor is there from the first file on. */
function withoutTop(tree: TreeView): TreeView {
  return new Map([...tree].filter(([path]) => path !== "files"));
}
