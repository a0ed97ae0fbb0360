/**
 * Clients of two users that take every turn they can get and then do nothing: they hold up nobody
 * but themselves.
 */
import assert from "node:assert/strict";
import { encodeMessage } from "../../lib/core/frames.ts";
import {
  dialRaw,
  dialRawChannel,
  HostileClient,
  type Invitation,
} from "../support/hostile_client.ts";
import { shareWorld } from "../support/shared_world.ts";
import { pause, SOON_MS, waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const shared = shareWorld({ clients: { alice: ["laptop", "desk"] } });

/** Anchors that a hostile client announces: more than one user gets turns. */
const ANCHORS = 6;
/** Turns that two users get of eight: half, and all but the one that is kept. */
const TAKEN = [4, 3] as const;

/** What a client does with an invitation; what it gives ends it. */
type Stance = (
  client: HostileClient,
  invitation: Invitation,
) => Promise<Disposable>;

async function opened(
  { world }: HostileClient,
  messages: readonly unknown[],
): Promise<Disposable> {
  const channel = await dialRawChannel(world);
  for (const message of messages) await channel.send(message);
  return { [Symbol.dispose]: () => channel.close() };
}

const STANCES: Record<string, Stance> = {
  "do not come": () => Promise.resolve({ [Symbol.dispose]() {} }),
  "come and say nothing": (client) => opened(client, []),
  "say who they are, and nothing more": (client, invitation) =>
    opened(client, [client.hello(invitation)]),
  "say that they are busy, and nothing more": (client, invitation) =>
    opened(client, [client.hello(invitation), { kind: "busy" }]),
  "say where they stand, a byte a second": async (client, invitation) => {
    const socket = await dialRaw(client.world);
    socket.write("SINKD/1\n");
    socket.write(encodeMessage(client.hello(invitation)));
    const have = encodeMessage({ kind: "busy" });
    let at = 0;
    const timer = setInterval(() => {
      if (at < have.length - 1) socket.write(have.subarray(at, ++at));
    }, 1000);
    return {
      [Symbol.dispose]() {
        clearInterval(timer);
        socket.destroy();
      },
    };
  },
};

/** A client that asks for turns without end, and has all of them in the same stance. */
class Neighbour implements AsyncDisposable {
  invitations = 0;
  readonly #client: HostileClient;
  readonly #stance: Stance;
  readonly #open: Disposable[] = [];
  readonly #work: Promise<void>;
  #over = false;

  private constructor(client: HostileClient, stance: Stance) {
    this.#client = client;
    this.#stance = stance;
    this.#work = this.#run();
  }

  static async open(
    world: World,
    user: string,
    { name, stance }: { name: string; stance: Stance },
  ): Promise<Neighbour> {
    return new Neighbour(await HostileClient.open(world, user, name), stance);
  }

  async #run(): Promise<void> {
    for (let seen = 0; !this.#over; await pause(500)) {
      for (let anchor = 0; anchor < ANCHORS; anchor++) {
        this.#client.announce(`a${anchor}`, { changes: 0 });
      }
      const replies = this.#client.replies.slice(seen);
      seen += replies.length;
      for (const reply of replies) {
        if (reply.kind !== "Channel") continue;
        this.invitations++;
        this.#open.push(await this.#stance(this.#client, reply));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#work;
    for (const open of this.#open) open[Symbol.dispose]();
    await this.#client[Symbol.asyncDispose]();
  }
}

let number = 0;
for (const [what, stance] of Object.entries(STANCES)) {
  shared.test(`clients of two users that ${what} hold up no third user`, async (world) => {
    number++;
    const name = `n${number}`;
    await using mallory = await Neighbour.open(world, "mallory", {
      name,
      stance,
    });
    await waitFor(
      "mallory's turns",
      () => mallory.invitations >= TAKEN[0],
    );
    await using trudy = await Neighbour.open(world, "trudy", { name, stance });
    await waitFor("trudy's turns", () => trudy.invitations >= TAKEN[1]);
    const laptop = world.client("laptop");
    const desk = world.client("desk");
    for (let edit = 0; edit < 3; edit++) {
      const text = `${what} ${edit}`;
      const startMs = performance.now();
      Deno.writeTextFileSync(`${laptop.files}/note`, text);
      await waitFor(
        "alice's edit",
        () => textOf(`${desk.files}/note`) === text,
      );
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs < SOON_MS, `alice's edit took ${tookMs} ms`);
    }
  });
}

shared.test("who says nothing after its hello is soon told that its turn is over", async (world) => {
  await using mallory = await HostileClient.open(world, "mallory", "silent");
  const startMs = performance.now();
  using turn = await mallory.turn("silent");
  const { message } = await turn.expect("fail").catch(() => ({
    message: undefined,
  }));
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < SOON_MS, `it took ${tookMs} ms`);
  assert.ok(message === undefined || /nothing came/.test(String(message)));
});

shared.test("a client that compares and then falls silent does not keep the server from stopping", async (world) => {
  await using mallory = await HostileClient.open(world, "mallory", "compares");
  const { user, client, secret } = mallory.machine.credentials();
  const report = await world.serverReport();
  const head = report.users.find((each) => each.user === user);
  assert.ok(head !== undefined);
  const channel = await dialRawChannel(world);
  await channel.send({ kind: "proof", version: 1, user, client, secret });
  const { epoch, stamp } = head;
  const ask = { kind: "prove", path: "compares", epoch, stamp, excludes: [] };
  await channel.send({ ...ask, single: false, recheck: false });
  const said = await channel.receive() as { kind: string };
  assert.equal(said.kind, "sums");
  const { tookMs } = await world.server.stop();
  await world.server.start();
  assert.ok(tookMs < SOON_MS, `stopping took ${tookMs} ms`);
  channel.close();
});

function textOf(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
