import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { duplexPair } from "node:stream";
import { connect as connectTls } from "node:tls";
import { MqttClient } from "mqtt";
import { openBroker } from "../../lib/io/broker.ts";
import { openLink } from "../../lib/io/mqtt_link.ts";
import {
  type EmbeddedRig,
  embeddedRig,
  endAll,
  EventLog,
} from "../contract/broker_rigs.ts";
import { PATIENCE_MS, waitFor } from "../support/waiting.ts";

const ONCE = { qos: 1, retain: false } as const;
const NEVER = { qos: 0, retain: false } as const;

async function listen(rig: EmbeddedRig) {
  const log = new EventLog();
  const link = openLink({
    ...rig.server(),
    subscriptions: ["sinkd/clients/+/+"],
  }, log.take);
  await log.kind("up");
  return { log, link };
}

async function join(rig: EmbeddedRig, user: string, client: string) {
  const log = new EventLog();
  const link = openLink({
    ...rig.client(user, client),
    subscriptions: ["sinkd/server", `sinkd/server/${user}/${client}`],
  }, log.take);
  await log.kind("up");
  return { log, link };
}

/** The library itself, to do what a link would not. */
function rawClient(
  rig: EmbeddedRig,
  options: { username: string; clientId: string; will?: { topic: string } },
): MqttClient {
  const client = new MqttClient(() =>
    connectTls({
      port: rig.port,
      host: "127.0.0.1",
      ca: rig.certPem,
      servername: "sinkd.local",
    }), {
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    timerVariant: "native",
    password: "correct-horse",
    username: options.username,
    clientId: options.clientId,
    ...(options.will === undefined ? {} : {
      will: {
        topic: options.will.topic,
        payload: Buffer.from("forged"),
        qos: 1,
        retain: true,
      },
    }),
  });
  client.on("error", () => client.stream.destroy());
  return client;
}

function once(client: MqttClient, event: "connect" | "close"): Promise<void> {
  return new Promise((resolve) => client.once(event, () => resolve()));
}

async function finish(client: MqttClient): Promise<void> {
  if (client.stream.closed) return;
  const closed = new Promise((resolve) => client.stream.once("close", resolve));
  client.end(true);
  client.stream.destroy();
  await closed;
}

Deno.test("the broker delivers nothing that a client publishes as another, or as the server", async () => {
  await using rig = await embeddedRig();
  const server = await listen(rig);
  const bob = await join(rig, "bob", "laptop");
  const alice = await join(rig, "alice", "laptop");
  const topics = [
    "sinkd/clients/bob/laptop",
    "sinkd/clients/alice/desk",
    "sinkd/server",
    "sinkd/server/bob/laptop",
    "sinkd/lease/bob",
    "sinkd/servers/0123456789abcdef",
    "$SYS/broker",
  ];
  for (const topic of topics) {
    alice.link.publish(topic, "forged", { qos: 1, retain: true });
  }
  alice.link.publish("sinkd/clients/alice/laptop", "true", ONCE);
  await server.log.message("true");
  assert.deepEqual(server.log.texts, ["true"]);
  server.link.publish("sinkd/server/bob/laptop", "from the server", ONCE);
  await bob.log.message("from the server");
  assert.deepEqual(bob.log.texts, ["from the server"]);
  assert.equal(rig.broker().dropped, topics.length);

  const late = await join(rig, "bob", "desk");
  server.link.publish("sinkd/server/bob/desk", "end", ONCE);
  await late.log.message("end");
  assert.deepEqual(late.log.texts, ["end"]);
  await endAll(server.link, bob.link, alice.link, late.link);
});

Deno.test("the broker refuses a client's subscriptions to what is not its own", async () => {
  await using rig = await embeddedRig();
  const server = await listen(rig);
  const client = rawClient(rig, {
    username: "alice/laptop",
    clientId: "alice/laptop",
  });
  await once(client, "connect");
  const heard: string[] = [];
  client.on("message", (topic) => heard.push(topic));
  const filters = [
    "#",
    "+/+",
    "sinkd/#",
    "sinkd/server/bob",
    "sinkd/server/bob/laptop",
    "sinkd/server/+/+",
    "sinkd/clients/+/+",
    "sinkd/lease/+",
    "sinkd/lease/alice",
    "$SYS/#",
  ];
  for (const filter of filters) {
    await assert.rejects(client.subscribeAsync(filter, { qos: 1 }), filter);
  }
  assert.equal(rig.broker().dropped, filters.length);
  await client.subscribeAsync("sinkd/server", { qos: 1 });
  for (const topic of ["sinkd/server/bob", "sinkd/server/bob/laptop"]) {
    server.link.publish(topic, "private", { qos: 1, retain: true });
  }
  const marker = new Promise<void>((resolve) =>
    client.on("message", (topic) => topic === "sinkd/server" && resolve())
  );
  server.link.publish("sinkd/server", "public", ONCE);
  await marker;
  assert.deepEqual(heard, ["sinkd/server"]);
  await finish(client);
  await endAll(server.link);
});

