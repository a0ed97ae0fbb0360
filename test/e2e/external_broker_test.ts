/**
 * The whole flow through a mosquitto with TLS, passwords and the ACL that `broker-acl` prints.
 */
import assert from "node:assert/strict";
import { MqttClient } from "mqtt";
import { Buffer } from "node:buffer";
import { connect } from "node:tls";
import type { World } from "../support/world.ts";
import { shareWorld } from "../support/shared_world.ts";
import { waitFor } from "../support/waiting.ts";
import { processesWith } from "../support/processes.ts";
import { problemsOf } from "../support/in_step.ts";

const world = shareWorld({
  broker: "secured",
  clients: { alice: ["laptop", "desk"], bob: ["laptop"] },
});

/** The library itself against the broker, to do what a client would not. */
function rawClient(
  world: World,
  login: { username: string; password: string; clientId?: string },
  will?: { topic: string },
): MqttClient {
  const port = world.broker?.port ?? 0;
  const ca = Deno.readTextFileSync(world.broker?.caFile ?? "");
  const client = new MqttClient(
    () => connect({ host: "127.0.0.1", port, ca }),
    {
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      timerVariant: "native",
      clientId: login.clientId ?? login.username,
      username: login.username,
      password: login.password,
      ...(will === undefined ? {} : {
        will: {
          topic: will.topic,
          payload: Buffer.from("{}"),
          qos: 1,
          retain: true,
        },
      }),
    },
  );
  client.on("error", () => client.stream.destroy());
  return client;
}

function outcome(client: MqttClient): Promise<"connected" | "refused"> {
  return new Promise((resolve) => {
    client.once("connect", () => resolve("connected"));
    client.once("close", () => resolve("refused"));
  });
}

async function finish(client: MqttClient): Promise<void> {
  if (client.stream.closed) return;
  const closed = new Promise((resolve) => client.stream.once("close", resolve));
  client.end(true);
  client.stream.destroy();
  await closed;
}

function loginOf(world: World, name: string, user: string) {
  const { secret, client } = world.client(name, user).credentials();
  return { username: `${user}/${client}`, password: secret };
}

world.test("files go both ways through a broker with TLS, passwords and an ACL", async (world) => {
  Deno.writeTextFileSync(`${world.client("laptop", "alice").files}/a`, "one");
  await world.waitInStep();
  Deno.writeTextFileSync(`${world.client("desk").files}/b`, "two");
  await world.waitInStep();
  const { broker, brokerCa } = world.client("desk").credentials();
  assert.equal(broker, world.broker?.url);
  assert.match(brokerCa ?? "", /^-----BEGIN CERTIFICATE-----/);
  assert.equal((await world.serverReport()).broker, world.broker?.url);
});

world.test("nothing of a login is in the list of processes", async (world) => {
  await world.serverReport();
  const [, secret = ""] = Deno.readTextFileSync(
    `${world.root}/.sinkd/broker-login`,
  ).trim().split(":");
  assert.ok(secret.length > 20);
  const shown = processesWith("SINKD_TEST_WORLD", world.directory);
  assert.ok(shown.length > 3);
  assert.deepEqual(shown.filter(({ command }) => command.includes(secret)), []);
});

world.test("mosquitto goes away in the middle, and everything goes on when it is back", async (world) => {
  await world.broker?.kill();
  Deno.writeTextFileSync(`${world.client("desk").files}/while`, "away");
  await waitFor(
    "the server to miss its broker",
    async () => (await world.serverReport()).state === "Offline",
  );
  await world.broker?.start();
  await world.waitInStep({ limitMs: 40_000 });
  assert.equal(
    Deno.readTextFileSync(`${world.client("laptop", "alice").files}/while`),
    "away",
  );
});

world.test("a client of alice is refused as bob", async (world) => {
  const alice = loginOf(world, "laptop", "alice");
  const asBob = rawClient(world, { ...alice, username: "bob/laptop" });
  assert.equal(await outcome(asBob), "refused");
  await finish(asBob);
  const asServer = rawClient(world, { ...alice, username: "sinkd-server" });
  assert.equal(await outcome(asServer), "refused");
  await finish(asServer);
});

world.test("a client hears and says nothing outside of its own topics, and ends nobody's connection", async (world) => {
  // Who has this login; otherwise the two would end each other's connection.
  const { process } = world.client("laptop", "alice");
  await process.stop();
  const spy = rawClient(world, {
    ...loginOf(world, "laptop", "alice"),
    clientId: "bob/laptop",
  }, { topic: "sinkd/clients/bob/laptop" });
  assert.equal(await outcome(spy), "connected");
  const heard: string[] = [];
  spy.on("message", (topic) => heard.push(topic));
  for (
    const filter of [
      "#",
      "sinkd/#",
      "sinkd/server/bob",
      "sinkd/lease/+",
      "$SYS/#",
    ]
  ) await spy.subscribeAsync(filter, { qos: 1 }).catch(() => {});
  for (
    const topic of [
      "sinkd/clients/bob/laptop",
      "sinkd/server/bob/laptop",
      "sinkd/server",
      "sinkd/server/bob",
      "sinkd/lease/bob",
      "sinkd/servers/0123456789abcdef",
    ]
  ) await spy.publishAsync(topic, "{}", { qos: 1, retain: true });
  Deno.writeTextFileSync(`${world.client("laptop", "bob").files}/c`, "bob's");
  await world.waitInStep({ clients: [world.client("laptop", "bob")] });
  const own = ["sinkd/server", "sinkd/server/alice"];
  assert.deepEqual(
    heard.filter((topic) =>
      !own.includes(topic) && !topic.startsWith("sinkd/server/alice/") &&
      !topic.startsWith("sinkd/servers/")
    ),
    [],
  );
  await finish(spy);
  await process.start();
  await world.waitInStep();
  await waitFor(
    "a server without faults",
    async () => problemsOf(await world.serverReport()).length === 0,
  );
});

world.test("a revoked client is refused once the broker is told", async (world) => {
  const late = world.addMachine("bob", "old");
  await world.join(late);
  const login = loginOf(world, "old", "bob");
  const before = rawClient(world, login);
  assert.equal(await outcome(before), "connected");
  await finish(before);
  assert.equal((await world.accounts("revoke", "bob/old")).code, 0);
  await world.allowClients();
  const after = rawClient(world, login);
  assert.equal(await outcome(after), "refused");
  await finish(after);
});
