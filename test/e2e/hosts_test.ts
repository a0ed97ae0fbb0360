/**
 * Every program on a host of its own: a server, a broker, one client on the same network and two
 * behind a router, over links that are slow, lossy, out of order and cut for a while.
 */
import assert from "node:assert/strict";
import { missingForNetwork } from "../support/network_programs.ts";
import type { Network } from "../support/namespaces.ts";
import { testInWorld } from "../support/shared_world.ts";
import { pause, waitFor } from "../support/waiting.ts";
import type { BrokerKind, World } from "../support/world.ts";

const CLIENTS = ["near", "behind1", "behind2"];
const SHORT_CUT_MS = 1500;
const LARGE_BYTES = 400_000;

function testOnHosts(
  name: string,
  broker: BrokerKind,
  run: (world: World, network: Network) => Promise<void>,
): void {
  const missing = missingForNetwork();
  if (missing !== undefined) {
    Deno.test(`${name}: did not run: needs ${missing}`, () => {});
    return;
  }
  testInWorld(name, {
    broker,
    network: { behindRouter: ["behind1", "behind2"] },
    clients: { alice: CLIENTS },
  }, async (world) => {
    if (world.network === undefined) throw new Error("Cannot find a network");
    await run(world, world.network);
  });
}

/** Everything that clients wrote, by path: what must be everywhere in the end. */
class Edits {
  readonly #written = new Map<string, string>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  write(client: string, path: string, text: string): void {
    const full = `${this.#world.client(client).files}/${path}`;
    Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(full, text);
    this.#written.set(path, text);
  }

  /** New files and an edit of a file of its own, by each client. */
  round(number: number): void {
    for (const client of CLIENTS) {
      this.write(client, `${client}/own`, `${number} of ${client}`);
      for (let n = 0; n < 5; n++) {
        this.write(client, `shared/${client}-${number}-${n}`, `${n}`.repeat(n));
      }
    }
  }

  assertAll(): void {
    for (const client of CLIENTS) {
      const { files } = this.#world.client(client);
      for (const [path, text] of this.#written) {
        assert.equal(Deno.readTextFileSync(`${files}/${path}`), text, path);
      }
    }
  }
}

function sees(world: World, client: string, path: string): boolean {
  try {
    Deno.lstatSync(`${world.client(client).files}/${path}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function stateOf(world: World, client: string): Promise<string> {
  return (await world.client(client).report()).server.state;
}

/** Slow, lossy and out of order, the router's line more so. */
async function worsen(network: Network): Promise<void> {
  await network.link("near", { delayMs: 10, jitterMs: 5, lossPercent: 1 });
  await network.link("router", {
    delayMs: 20,
    jitterMs: 10,
    lossPercent: 1,
    reorderPercent: 5,
  });
}

/** Edits on every host, over bad links, until those of one side are on the other. */
async function work(world: World, network: Network): Promise<Edits> {
  const edits = new Edits(world);
  await worsen(network);
  edits.write("behind1", "large", "0123456789abcdef".repeat(LARGE_BYTES / 16));
  edits.round(0);
  await waitFor(
    "a file of the other side",
    () => sees(world, "near", "shared/behind2-0-4"),
    { limitMs: 60_000 },
  );
  return edits;
}

async function finish(
  world: World,
  { network, edits }: { network: Network; edits: Edits },
): Promise<void> {
  await network.heal("router");
  await network.heal("near");
  await world.waitInStep({ limitMs: 60_000 });
  edits.assertAll();
}

testOnHosts(
  "hosts are in step after edits over bad links and a long cut, with a router before two and the broker on its own",
  "mosquitto",
  async (world, network) => {
    const edits = await work(world, network);
    await network.cut("router");
    edits.round(1);
    for (const client of ["behind1", "behind2"]) {
      await waitFor(
        `${client} to miss the server`,
        async () => await stateOf(world, client) === "Offline",
        { limitMs: 60_000 },
      );
    }
    await waitFor("near to go on without them", async () => {
      return (await world.client("near").anchor()).pending === 0;
    }, { limitMs: 60_000 });
    await finish(world, { network, edits });
  },
);

testOnHosts(
  "hosts are in step after edits over bad links and short cuts, with a router before two and the broker in the server",
  "embedded",
  async (world, network) => {
    const edits = await work(world, network);
    for (const host of ["router", "server", "near"]) {
      edits.round(1);
      await network.cut(host);
      await pause(SHORT_CUT_MS);
      await network.heal(host);
    }
    await finish(world, { network, edits });
  },
);
