/** The server's certificate is replaced; machines that are connected meanwhile notice nothing. */
import assert from "node:assert/strict";
import { connect } from "node:tls";
import { fingerprintOf } from "../../lib/io/certificate.ts";
import { saveCredentials } from "../../lib/io/credentials.ts";
import { SERVER_NAME } from "../../lib/io/dial.ts";
import { dialRawChannel } from "../support/hostile_client.ts";
import { shareWorld, testInWorld } from "../support/shared_world.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

/** The fingerprint of what the server shows to who comes now. */
async function shown(world: World): Promise<string> {
  const [host = "", port = ""] = world.address.split(":");
  const socket = connect({
    host,
    port: Number(port),
    servername: SERVER_NAME,
    rejectUnauthorized: false,
  });
  const ready = Promise.withResolvers<void>();
  socket.once("secureConnect", ready.resolve);
  socket.once("error", ready.reject);
  await ready.promise;
  const seen = fingerprintOf(socket.getPeerCertificate(true).raw);
  const closed = Promise.withResolvers<void>();
  socket.once("close", () => closed.resolve());
  socket.destroy();
  await closed.promise;
  return seen;
}

function pinned(client: WorldClient): string[] {
  return client.credentials().certPems.map((pem) => fingerprintOf(pem));
}

async function rotate(world: World, ...more: string[]): Promise<string> {
  const { code, out, err } = await world.accounts(
    "rotate-certificate",
    ...more,
    "--pid",
    world.server.pidFile,
  );
  assert.equal(code, 0, err);
  return /certificate is (?:now )?([0-9a-f]{64})/.exec(out)?.[1] ?? "";
}

for (const broker of ["embedded", "mosquitto"] as const) {
  testInWorld(
    `the certificate is rotated without a new join, but for a machine that was away, broker ${broker}`,
    { broker, clients: { alice: ["a", "away"] } },
    async (world) => {
      const [a, away] = [world.client("a"), world.client("away")];
      const write = (client: WorldClient, name: string) =>
        Deno.writeTextFileSync(`${client.files}/${name}`, name);
      const clients = [a];
      await away.process.stop();
      write(away, "written-while-away");

      const early = await world.accounts(
        "rotate-certificate",
        "--now",
        "--pid",
        world.server.pidFile,
      );
      assert.equal(early.code, 2);
      assert.match(early.err, /no machine knows the next one yet/);

      const old = await shown(world);
      const next = await rotate(world);
      assert.notEqual(next, old);
      await waitFor(
        "a to pin both",
        () => pinned(a).length === 2 && pinned(a).includes(next),
      );
      assert.equal(await shown(world), old);
      assert.equal(await rotate(world, "--days", "3"), next);
      write(a, "between");
      await world.waitInStep({ clients });

      await rotate(world, "--now");
      assert.equal(await shown(world), next);
      await waitFor("a to let go of the old", () => pinned(a).length === 1);
      assert.deepEqual(pinned(a), [next]);
      write(a, "after");
      await world.waitInStep({ clients });
      await world.server.stop();
      await world.server.start();
      assert.equal(await shown(world), next);
      write(a, "after-restart");
      await world.waitInStep({ clients });

      await away.process.start();
      await waitFor("away to say what to do", async () => {
        const { errors } = await away.report();
        return errors.some(({ cause, fix }) =>
          /certificate/.test(cause) && /join again with a new link/.test(fix)
        );
      });
      assert.equal(
        (await away.sinkd("status")).out.includes("join again"),
        true,
      );
      await away.process.stop();
      await world.join(away);
      await away.process.start();
      await world.waitInStep();
      assert.equal(
        Deno.readTextFileSync(`${a.files}/written-while-away`),
        "written-while-away",
      );
    },
  );
}

const { test } = shareWorld({ clients: { alice: ["a"] } });

test(
  "a link that was made before the certificate changed says so",
  async (world) => {
    const link = await world.link("alice");
    await rotate(world);
    await waitFor(
      "a to pin both",
      () => pinned(world.client("a")).length === 2,
    );
    await rotate(world, "--now");
    const late = world.addMachine("alice", "late");
    const refused = await late.join(link);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /not the one that made this link/);
    await world.join(late);
    world.forget(late);
  },
);

test(
  "only who has its secret may join again under a name, and ask for the certificates",
  async (world) => {
    const a = world.client("a");
    const credentials = a.credentials();
    const { user, client, secret } = credentials;
    const ask = async (secret: string) => {
      const channel = await dialRawChannel(world);
      await channel.send({ kind: "pins", version: 1, user, client, secret });
      const answer = await channel.receive();
      channel.close();
      return answer;
    };
    assert.equal(await ask("guessed"), undefined);
    assert.deepEqual(await ask(secret), {
      kind: "pins",
      certPems: credentials.certPems,
    });

    saveCredentials(a.state, { ...credentials, secret: "guessed" });
    const refused = await a.join(await world.link("alice"));
    assert.equal(refused.code, 1);
    assert.match(refused.err, /already a client named/);
    saveCredentials(a.state, credentials);
    await world.join(a);
    assert.notEqual(a.credentials().secret, secret);
    await a.process.stop();
    await a.process.start();
    await world.waitInStep();
  },
);