Deno.test("the broker delivers no will on another's topic", async () => {
  await using rig = await embeddedRig();
  const server = await listen(rig);
  const client = rawClient(rig, {
    username: "alice/laptop",
    clientId: "alice/laptop",
    will: { topic: "sinkd/clients/bob/laptop" },
  });
  await once(client, "connect");
  client.stream.destroy();
  await untilTrue(() => rig.broker().dropped === 1);
  const bob = await join(rig, "bob", "laptop");
  bob.link.publish("sinkd/clients/bob/laptop", "true", ONCE);
  await server.log.message("true");
  assert.deepEqual(server.log.texts, ["true"]);
  await finish(client);
  await endAll(server.link, bob.link);
});

async function untilTrue(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadlineMs, "it never was so");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

Deno.test("the broker refuses a login whose client id or name is not its own", async () => {
  await using rig = await embeddedRig();
  for (
    const [username, clientId] of [
      ["alice/laptop", "alice/desk"],
      ["alice/laptop", "sinkd-server"],
      ["alice", "alice"],
      ["alice/laptop/x", "alice/laptop/x"],
      ["+/laptop", "+/laptop"],
      ["", "sinkd-server"],
    ] as const
  ) {
    const client = rawClient(rig, { username, clientId });
    const outcome = await Promise.race([
      once(client, "close").then(() => "closed"),
      once(client, "connect").then(() => "connected"),
    ]);
    assert.equal(outcome, "closed", `${username} as ${clientId}`);
    await finish(client);
  }
});

Deno.test("a newer connection of the same client wins, and the older hears of it", async () => {
  await using rig = await embeddedRig();
  const server = await listen(rig);
  const older = await join(rig, "alice", "laptop");
  const newer = rawClient(rig, {
    username: "alice/laptop",
    clientId: "alice/laptop",
  });
  await once(newer, "connect");
  await older.log.kind("down");
  await older.link[Symbol.asyncDispose]();
  await newer.publishAsync("sinkd/clients/alice/laptop", "newer", { qos: 1 });
  await server.log.message("newer");
  await finish(newer);
  await endAll(server.link);
});

Deno.test("a session that is ended is cut at once, its client refused from then on, and nothing of it is kept", async () => {
  await using rig = await embeddedRig();
  const alice = await join(rig, "alice", "laptop");
  const bob = await join(rig, "bob", "laptop");
  rig.revoked.add("alice/laptop");
  const names = () => [...rig.sessions].map(({ name }) => name);
  assert.deepEqual(names(), ["alice/laptop", "bob/laptop"]);
  for (const { name, end } of rig.sessions) {
    if (name === "alice/laptop") end();
  }
  await alice.log.kind("refused");
  assert.deepEqual(alice.log.events.map((event) => event.kind), [
    "up",
    "down",
    "refused",
  ]);
  assert.deepEqual(bob.log.events.map((event) => event.kind), ["up"]);
  assert.deepEqual(names(), ["bob/laptop"]);
  await endAll(alice.link, bob.link);
  await waitFor("no session", () => rig.sessions.size === 0);
});

Deno.test("a packet of 1 MiB is cut off without hurting another client", async () => {
  await using rig = await embeddedRig();
  const server = await listen(rig);
  const bob = await join(rig, "bob", "laptop");
  const alice = await join(rig, "alice", "laptop");
  alice.link.publish(
    "sinkd/clients/alice/laptop",
    new Uint8Array(1024 * 1024),
    ONCE,
  );
  await alice.log.kind("down");
  assert.equal(rig.broker().dropped, 1);
  bob.link.publish("sinkd/clients/bob/laptop", "x".repeat(16_384), ONCE);
  await server.log.message("x".repeat(16_384));
  await alice.log.kind("up", 2);
  assert.equal(server.log.texts.length, 1);
  await endAll(server.link, bob.link, alice.link);
});

