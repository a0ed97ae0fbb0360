import assert from "node:assert/strict";
import { shareWorld, testInWorld } from "../support/shared_world.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { pause, waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";
import { problemsOf } from "../support/in_step.ts";

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

/** Writes what each client is to keep in step besides `files`, and has it read again. */
async function reconfigure(
  clients: readonly WorldClient[],
  more: (client: WorldClient) => string,
): Promise<void> {
  for (const client of clients) {
    client.configure(client.anchorText(client.files, "files") + more(client));
    const { code, err } = await client.sinkd("client", "reload");
    assert.equal(code, 0, err);
  }
}

async function untilAnchor(client: WorldClient, path: string): Promise<void> {
  await waitFor(`${client.name} to keep ${path} in step`, async () => {
    const report = await client.process.report();
    return report?.role === "client" &&
      report.anchors.some((anchor) =>
        anchor.path === path && anchor.state === "Sinkd"
      );
  });
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name)
    .filter((name) => name !== ".sinkd").sort();
}

/** Waits until two directories are alike. */
async function untilAlike(one: string, other: string): Promise<void> {
  const text = (directory: string) =>
    JSON.stringify([...treeOf(directory)].sort());
  await waitFor(`${one} to be like ${other}`, () => text(one) === text(other), {
    tell: () => `${text(one)} / ${text(other)}`,
  });
}

