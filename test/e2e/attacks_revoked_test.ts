/**
 * Whose login does not count any more has nothing open: channels, transfers, invitations, comparisons
 * and sessions of a revoked client end at once, and nothing of it is committed afterwards.
 */
import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import { Accounts } from "../../lib/io/accounts.ts";
import type { Channel } from "../../lib/io/channel.ts";
import { type Attacks, attacksOn } from "../support/attacks.ts";
import {
  dialRawChannel,
  HostileClient,
  type HostileTurn,
} from "../support/hostile_client.ts";
import { SOON_MS, waitFor } from "../support/waiting.ts";
import type { BrokerKind, World } from "../support/world.ts";

const FILE = {
  path: relativePath("large"),
  entry: {
    kind: "file" as const,
    size: 50_000_000,
    mtimeMs: 1_700_000_000_000,
    mode: 0o644,
  },
};
const DIRECTORY = {
  path: relativePath("made"),
  entry: { kind: "directory" as const, mode: 0o755 },
};

/** A comparison that has begun, and waits for its client. */
async function comparison(
  { machine, world }: HostileClient,
): Promise<Channel> {
  const { user, client, secret } = machine.credentials();
  const report = await world.serverReport();
  const head = report.users.find((each) => each.user === user);
  const channel = await dialRawChannel(world);
  await channel.send({ kind: "proof", version: 1, user, client, secret });
  await channel.send({
    kind: "prove",
    path: "docs",
    epoch: head?.epoch,
    stamp: head?.stamp,
    single: false,
    excludes: [],
    recheck: false,
  });
  const answer = await channel.receive() as { kind: string };
  assert.equal(answer.kind, "sums");
  return channel;
}

/** A turn whose server waits for the bytes of a file, or for a last word before a commit. */
async function transfer(
  mallory: HostileClient,
  change: typeof FILE | typeof DIRECTORY,
): Promise<HostileTurn> {
  const turn = await mallory.turn("docs");
  await turn.skipUpdate();
  const next = await turn.offer([change]);
  assert.equal(next?.["kind"], change === FILE ? "rsync" : "check");
  return turn;
}

/** Resolves when the server has closed a channel. */
async function ended(channel: Channel): Promise<void> {
  for (;;) {
    const message = await channel.receive().catch(() => undefined);
    if (message === undefined) return;
  }
}

function nameOf({ machine }: HostileClient): string {
  return `${machine.user}/${machine.name}`;
}

async function queueOf(world: World, user: string): Promise<number> {
  const { users } = await world.serverReport();
  return users.find((each) => each.user === user)?.queue ?? 0;
}

async function revoke(world: World, ...words: string[]): Promise<void> {
  const done = await world.accounts(...words);
  assert.equal(done.code, 0, done.err);
}

function attackAs({ attack }: Attacks, broker: BrokerKind): void {
  attack(
    "four open channels and a transfer under way end when their client is revoked",
    async (mallory, world) => {
      const turn = await transfer(mallory, FILE);
      const channels = [turn.channel];
      for (let n = 0; n < 4; n++) channels.push(await comparison(mallory));
      const all = Promise.all(channels.map(ended));
      await revoke(world, "revoke", nameOf(mallory));
      const fromMs = performance.now();
      await all;
      const tookMs = performance.now() - fromMs;
      assert.ok(tookMs < SOON_MS, `${tookMs} ms`);
      await waitFor(
        "nothing to run",
        async () => await queueOf(world, "mallory") === 0,
      );
      const { user, client, secret } = mallory.machine.credentials();
      const again = await dialRawChannel(world);
      await again.send({ kind: "pins", version: 1, user, client, secret });
      assert.equal(await again.receive().catch(() => undefined), undefined);
      again.close();
    },
  );

  attack(
    "what was invited ends with its client, too",
    async (mallory, world) => {
      const invitation = await mallory.invited("docs");
      assert.equal(await queueOf(world, "mallory"), 1);
      await revoke(world, "revoke", nameOf(mallory));
      assert.equal(await queueOf(world, "mallory"), 0);
      const channel = await dialRawChannel(world);
      await channel.send(mallory.hello(invitation));
      const answer = await channel.receive() as { kind: string };
      assert.equal(answer.kind, "fail");
      channel.close();
    },
  );

  attack(
    "nothing is committed for a client that was revoked in the middle, also where the server was not told",
    async (mallory, world) => {
      const turn = await transfer(mallory, DIRECTORY);
      const headOf = async () => {
        const { users } = await world.serverReport();
        return users.find(({ user }) => user === "mallory")?.stamp;
      };
      const before = await headOf();
      using accounts = Accounts.open(world.root, "mallory");
      assert.ok(accounts?.revoke(mallory.machine.name));
      await turn.send({ kind: "checked", changed: [] });
      await ended(turn.channel);
      await waitFor(
        "the turn to end",
        async () => await queueOf(world, "mallory") === 0,
      );
      assert.deepEqual(await headOf(), before);
      assert.throws(
        () => Deno.lstatSync(`${world.root}/mallory/docs/made`),
        Deno.errors.NotFound,
      );
    },
  );

  attack(
    "rmuser ends all machines of the user",
    async (_mallory, world) => {
      const machines = [
        await HostileClient.open(world, "walter", "one"),
        await HostileClient.open(world, "walter", "two"),
      ];
      const channels: Channel[] = [];
      for (const machine of machines) channels.push(await comparison(machine));
      const all = Promise.all(channels.map(ended));
      await revoke(world, "rmuser", "walter");
      const fromMs = performance.now();
      await all;
      const tookMs = performance.now() - fromMs;
      assert.ok(tookMs < SOON_MS, `${tookMs} ms`);
      for (const machine of machines) await machine[Symbol.asyncDispose]();
    },
  );

  if (broker === "embedded") return;
  attack(
    "a revoked client that its broker still lets in gets no turn, and status says what to do",
    async (mallory, world) => {
      await revoke(world, "revoke", nameOf(mallory));
      mallory.announce("docs");
      const fault = await waitFor("the fault", async () => {
        const { errors } = await world.serverReport();
        return errors.find(({ path }) => path === nameOf(mallory));
      });
      assert.match(fault.cause, /is revoked, and still logged in/);
      assert.match(fault.fix, /broker-acl/);
      assert.equal(await queueOf(world, "mallory"), 0);
      assert.deepEqual(mallory.replies, []);
      await world.allowClients();
    },
  );
}

for (const broker of ["embedded", "secured"] as const) {
  attackAs(attacksOn(broker), broker);
}
