/**
 * What a server that a client trusts, but that has no manners, can do to that client's machine beside
 * its anchors: nothing.
 */
import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import type { Channel } from "../../lib/io/channel.ts";
import { serverLine } from "../../lib/io/turn_lines.ts";
import { EPOCH, HEAD, HostileServer } from "../support/hostile_server.ts";
import { shareWorld } from "../support/shared_world.ts";
import { differences, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const { test } = shareWorld({ clients: {} });
const FILE = { kind: "file", size: 4, mtimeMs: 1_700_000_000_000, mode: 0o644 };
const ANCHOR = "/srv/sinkd/alice/files";
let victims = 0;

interface Scene {
  readonly server: HostileServer;
  readonly victim: WorldClient;
}

/** Runs against a fresh client; at the end nothing beside its anchor has changed. */
function attackBy(name: string, run: (scene: Scene) => Promise<void>): void {
  test(name, async (world) => {
    const victim = world.addMachine("alice", `v${++victims}`);
    Deno.writeTextFileSync(`${victim.files}/mine`, "mine");
    const beside = `${victim.home}/beside`;
    Deno.mkdirSync(beside);
    Deno.writeTextFileSync(`${beside}/secret`, "the machine's own");
    const before = outsideOf(world, victim);
    await using server = await HostileServer.open(
      victim,
      `${victim.home}/forged`,
    );
    await victim.process.start();
    try {
      await run({ server, victim });
      assert.deepEqual(differences(before, outsideOf(world, victim)), []);
      const mine = Deno.readTextFileSync(`${victim.files}/mine`);
      assert.equal(mine, "mine");
    } finally {
      await victim.process.stop();
      world.forget(victim);
    }
  });
}

/** What no server may reach: where it could get by one `..`, by an absolute name, by a link. */
function outsideOf(world: World, victim: WorldClient) {
  const evil = new Map(
    [victim.home, world.directory, "/tmp", "/"].flatMap((directory) =>
      [...Deno.readDirSync(directory)]
        .filter(({ name }) => name.startsWith("evil"))
        .map(({ name }) => [`${directory}/${name}`, { kind: "other" as const }])
    ),
  );
  return new Map([...treeOf(`${victim.home}/beside`), ...evil]);
}

/** Up to where the client hears what has changed. */
async function beginTurn({ server }: Scene): Promise<Channel> {
  await server.announced();
  server.invite(ANCHOR);
  const channel = await server.turn();
  await channel.send({ kind: "welcome", epoch: EPOCH, head: HEAD });
  await expect(channel, "have");
  return channel;
}

async function expect(
  channel: Channel,
  kind: string,
): Promise<Record<string, unknown>> {
  const message = await channel.receive() as Record<string, unknown>;
  assert.equal(message?.["kind"], kind);
  return message;
}

async function sayChanges(channel: Channel, changes: unknown[]): Promise<void> {
  await sayCount(channel, changes.length);
  await channel.send({ kind: "entries", changes });
}

function sayCount(channel: Channel, count: number): Promise<void> {
  return channel.send({
    kind: "changes",
    complete: false,
    count,
    to: HEAD,
    more: false,
  });
}

attackBy(
  "a server's invitations to what is no anchor are not taken",
  async ({ server }) => {
    await server.announced();
    for (
      const path of [
        "/etc",
        "/srv/sinkd/alice",
        "/srv/sinkd/alice/",
        "/srv/sinkd/alice/files/../beside",
        "/srv/sinkd/alice/files/mine",
        "/srv/sinkd/bob/files",
        "../../beside",
        "",
      ]
    ) server.invite(path);
    server.invite(ANCHOR);
    const channel = await server.turn();
    assert.equal(server.turns.length, 0);
    channel.close();
  },
);

type Act = (channel: Channel) => Promise<void>;

const badPaths = [
  "../evil",
  "/tmp/evil",
  "a/../../evil",
  ".sinkd/evil",
  "evil\0",
];

const acts: readonly (readonly [string, Act])[] = [
  ...badPaths.map((path) =>
    [
      `a list with ${JSON.stringify(path)}`,
      (channel: Channel) => sayChanges(channel, [{ path, entry: FILE }]),
    ] as const
  ),
  ["a list without end", async (channel) => {
    await sayCount(channel, 1);
    await channel.send({ kind: "entries", changes: [] });
  }],
  ["a list that is longer than it said", async (channel) => {
    await sayCount(channel, 1);
    const changes = ["a", "b"].map((path) => ({ path, entry: FILE }));
    await channel.send({ kind: "entries", changes });
  }],
  [
    "a call of rsync that was not asked for",
    (channel) =>
      channel.send({ kind: "rsync", direction: "edits", password: "0" }),
  ],
  [
    "bytes in place of a message",
    (channel) => channel.sendData(new Uint8Array(1000)),
  ],
  [
    "a very deep message",
    (channel) => channel.send(JSON.parse("[".repeat(1e5) + "]".repeat(1e5))),
  ],
];

for (const [what, act] of acts) {
  attackBy(
    `${what} from a server ends the turn, and is in status`,
    async (scene) => {
      const channel = await beginTurn(scene);
      await act(channel);
      while (await channel.receive().catch(() => undefined) !== undefined);
      channel.close();
      await waitFor("it to be in status", async () => {
        return (await scene.victim.faults()).length > 0;
      });
    },
  );
}

attackBy(
  "a link of the server's, and files below it, lead nowhere",
  async (scene) => {
    const { victim } = scene;
    const link = { kind: "link", target: `${victim.home}/beside` };
    const local = `${victim.home}/forged/tree`;
    Deno.mkdirSync(`${local}/d`, { recursive: true });
    Deno.writeTextFileSync(`${local}/d/evil`, "evil");
    Deno.utimeSync(`${local}/d/evil`, 1_700_000_000, 1_700_000_000);
    const channel = await beginTurn(scene);
    await sayChanges(channel, [
      { path: "d", entry: link },
      { path: "d/evil", entry: FILE },
      { path: "d/secret" },
    ]);
    for (;;) {
      const { last } = await expect(channel, "want");
      if (last === true) break;
    }
    const { code } = await serverLine(channel, {
      runDirectory: `${local}/run`,
      silenceMs: 20_000,
      firstMs: 20_000,
    }).rsync({
      direction: "update",
      local,
      remote: ".sinkd/incoming",
      compareDest: "/",
      verify: false,
      transfer: { compress: false, partial: false, checksum: false },
      paths: [relativePath("d/evil")],
    });
    assert.equal(code, 0);
    await channel.send({ kind: "staged", detail: "" });
    const { left } = await expect(channel, "applied");
    assert.ok(Number(left) > 0, "something was left");
    await channel.send({ kind: "bye", stamp: HEAD });
    await waitFor("the turn to end", async () => {
      return (await victim.anchor()).state !== "Updating";
    });
  },
);