test("add() and rm() take effect while the client runs", async (world) => {
  const clients = world.clients();
  const pids = await Promise.all(clients.map((each) => each.report()));
  for (const client of clients) {
    Deno.mkdirSync(`${client.home}/more`);
    Deno.writeTextFileSync(`${client.home}/more/${client.name}`, client.name);
    const text = Deno.readTextFileSync(client.config);
    client.configure(`# mine, keep it\n${text}`);
    const { code, err } = await client.anchors(
      "add",
      `${client.home}/more`,
      "--name",
      "more",
    );
    assert.equal(code, 0, err);
  }
  const [a, b] = clients;
  assert.ok(a && b);
  for (const client of clients) {
    await untilAnchor(client, `${client.home}/more`);
  }
  await untilAlike(`${a.home}/more`, `${b.home}/more`);
  assert.deepEqual(names(`${a.home}/more`), ["a", "b"]);
  Deno.writeTextFileSync(`${b.files}/both-work`, "x");
  await world.waitInStep();

  const { code, err } = await b.anchors("rm", `${b.home}/more`);
  assert.equal(code, 0, err);
  await waitFor("it to be gone from status", async () => {
    const report = await b.process.report();
    return report?.role === "client" && report.anchors.length === 1;
  });
  Deno.writeTextFileSync(`${a.home}/more/after`, "not for b");
  Deno.writeTextFileSync(`${a.files}/after`, "for b");
  await world.waitInStep();
  assert.deepEqual(names(`${b.home}/more`), ["a", "b"]);
  assert.match(Deno.readTextFileSync(b.config), /^# mine, keep it\n/);
  assert.equal((await b.anchors("ls")).out.trim().split("\n").length, 1);
  assert.equal(pids.length, 2);
});

test("client() leaves excluded paths alone on both sides", async (world) => {
  const [a, b] = [world.client("a"), world.client("b")];
  for (const client of [a, b]) {
    Deno.mkdirSync(`${client.home}/some/cache`, { recursive: true });
    Deno.writeTextFileSync(`${client.home}/some/x.tmp`, `tmp ${client.name}`);
    Deno.writeTextFileSync(
      `${client.home}/some/cache/entry`,
      `cache ${client.name}`,
    );
  }
  Deno.mkdirSync(`${a.home}/some/deep`);
  Deno.writeTextFileSync(`${a.home}/some/deep/y.tmp`, "stays");
  Deno.writeTextFileSync(`${a.home}/some/deep/kept`, "goes");
  const path = (client: WorldClient) => `${client.home}/some`;
  await reconfigure(
    [a, b],
    (client) =>
      client.anchorText(
        path(client),
        "some",
        `excludes = ["*.tmp", "/cache/"]`,
      ),
  );
  await waitFor(
    "what is not excluded",
    () => itemAt(`${path(b)}/deep/kept`) !== undefined,
  );
  Deno.writeTextFileSync(`${path(b)}/deep/kept`, "back and forth");
  await waitFor(
    "it to come back",
    () => Deno.readTextFileSync(`${path(a)}/deep/kept`) === "back and forth",
  );
  Deno.writeTextFileSync(`${path(a)}/x.tmp`, "edited here");
  Deno.removeSync(`${path(a)}/cache`, { recursive: true });
  Deno.writeTextFileSync(`${path(a)}/last`, "in order behind them");
  await waitFor("the last edit", () => itemAt(`${path(b)}/last`) !== undefined);
  assert.equal(Deno.readTextFileSync(`${path(b)}/x.tmp`), "tmp b");
  assert.equal(Deno.readTextFileSync(`${path(b)}/cache/entry`), "cache b");
  assert.equal(itemAt(`${path(b)}/deep/y.tmp`), undefined);
  const stored = [...treeOf(`${world.root}/alice/some`).keys()].sort();
  assert.deepEqual(stored, ["deep", "deep/kept", "last"]);

  // The directory that holds an excluded file stays; everything else in it goes.
  Deno.removeSync(`${path(b)}/deep`, { recursive: true });
  await waitFor(
    "the deletion",
    () => itemAt(`${path(a)}/deep/kept`) === undefined,
  );
  assert.equal(Deno.readTextFileSync(`${path(a)}/deep/y.tmp`), "stays");
});

test("client() keeps a single file in step and does not touch its neighbours", async (world) => {
  const [a, b] = [world.client("a"), world.client("b")];
  for (const client of [a, b]) {
    Deno.mkdirSync(`${client.home}/etc`);
    Deno.writeTextFileSync(`${client.home}/etc/neighbour`, client.name);
    Deno.mkdirSync(`${client.home}/etc/notes.d`);
  }
  Deno.writeTextFileSync(`${a.home}/etc/notes`, "first");
  Deno.writeTextFileSync(`${b.home}/etc/notes`, "first");
  const path = (client: WorldClient) => `${client.home}/etc/notes`;
  await reconfigure(
    [a, b],
    (client) => client.anchorText(path(client), "notes"),
  );
  for (const client of [a, b]) await untilAnchor(client, path(client));
  const becomes = (client: WorldClient, text: string) =>
    waitFor(
      `'${text}' on ${client.name}`,
      () => Deno.readTextFileSync(path(client)) === text,
    );
  Deno.writeTextFileSync(path(a), "second");
  await becomes(b, "second");
  Deno.writeTextFileSync(`${b.home}/etc/.notes.new`, "third, by rename");
  Deno.renameSync(`${b.home}/etc/.notes.new`, path(b));
  await becomes(a, "third, by rename");
  for (const client of [a, b]) {
    Deno.writeTextFileSync(`${client.home}/etc/neighbour`, `2 ${client.name}`);
  }
  Deno.writeTextFileSync(path(a), "fourth");
  await becomes(b, "fourth");
  for (const client of [a, b]) {
    await waitFor(
      "a tidy directory",
      () => itemAt(`${client.home}/etc/.sinkd`) === undefined,
    );
    assert.deepEqual(names(`${client.home}/etc`), [
      "neighbour",
      "notes",
      "notes.d",
    ]);
    assert.equal(
      Deno.readTextFileSync(`${client.home}/etc/neighbour`),
      `2 ${client.name}`,
    );
  }
  assert.deepEqual(
    names(`${world.root}/alice`).filter((name) => /^(n|etc)/.test(name)),
    ["notes"],
  );
  Deno.removeSync(path(b));
  await waitFor("the deletion", () => itemAt(path(a)) === undefined);
  await reconfigure([a, b], () => "");
});

test("reload() keeps the old configuration when the new one is bad, and status says so", async (world) => {
  const [a, b] = [world.client("a"), world.client("b")];
  const good = a.anchorText(a.files, "files");
  a.configure(`server_adress = "x"\n${good}`);
  a.process.signal("SIGHUP");
  const fault = await waitFor(
    "a word in status",
    async () =>
      (await a.report()).errors.find(({ cause }) => cause.includes("not used")),
  );
  assert.match(fault.cause, /server_adress/);
  assert.match(fault.cause, /sinkd\.conf/);
  Deno.writeTextFileSync(`${a.files}/with-old`, "still in step");
  await world.waitInStep();
  assert.equal(itemAt(`${b.files}/with-old`)?.kind, "file");
  const { code, err } = await a.sinkd("client", "reload");
  assert.equal(code, 2);
  assert.match(err, /server_adress/);
  a.configure(good);
  a.process.signal("SIGHUP");
  await waitFor(
    "status without it",
    async () =>
      (await a.process.report()) !== undefined &&
      problemsOf(await a.report()).length === 0,
  );
  await world.waitInStep();
});

test("pause() holds a client's changes both ways until resume()", async (world) => {
  const [a, b] = [world.client("a"), world.client("b")];
  const paused = await a.sinkd("pause", a.files);
  assert.equal(paused.code, 0, paused.err);
  Deno.writeTextFileSync(`${a.files}/of-a`, "while paused");
  Deno.writeTextFileSync(`${b.files}/of-b`, "while paused");
  await waitFor(
    "b to be done",
    async () =>
      itemAt(`${world.stored("alice")}/of-b`) !== undefined &&
      (await b.anchor()).pending === 0,
  );
  await waitFor(
    "a to see its own edit",
    async () => (await a.anchor()).pending > 0,
  );
  await pause(500);
  assert.equal(itemAt(`${a.files}/of-b`), undefined);
  assert.equal(itemAt(`${b.files}/of-a`), undefined);
  const status = await a.sinkd("status");
  assert.equal(status.code, 4);
  assert.match(status.out, /resume/);
  await a.process.stop();
  await a.process.start();
  assert.equal((await a.anchor()).state, "Held");
  const resumed = await a.sinkd("resume");
  assert.equal(resumed.code, 0, resumed.err);
  await world.waitInStep();
  assert.equal((await a.sinkd("status")).code, 0);
});

async function heldPaths(client: WorldClient): Promise<number> {
  return await waitFor("deletions to be held", async () => {
    const { state, held } = await client.anchor();
    return state === "Held" && (held?.paths.length ?? 0) > 0 &&
      held?.paths.length;
  });
}

function fill(client: WorldClient, count: number): void {
  for (let i = 0; i < count; i++) {
    Deno.mkdirSync(`${client.files}/d${i % 10}`, { recursive: true });
    Deno.writeTextFileSync(`${client.files}/d${i % 10}/${i}`, `${i}`);
  }
}

async function deleteMost(world: World): Promise<void> {
  const a = world.client("a");
  // Each directory at once: the first few of files deleted one by one may go before more are seen.
  const away = Deno.makeTempDirSync({ dir: a.home });
  for (let i = 0; i < 8; i++) {
    Deno.renameSync(`${a.files}/d${i}`, `${away}/${i}`);
  }
  assert.ok(await heldPaths(a) > 0);
  const { code, out } = await a.sinkd("status");
  assert.equal(code, 4);
  assert.match(out, /approve/);
  assert.match(out, /reject/);
}

testInWorld(
  "client() holds a deletion of most until a person approves or rejects it, and a vanished root is none",
  { clients: { alice: ["a", "b"] } },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    // By the other machine: what one has just made itself is no question.
    fill(b, 150);
    await world.waitInStep();
    const whole = treeOf(b.files);

    await deleteMost(world);
    Deno.writeTextFileSync(`${a.files}/d9/other`, "an edit is not held");
    await waitFor(
      "the edit",
      () => itemAt(`${b.files}/d9/other`) !== undefined,
    );
    assert.equal(itemAt(`${b.files}/d0/0`)?.kind, "file");
    const rejected = await a.sinkd("reject", a.files);
    assert.equal(rejected.code, 0, rejected.err);
    await world.waitInStep();
    Deno.removeSync(`${b.files}/d9/other`);
    await world.waitInStep();
    assert.deepEqual([...treeOf(a.files)].sort(), [...whole].sort());

    await deleteMost(world);
    await a.process.kill();
    await a.process.start();
    await heldPaths(a);
    assert.equal(itemAt(`${b.files}/d0/0`)?.kind, "file");
    // On both machines, of which each would lose most of the anchor.
    for (const client of [a, b]) {
      await heldPaths(client);
      const approved = await client.sinkd("approve");
      assert.equal(approved.code, 0, approved.err);
    }
    await world.waitInStep();
    assert.deepEqual(names(b.files), ["d8", "d9"]);

    const kept = treeOf(b.files);
    Deno.renameSync(a.files, `${a.home}/away`);
    await waitFor(
      "a word about the root",
      async () => (await a.anchor()).held !== null,
    );
    assert.equal((await a.sinkd("status")).code, 4);
    Deno.writeTextFileSync(`${b.files}/meanwhile`, "of b");
    await world.waitInStep({ clients: [b] });
    assert.equal(treeOf(b.files).size, kept.size + 1);
    Deno.renameSync(`${a.home}/away`, a.files);
    await world.waitInStep();
    assert.equal(Deno.readTextFileSync(`${a.files}/meanwhile`), "of b");

    await a.process.stop();
    Deno.renameSync(a.files, `${a.home}/away`);
    Deno.mkdirSync(a.files);
    await a.process.start();
    await waitFor(
      "a word about the empty root",
      async () => (await a.anchor()).held !== null,
    );
    assert.equal(treeOf(b.files).size, kept.size + 1);
    const taken = await a.sinkd("approve", a.files);
    assert.equal(taken.code, 0, taken.err);
    await world.waitInStep();
    assert.equal(treeOf(a.files).size, kept.size + 1);
  },
);
