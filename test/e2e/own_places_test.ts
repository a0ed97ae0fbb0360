import assert from "node:assert/strict";
import { World } from "../support/world.ts";
import { treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { WorldClient } from "../support/world_client.ts";

/** Each machine's whole home as an anchor; the log is no place of sinkd's but one of these tests. */
function wholeHome(client: WorldClient): string {
  return client.anchorText(
    client.home,
    "home",
    `excludes = ["/client.log", "+ /state/", "+ credentials.json"]`,
  );
}

async function reconfigure(client: WorldClient, text: string): Promise<void> {
  client.configure(text);
  const { code, err } = await client.sinkd("client", "reload");
  assert.equal(code, 0, err);
}

async function untilThere(path: string): Promise<void> {
  await waitFor(`${path} to be there`, () => {
    try {
      return Deno.lstatSync(path).isFile;
    } catch {
      return false;
    }
  });
}

const OWN = [
  "state",
  "sinkd.conf",
  "machine.conf",
  "client.pid",
  "client.sock",
];

Deno.test("client() never syncs its own state, configuration and sockets, nor takes another machine's in", async () => {
  await using world = await World.open({
    clients: { alice: ["old", "a", "b"] },
  });
  const [old, a, b] = ["old", "a", "b"].map((name) => world.client(name));
  assert.ok(old && a && b);
  const mine = [a, b].map((client) => client.credentials());
  // A machine that has its places elsewhere hands in what lies where those of the others are.
  const there = `${old.home}/other`;
  for (const name of ["state", ".local/state/sinkd-not"]) {
    Deno.mkdirSync(`${there}/${name}`, { recursive: true });
    Deno.writeTextFileSync(`${there}/${name}/credentials.json`, "stolen");
  }
  Deno.writeTextFileSync(`${there}/sinkd.conf`, "stolen");
  Deno.mkdirSync(`${there}/client.sock`);
  Deno.writeTextFileSync(`${there}/from-old`, "x");
  await reconfigure(old, old.anchorText(there, "home"));
  await untilThere(`${world.root}/alice/home/from-old`);

  for (const client of [a, b]) await reconfigure(client, wholeHome(client));
  for (const client of [a, b]) {
    Deno.writeTextFileSync(`${client.home}/from-${client.name}`, "x");
  }
  for (const client of [a, b]) {
    for (const name of ["from-old", "from-a", "from-b"]) {
      await untilThere(`${client.home}/${name}`);
    }
  }
  await untilThere(`${a.home}/.local/state/sinkd-not/credentials.json`);
  for (const [index, client] of [a, b].entries()) {
    assert.deepEqual(client.credentials(), mine[index]);
    assert.equal(Deno.readTextFileSync(client.config), wholeHome(client));
    const copies = [...treeOf(client.home).keys()].filter((path) =>
      path.includes("sinkd-conflict")
    );
    assert.deepEqual(copies, []);
    await waitFor("the records to agree", async () => {
      const { agreement } = await client.anchor(client.home);
      return agreement.state === "agreed";
    });
  }
  const stored = [...treeOf(`${world.root}/alice/home`).keys()].sort();
  assert.deepEqual(
    stored.filter((path) => OWN.some((own) => path.startsWith(own))),
    ["client.sock", "sinkd.conf", "state", "state/credentials.json"],
  );
  assert.deepEqual(stored.filter((path) => path.includes("client.db")), []);

  // It goes on after what the old machine had there goes again.
  Deno.removeSync(there + "/state", { recursive: true });
  await waitFor(
    "the server to drop it",
    () => !treeOf(`${world.root}/alice/home`).has("state"),
  );
  Deno.writeTextFileSync(`${a.home}/later`, "x");
  await untilThere(`${b.home}/later`);
  assert.deepEqual(b.credentials(), mine[1]);
});

Deno.test("add() says what of sinkd's own stays out, and refuses what is nothing else", async () => {
  await using world = await World.open({ clients: { alice: ["a"] } });
  const a = world.client("a");
  a.configure("");
  const reload = await a.sinkd("client", "reload");
  assert.equal(reload.code, 0, reload.err);
  const add = (path: string) => a.anchors("add", path, "--state", a.state);
  for (
    const path of [
      a.state,
      `${a.state}/run`,
      a.config,
      `${world.root}/alice`,
      world.root,
    ]
  ) {
    Deno.mkdirSync(`${a.state}/run`, { recursive: true });
    const { code, err } = await add(path);
    assert.equal(code, 2, path);
    assert.match(err, /sinkd keeps files of its own; choose another/);
  }
  const { code, out, err } = await add(a.home);
  assert.equal(code, 0, err);
  assert.match(out, /is synced from now on/);
  for (const own of [a.state, a.config, a.process.pidFile]) {
    assert.ok(out.includes(own), `${own} in ${out}`);
  }

  a.configure(a.anchorText(`${a.state}/run`, "x"));
  const bad = await a.sinkd("client", "reload");
  assert.equal(bad.code, 2);
  assert.match(bad.err, /choose another directory/);
});