Deno.test("garbage after the first byte of MQTT closes that connection only", async () => {
  await using rig = await embeddedRig();
  const server = await listen(rig);
  for (let round = 0; round < 10; round++) {
    const socket = connectTls({
      port: rig.port,
      host: "127.0.0.1",
      ca: rig.certPem,
      servername: "sinkd.local",
    });
    socket.on("error", () => socket.destroy());
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(
      new Uint8Array([
        0x10,
        20,
        ...crypto.getRandomValues(new Uint8Array(200)),
      ]),
    );
    socket.resume();
    await closed;
  }
  const bob = await join(rig, "bob", "laptop");
  bob.link.publish("sinkd/clients/bob/laptop", "fine", ONCE);
  await server.log.message("fine");
  assert.deepEqual(rig.faults, []);
  await endAll(server.link, bob.link);
});

Deno.test("a client that floods does not stall another", async () => {
  await using rig = await embeddedRig();
  const server = await listen(rig);
  const bob = await join(rig, "bob", "laptop");
  const flooder = rawClient(rig, {
    username: "alice/laptop",
    clientId: "alice/laptop",
  });
  await once(flooder, "connect");
  let flooding = true;
  const flood = (async () => {
    while (flooding && !flooder.stream.destroyed) {
      for (let n = 0; n < 200; n++) {
        flooder.publish("sinkd/clients/alice/laptop", "x".repeat(200), NEVER);
      }
      await flooder.publishAsync("sinkd/clients/alice/laptop", "x", ONCE);
    }
  })();
  const times: number[] = [];
  for (let n = 0; n < 20; n++) {
    const startMs = performance.now();
    bob.link.publish("sinkd/clients/bob/laptop", `${n}`, ONCE);
    await server.log.message(`${n}`);
    times.push(performance.now() - startMs);
  }
  flooding = false;
  await flood;
  times.sort((left, right) => left - right);
  // deno-lint-ignore no-console -- a figure that the README quotes
  console.log(
    `broker under flood: median ${times[10]?.toFixed(1)} ms, worst ${
      times[19]?.toFixed(1)
    } ms, ${server.log.texts.length} messages`,
  );
  assert.ok((times[0] ?? Infinity) < 1000);
  await finish(flooder);
  await endAll(server.link, bob.link);
});

Deno.test("the broker takes 500 messages of a client at once, and then 100 in a second", async () => {
  await using rig = await embeddedRig();
  const server = await listen(rig);
  const flooder = rawClient(rig, {
    username: "alice/laptop",
    clientId: "alice/laptop",
  });
  await once(flooder, "connect");
  const startMs = performance.now();
  const sent = Promise.all(
    Array.from(
      { length: 700 },
      () => flooder.publishAsync("sinkd/clients/alice/laptop", "x", ONCE),
    ),
  );
  await sent;
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs > 1900 && tookMs < PATIENCE_MS, `${tookMs} ms`);
  assert.equal(server.log.texts.filter((text) => text === "x").length, 700);
  await finish(flooder);
  await endAll(server.link);
});

Deno.test("the broker drops what waits of a client that floods and goes", async () => {
  await using rig = await embeddedRig();
  const server = await listen(rig);
  const flooder = rawClient(rig, {
    username: "alice/laptop",
    clientId: "alice/laptop",
  });
  await once(flooder, "connect");
  for (let n = 0; n < 2000; n++) {
    flooder.publish("sinkd/clients/alice/laptop", "x", NEVER);
  }
  await server.log.message("x");
  await finish(flooder);
  const bob = await join(rig, "bob", "laptop");
  bob.link.publish("sinkd/clients/bob/laptop", "after", ONCE);
  await server.log.message("after");
  const heard = server.log.texts.filter((text) => text === "x").length;
  assert.ok(heard <= 700, `${heard} messages`);
  await endAll(server.link, bob.link);
});

Deno.test("the broker says 'unavailable' and not 'refused' to a login that must wait", async () => {
  await using broker = await openBroker({
    authenticate: () => Promise.resolve("later"),
    onTwin: () => {},
    onFault: (error) => {
      throw error;
    },
  });
  const admitted: string[] = [];
  const events = new EventLog();
  const link = openLink({
    target: {
      kind: "stream",
      open() {
        const [near, far] = duplexPair();
        near.once("close", () => far.destroy());
        far.once("close", () => near.destroy());
        broker.handle(far, {
          address: "192.0.2.1",
          admit: () => admitted.push("admitted"),
        });
        return near;
      },
    },
    username: "alice/laptop",
    password: "right",
    clientId: "alice/laptop",
    subscriptions: [],
  }, events.take);
  await events.kind("down");
  assert.deepEqual(events.events.map(({ kind }) => kind), ["down"]);
  assert.deepEqual(admitted, []);
  await endAll(link);
});
