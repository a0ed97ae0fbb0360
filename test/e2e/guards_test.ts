import assert from "node:assert/strict";
import { type Link, type LinkEvent, openLink } from "../../lib/io/mqtt_link.ts";
import { shareWorld } from "../support/shared_world.ts";
import { pause, waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";
import { problemsOf } from "../support/in_step.ts";

const { test } = shareWorld({ clients: { alice: ["a"], bob: ["b"] } });

/** A second connection with a client's own credentials, as a broken or malicious program has. */
function openAs(
  client: WorldClient,
  options: {
    subscriptions: string[];
    secret?: string;
    will?: { topic: string; payload: string; retain: boolean };
  },
): { link: Link; events: LinkEvent[] } {
  const { user, client: name, secret, certPems, address } = client
    .credentials();
  const events: LinkEvent[] = [];
  const { subscriptions, will } = options;
  const link = openLink({
    target: {
      kind: "url",
      url: `mqtts://${address}`,
      caPems: certPems,
      servername: "sinkd.local",
    },
    username: `${user}/${name}`,
    password: options.secret ?? secret,
    clientId: `${user}/${name}`,
    subscriptions,
    ...(will === undefined ? {} : { will }),
  }, (event) => events.push(event));
  return { link, events };
}

/** Runs with the client stopped, so that its name is free for another connection. */
async function inPlaceOf(
  client: WorldClient,
  run: () => Promise<void>,
): Promise<void> {
  await client.process.stop();
  try {
    await run();
  } finally {
    await client.process.start();
  }
}

async function droppedOn(world: World, topic: string): Promise<string> {
  return await waitFor(
    `a fault about ${topic}`,
    async () =>
      (await world.serverReport()).errors.find(({ path }) => path === topic)
        ?.cause,
  );
}

test("server() drops and counts payloads that do not parse", async (world) => {
  const a = world.client("a");
  await inPlaceOf(a, async () => {
    const { link, events } = openAs(a, { subscriptions: [] });
    await using _closing = link;
    await waitFor("the link", () => events.some(({ kind }) => kind === "up"));
    const update = {
      version: 1,
      status: "Sinkd",
      path: "/srv/sinkd/alice/files",
      date: 20260101,
      cycle: 0,
      epoch: "",
      changes: 0,
      bytes: 0,
      host: "h",
    };
    const bad = [
      "",
      "{",
      "null",
      "[]",
      "42",
      `{"version":1}`,
      JSON.stringify({ ...update, extra: 1 }),
      JSON.stringify({ ...update, path: "/srv/sinkd/alice/../bob/files" }),
      JSON.stringify({ ...update, path: "/srv/sinkd/bob/files" }),
      JSON.stringify({ ...update, path: "/etc" }),
      JSON.stringify({ ...update, path: "/srv/sinkd/alice/a\0b" }),
      JSON.stringify({ ...update, date: 1e300 }),
      JSON.stringify({ ...update, cycle: -1 }),
      JSON.stringify({ ...update, version: 2 }),
      `${"[".repeat(8000)}`,
      "\u{1F980}".repeat(1000),
    ];
    for (const payload of [...bad, new Uint8Array([0xff, 0, 0xfe])]) {
      link.publish("sinkd/clients/alice/a", payload, { qos: 1, retain: false });
    }
    await waitFor(
      "all to be counted",
      async () =>
        (await droppedOn(world, "sinkd/clients/alice/a"))
          .startsWith(`${bad.length + 1} messages were dropped`),
    );
  });
  Deno.writeTextFileSync(`${a.files}/after`, "it goes on");
  await world.waitInStep();
});

test("server() lets nobody publish or listen as another user", async (world) => {
  const [a, b] = [world.client("a"), world.client("b")];
  const forbidden = [
    "sinkd/clients/bob/b",
    "sinkd/server/bob",
    "sinkd/server/bob/b",
    "sinkd/clients/+/+",
    "sinkd/#",
    "#",
    "$SYS/#",
  ];
  const before = (await world.serverReport()).users;
  const bob = () =>
    world.serverReport().then(({ users }) =>
      users.find(({ user }) => user === "bob")
    );
  await inPlaceOf(a, async () => {
    for (const topic of forbidden) {
      const { link, events } = openAs(a, {
        subscriptions: [topic],
        will: { topic: "sinkd/clients/bob/b", payload: "{}", retain: true },
      });
      await using _closing = link;
      await waitFor("an answer", () => events.length > 0);
      Deno.writeTextFileSync(`${b.files}/secret`, `of bob, ${topic}`);
      await world.waitInStep({ clients: [b] });
      const heard = events.filter(({ kind }) => kind === "message");
      assert.deepEqual(heard, [], topic);
    }
    const { link, events } = openAs(a, { subscriptions: [] });
    await using _closing = link;
    await waitFor("the link", () => events.some(({ kind }) => kind === "up"));
    const offline = JSON.stringify({ version: 1, status: "Offline" });
    const server = JSON.stringify({ version: 1, state: "Offline" });
    link.publish("sinkd/clients/bob/b", offline, { qos: 1, retain: true });
    link.publish("sinkd/server", server, { qos: 1, retain: true });
    link.publish("sinkd/server/bob/b", "{}", { qos: 1, retain: true });
    link.publish("sinkd/server/bob", "{}", { qos: 1, retain: true });
    await pause(500);
    assert.equal((await bob())?.clients[0]?.state, "Sinkd");
    assert.equal((await b.report()).state, "Sinkd");
    assert.deepEqual(problemsOf(await b.report()), []);
  });
  const names = (users: typeof before) => users.map(({ user }) => user);
  assert.deepEqual(names((await world.serverReport()).users), names(before));
  await world.waitInStep();
});

test("server() refuses a wrong secret, and a revoked client says so", async (world) => {
  const a = world.client("a");
  const { link, events } = openAs(a, { subscriptions: [], secret: "wrong" });
  await waitFor(
    "a refusal",
    () => events.some(({ kind }) => kind === "refused"),
  );
  await link[Symbol.asyncDispose]();
  assert.equal((await a.report()).state, "Sinkd");

  const c = world.addMachine("alice", "c");
  await world.join(c);
  await c.process.start();
  await world.waitInStep();
  const revoked = await world.accounts(
    "revoke",
    "alice/c",
    "--pid",
    world.server.pidFile,
  );
  assert.equal(revoked.code, 0, revoked.err);
  await waitFor(
    "it to be out",
    async () => (await c.report()).state === "Offline",
  );
  Deno.writeTextFileSync(`${a.files}/later`, "not for c");
  await world.waitInStep({ clients: [a] });
  const fault = await waitFor(
    "a word about it",
    async () =>
      (await c.report()).errors.find(({ fix }) => fix.includes("join again")),
  );
  assert.ok(fault.cause.length > 0);
  const status = await c.sinkd("status");
  assert.equal(status.code, 4);
  assert.match(status.out, /^Needs your decision: this machine was revoked/);
  await c.process.stop();
  world.forget(c);
});

test("join() refuses a link that is wrong, used or of another server", async (world) => {
  const d = world.addMachine("alice", "d");
  world.forget(d);
  const link = await world.link("alice");
  const token = /alice:([^@]+)@/.exec(link)?.[1] ?? "";
  const wrong = {
    "another token": link.replace(token, token.split("").reverse().join("")),
    "another user": link.replace("alice:", "bob:"),
    "no such user": link.replace("alice:", "carol:"),
    "another fingerprint": link.replace(
      /#(.)/,
      (_, first) => `#${first === "0" ? "1" : "0"}`,
    ),
    "no link": "https://example.org/",
  };
  for (const [what, text] of Object.entries(wrong)) {
    const { code, out, err } = await d.join(text);
    assert.ok(code === 1 || code === 2, `${what}: ${code}`);
    assert.equal(out, "");
    assert.match(err, /^sinkd: .+\n$/, what);
    assert.doesNotMatch(err, /\n.*\n|at file:/, what);
  }
  assert.equal((await d.join(link)).code, 0);
  const again = await d.join(link);
  assert.equal(again.code, 1);
  assert.match(again.err, /used|name/);
  const e = world.addMachine("alice", "e");
  world.forget(e);
  const other = await e.join(link);
  assert.equal(other.code, 1);
  assert.match(other.err, /was already used/);
  assert.equal(Deno.statSync(`${d.state}/credentials.json`).mode, 0o100600);
  assert.equal(Deno.statSync(d.state).mode, 0o040700);
});
