/**
 * Guessing at logins and join links shuts nobody out: a wrong one every 50 ms for a known name, from
 * several addresses, and the right one is heard at the first try from wherever it comes.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Accounts } from "../../lib/io/accounts.ts";
import { dialRaw, dialRawChannel } from "../support/hostile_client.ts";
import { shareWorld } from "../support/shared_world.ts";
import { pause, waitFor } from "../support/waiting.ts";
import type { BrokerKind, World } from "../support/world.ts";

const EVERY_MS = 50;
const TRIES = 20;
const GUESSERS = [2, 3, 4, 5].map((n) => `127.0.0.${n}`);
const ACCEPTED = 0;
const CONNACK_BYTES = 4;
const REFUSED: readonly number[] = [3, 4];

interface Login {
  readonly user: string;
  readonly client: string;
  readonly secret: string;
}

/** A string as MQTT has it. */
function field(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length]), bytes]);
}

/** Logs in at the broker from `address`; the code of its answer, or -1 when it closed without one. */
async function connectFrom(
  world: World,
  address: string,
  { user, client, secret }: Login,
): Promise<number> {
  const name = `${user}/${client}`;
  const body = Buffer.concat([
    field("MQTT"),
    Buffer.from([4, 0xc2, 0, 60]),
    field(name),
    field(name),
    field(secret),
  ]);
  assert.ok(body.length < 128);
  const socket = await dialRaw(world, address);
  const answer = Promise.withResolvers<number>();
  let seen = Buffer.alloc(0);
  socket.on("data", (bytes: Uint8Array) => {
    seen = Buffer.concat([seen, bytes]);
    if (seen.length >= CONNACK_BYTES) answer.resolve(seen[3] ?? -1);
  });
  socket.once("close", () => answer.resolve(-1));
  socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
  const code = await answer.promise;
  socket.destroy();
  return code;
}

/** Says hello on a data channel from `address`; the kind of the answer. */
async function greetFrom(
  world: World,
  address: string,
  hello: Record<string, unknown>,
): Promise<string> {
  const channel = await dialRawChannel(world, address);
  await channel.send({ version: 1, ...hello });
  const answer = await channel.receive().catch(() => undefined);
  channel.close();
  return (answer as { kind: string } | undefined)?.kind ?? "none";
}

/** Keeps guessing until disposed; then all that was tried must have been refused. */
function flood(
  guess: (from: string) => Promise<boolean>,
): AsyncDisposable & { readonly tried: number } {
  const running: Promise<boolean>[] = [];
  const timer = setInterval(() => {
    const from = GUESSERS[running.length % GUESSERS.length] ?? "";
    running.push(guess(from));
  }, EVERY_MS);
  return {
    get tried() {
      return running.length;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      const refused = await Promise.all(running);
      assert.ok(refused.every((each) => each));
    },
  };
}

/** Runs `right` from twenty addresses that nobody used before, beside a flood that has begun. */
async function besideFlood(
  guess: (from: string) => Promise<boolean>,
  right: (from: string, n: number) => Promise<boolean>,
): Promise<void> {
  await using flooding = flood(guess);
  await waitFor("a flood", () => flooding.tried > 100);
  const heard: boolean[] = [];
  for (let n = 0; n < TRIES; n++) {
    heard.push(await right(`127.0.${10 + fresh++}.1`, n));
    await pause();
  }
  assert.deepEqual(heard, Array(TRIES).fill(true));
}

let fresh = 0;

function attackLogins(broker: BrokerKind): void {
  const { test } = shareWorld({ broker, clients: { alice: ["laptop"] } });

  /** A machine of alice's that has joined and does not run. */
  async function parked(world: World): Promise<Login> {
    const machine = world.addMachine("alice", `parked${fresh++}`);
    await world.join(machine);
    world.forget(machine);
    return machine.credentials();
  }

  if (broker === "embedded") {
    test("the right login is heard at the broker beside a flood for its name", async (world) => {
      const login = await parked(world);
      const wrong = { ...login, secret: "guessed" };
      await besideFlood(
        async (from) => REFUSED.includes(await connectFrom(world, from, wrong)),
        async (from) => (await connectFrom(world, from, login)) === ACCEPTED,
      );
    });
  }

  test(`the right login is heard on a data channel beside a flood for its name (broker ${broker})`, async (world) => {
    const { user, client, secret } = await parked(world);
    const hello = { kind: "pins", user, client, secret };
    await besideFlood(
      async (from) => {
        const wrong = { ...hello, secret: "guessed" };
        return (await greetFrom(world, from, wrong)) === "none";
      },
      async (from) => (await greetFrom(world, from, hello)) === "pins",
    );
  });

  test(`a join link works at the first try beside a flood of guessed ones (broker ${broker})`, async (world) => {
    const hello = { kind: "join", user: "alice", host: "box" };
    using accounts = Accounts.open(world.root, "alice");
    assert.ok(accounts !== undefined);
    await besideFlood(
      async (from) => {
        const wrong = { ...hello, client: "guess", token: "guessed" };
        return (await greetFrom(world, from, wrong)) === "refused";
      },
      async (from, n) => {
        const token = accounts.createJoinToken(Date.now());
        const right = { ...hello, client: `new${n}`, token };
        return (await greetFrom(world, from, right)) === "joined";
      },
    );
  });
}

attackLogins("embedded");
attackLogins("secured");
