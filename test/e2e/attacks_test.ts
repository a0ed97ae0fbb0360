/**
 * What a client with true credentials, but without manners, can do to a server and to other users:
 * nothing.
 */
import assert from "node:assert/strict";
import type { EditChange } from "../../lib/core/channel_protocol.ts";
import { relativePath } from "../../lib/core/path.ts";
import {
  dialRaw,
  dialRawChannel,
  HostileClient,
  type HostileTurn,
} from "../support/hostile_client.ts";
import { serveLies } from "../support/lying_rsync.ts";
import { shareWorld } from "../support/shared_world.ts";
import { differences, treeOf, type TreeView } from "../support/tree_view.ts";
import { pause, waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const world = shareWorld({ clients: { alice: ["laptop", "desk"] } });
let machines = 0;

/** Runs with a fresh hostile client of mallory's; at the end alice must be in step and unharmed. */
function attack(
  name: string,
  run: (mallory: HostileClient, world: World) => Promise<void>,
): void {
  world.test(name, async (world) => {
    const before = withoutTop(treeOf(`${world.root}/alice`));
    const mallory = await HostileClient.open(
      world,
      "mallory",
      `m${++machines}`,
    );
    try {
      await run(mallory, world);
    } finally {
      await mallory[Symbol.asyncDispose]();
    }
    const after = withoutTop(treeOf(`${world.root}/alice`));
    assert.deepEqual(differences(before, after), []);
    const clients = [world.client("laptop"), world.client("desk")];
    const file = `${world.client("laptop").files}/after`;
    Deno.writeTextFileSync(file, `${name} ${machines}`);
    await world.waitInStep({ clients });
  });
}

/** The directory of the anchor is there from the first file on. */
function withoutTop(tree: TreeView): TreeView {
  return new Map([...tree].filter(([path]) => path !== "files"));
}

function fileOf(text: string, mtimeMs = 1_700_000_000_000) {
  return { kind: "file" as const, size: text.length, mtimeMs, mode: 0o644 };
}

function edit(path: string, text: string): EditChange {
  return { path: relativePath(path), entry: fileOf(text) };
}

attack(
  "announcements outside of the user's own tree get no turn",
  async (mallory) => {
    const paths = [
      "/srv/sinkd/alice/files",
      "/srv/sinkd/mallory/../alice/files",
      "/srv/sinkd/mallory/./x",
      "/srv/sinkd/mallory/a//b",
      "/srv/sinkd/mallory/",
      "/srv/sinkd/mallory",
      "/srv/sinkd/mallory/.sinkd",
      "/srv/sinkd/mallory/a/.sinkd/b",
      "/srv/sinkd/mallory/a\0b",
      "/etc",
      "../../etc",
      "x",
      `/srv/sinkd/mallory/${"d/".repeat(2000)}x`,
      `/srv/sinkd/mallory/${"n".repeat(300)}`,
    ];
    for (const path of paths) mallory.announce("", { path });
    const { path } = await mallory.invited("good");
    assert.equal(path, "/srv/sinkd/mallory/good");
    const invitations = mallory.replies.filter(({ kind }) =>
      kind === "Channel"
    );
    assert.equal(invitations.length, 1);
  },
);

attack(
  "garbage, deep and huge payloads are dropped, and the sender is still heard",
  async (mallory) => {
    const deep = "[".repeat(8000) + "]".repeat(8000);
    const payloads = [
      "",
      "null",
      "{",
      "\u0000",
      deep,
      `{"status":${deep}}`,
      '{"__proto__":{"status":"Sinkd"}}',
      JSON.stringify("x".repeat(16_000)),
    ];
    for (const payload of payloads) mallory.say(payload);
    for (
      const more of [
        { status: "Root" },
        { changes: -1 },
        { changes: 1e300 },
        { bytes: "1" },
        { epoch: "../../etc" },
        { version: 2 },
        { extra: true },
        { host: "h".repeat(300) },
        { date: 1.5 },
        { cycle: -1 },
      ]
    ) mallory.announce("bad", more);
    assert.equal(
      (await mallory.invited("good")).path,
      "/srv/sinkd/mallory/good",
    );
  },
);

attack(
  "forged stamps move nobody's head, and change the epoch a few times at most",
  async (mallory, world) => {
    const before = await world.serverReport();
    const headOf = async (user: string) => {
      const report = await world.serverReport();
      return report.users.find((each) => each.user === user);
    };
    const epochs = new Set<string>();
    for (let n = 0; n < 12; n++) {
      const { epoch = "" } = await headOf("mallory") ?? {};
      epochs.add(epoch);
      mallory.announce(`future${n}`, { date: 99991231, cycle: 5, epoch });
      mallory.announce(`past${n}`, { date: 0, cycle: 0, epoch });
      await waitFor(
        "it to be heard",
        () => mallory.replies.length > 0,
      );
      await pause(20);
    }
    assert.ok(epochs.size <= 4, `${epochs.size} epochs`);
    const mine = await headOf("mallory");
    assert.ok((mine?.stamp.date ?? 0) < 30000000);
    const alice = before.users.find(({ user }) => user === "alice");
    assert.equal((await headOf("alice"))?.epoch, alice?.epoch);
  },
);

attack(
  "a token works once, for its own client, and not while its turn runs",
  async (mallory, world) => {
    const thief = await HostileClient.open(world, "mallory", `t${machines}`);
    const other = await HostileClient.open(world, "trudy", `t${machines}`);
    const invitation = await mallory.invited("good");
    const refused = async (hello: Record<string, unknown>) => {
      const channel = await dialRawChannel(world);
      await channel.send(hello);
      const answer = await channel.receive() as {
        kind: string;
        message: string;
      };
      assert.equal(answer.kind, "fail");
      assert.match(answer.message, /not yours or is over/);
      channel.close();
    };
    await refused(thief.hello(invitation));
    await refused(other.hello(invitation));
    await refused(mallory.hello(invitation, { user: "trudy" }));
    await refused(mallory.hello(invitation, { secret: "guessed" }));
    await refused(mallory.hello(invitation, { token: "0".repeat(32) }));
    await refused(mallory.hello(invitation, { session: "0".repeat(16) }));
    const channel = await dialRawChannel(world);
    await channel.send(mallory.hello(invitation));
    assert.equal((await channel.receive() as { kind: string }).kind, "welcome");
    await refused(mallory.hello(invitation));
    channel.close();
    await waitFor(
      "the turn to end",
      async () => (await world.serverReport()).state === "Sinkd",
    );
    await refused(mallory.hello(invitation));
    await thief[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  },
);

/** Opens a turn up to where edits are taken, and gives the server's tree of it. */
async function taking(
  mallory: HostileClient,
  name: string,
): Promise<HostileTurn> {
  const turn = await mallory.turn(name);
  await turn.skipUpdate();
  return turn;
}

async function assertRefused(
  turn: HostileTurn,
  act: () => Promise<unknown>,
): Promise<void> {
  await act();
  for (;;) {
    const message = await turn.channel.receive().catch(() => undefined) as
      | { kind: string }
      | undefined;
    if (message === undefined || message.kind === "fail") break;
    assert.ok(["changes", "entries", "staged"].includes(message.kind));
  }
  turn.channel.close();
}

const badPaths = [
  "../x",
  "/etc/passwd",
  "a/../../x",
  "a\0b",
  ".sinkd/state.db",
  "a/.sinkd/b",
  "",
  ".",
  "a//b",
  "a/",
  "n".repeat(256),
];

attack(
  "edits with paths that lead elsewhere end the turn",
  async (mallory, world) => {
    for (const path of badPaths) {
      const turn = await taking(mallory, "edits");
      await assertRefused(turn, async () => {
        await turn.send({ kind: "edits", count: 1, more: false });
        await turn.send({
          kind: "entries",
          changes: [{ path, entry: fileOf("x") }],
        });
      });
    }
    const own = [...Deno.readDirSync(`${world.root}/mallory`)].map((e) =>
      e.name
    );
    assert.deepEqual(own.filter((name) => name !== ".sinkd"), []);
  },
);

attack(
  "edits that are no files, or too many, end the turn",
  async (mallory) => {
    const entries = [
      { ...fileOf("x"), mode: 0o4755 },
      { ...fileOf("x"), size: -1 },
      { kind: "device", major: 1 },
      { kind: "link", target: "a\0b" },
      { kind: "link", target: "" },
    ];
    for (const entry of entries) {
      const turn = await taking(mallory, "kinds");
      await assertRefused(turn, async () => {
        await turn.send({ kind: "edits", count: 1, more: false });
        await turn.send({ kind: "entries", changes: [{ path: "f", entry }] });
      });
    }
    for (
      const [count, changes] of [[1e6, []], [2, []], [1, ["f", "g"]]] as const
    ) {
      const turn = await taking(mallory, "counts");
      await assertRefused(turn, async () => {
        await turn.send({ kind: "edits", count, more: false });
        await turn.send({
          kind: "entries",
          changes: changes.map((path) => ({ path, entry: fileOf("x") })),
        });
      });
    }
  },
);

attack(
  "requests for what is not in the list, or without end, end the turn",
  async (mallory) => {
    const wants = [
      { plain: [0], verify: [], last: true },
      { plain: [1e9], verify: [], last: true },
      { plain: [-1], verify: [], last: true },
      { plain: [], verify: ["../x"], last: true },
      { plain: [], verify: [], last: false },
      { plain: Array(100_000).fill(0), verify: [], last: false },
    ];
    for (const want of wants) {
      const turn = await mallory.turn("wants");
      await turn.have();
      await turn.changes();
      await assertRefused(turn, () => turn.send({ kind: "want", ...want }));
    }
  },
);

attack(
  "messages out of order, garbage frames and a cut frame end the turn",
  async (mallory) => {
    for (
      const act of [
        (turn: HostileTurn) => turn.send({ kind: "agreed", more: false }),
        (turn: HostileTurn) => turn.send({ kind: "welcome" }),
        (turn: HostileTurn) => turn.channel.sendData(new Uint8Array(100)),
        (turn: HostileTurn) =>
          turn.send(JSON.parse("[".repeat(1e5) + "]".repeat(1e5))),
      ]
    ) {
      const turn = await mallory.turn("order");
      await assertRefused(turn, () => act(turn));
    }
  },
);

interface Lie {
  readonly name: string;
  /** What is announced. */
  readonly edits: readonly EditChange[];
  /** Makes what rsync finds. */
  readonly make: (directory: string, secret: string) => Promise<void> | void;
  readonly asRoot?: boolean;
}

const SECRET = "the server's own secret";

const lies: readonly Lie[] = [
  {
    name: "a link where a file was announced",
    edits: [edit("f", SECRET)],
    make: (directory, secret) => Deno.symlinkSync(secret, `${directory}/f`),
  },
  {
    name: "a link where a directory was announced, and files below it",
    edits: [
      { path: relativePath("d"), entry: { kind: "directory", mode: 0o755 } },
      edit("d/secret", SECRET),
    ],
    make: (directory, secret) =>
      Deno.symlinkSync(
        secret.slice(0, secret.lastIndexOf("/")),
        `${directory}/d`,
      ),
  },
  {
    name: "another link than was announced",
    edits: [{
      path: relativePath("l"),
      entry: { kind: "link", target: "harmless" },
    }],
    make: (directory, secret) => Deno.symlinkSync(secret, `${directory}/l`),
  },
  {
    name: "a directory where a file was announced",
    edits: [edit("f", "text")],
    make: (directory) => Deno.mkdirSync(`${directory}/f`),
  },
  {
    name: "a named pipe where a file was announced",
    edits: [edit("f", "")],
    make: async (directory) => {
      await new Deno.Command("mkfifo", { args: [`${directory}/f`] }).output();
    },
  },
  {
    name: "a device where a file was announced",
    asRoot: true,
    edits: [edit("f", "")],
    make: async (directory) => {
      await new Deno.Command("mknod", {
        args: [`${directory}/f`, "c", "1", "3"],
      }).output();
    },
  },
  {
    name: "another size than was announced",
    edits: [edit("f", "four")],
    make: (directory) =>
      Deno.writeTextFileSync(`${directory}/f`, "x".repeat(100_000)),
  },
];

for (const { name, edits, make, asRoot = false } of lies) {
  if (asRoot && Deno.uid() !== 0) continue;
  attack(`rsync serves ${name}: it is left out`, async (mallory, world) => {
    const secret = `${world.directory}/secret`;
    Deno.writeTextFileSync(secret, SECRET);
    const directory = `${mallory.machine.home}/lie`;
    Deno.mkdirSync(directory);
    await make(directory, secret);
    const anchor = `lie${machines}`;
    using turn = await taking(mallory, anchor);
    const call = await turn.offer(edits);
    assert.equal(call?.["kind"], "rsync");
    await serveLies(turn.channel, { directory, password: call?.["password"] });
    await turn.expect("rsyncDone");
    await turn.expect("check");
    await turn.send({ kind: "checked", changed: [] });
    const { left } = await turn.expect("committed");
    assert.ok((left as unknown[]).length > 0, "something was left out");
    await turn.send({ kind: "agreed", more: false });
    await turn.expect("bye");
    assertHarmless(`${world.root}/mallory`);
  });
}

attack(
  "rsync serves a setuid file: the bit stays away",
  async (mallory, world) => {
    const directory = `${mallory.machine.home}/setuid`;
    Deno.mkdirSync(directory);
    Deno.writeTextFileSync(`${directory}/f`, "#!/bin/sh\n");
    Deno.chmodSync(`${directory}/f`, 0o6777);
    Deno.utimeSync(`${directory}/f`, 1_700_000_000, 1_700_000_000);
    using turn = await taking(mallory, "setuid");
    const call = await turn.offer([edit("f", "#!/bin/sh\n")]);
    await serveLies(turn.channel, { directory, password: call?.["password"] });
    await turn.expect("rsyncDone");
    await turn.expect("check");
    await turn.send({ kind: "checked", changed: [] });
    assert.deepEqual((await turn.expect("committed"))["left"], []);
    const { mode } = Deno.lstatSync(`${world.root}/mallory/setuid/f`);
    assert.equal((mode ?? 0) & 0o7777, 0o644);
  },
);

/** No link that leads anywhere, nothing but files and directories, no special bits, nothing of the secret. */
function assertHarmless(directory: string): void {
  for (const { name } of Deno.readDirSync(directory)) {
    const full = `${directory}/${name}`;
    const info = Deno.lstatSync(full);
    if (info.isSymlink) {
      assert.match(Deno.readLinkSync(full), /^\/rsyncd-munged\//);
    } else if (info.isDirectory) assertHarmless(full);
    else {
      assert.ok(info.isFile, full);
      assert.equal((info.mode ?? 0) & 0o7000, 0, full);
      assert.ok(!Deno.readTextFileSync(full).includes(SECRET), full);
    }
  }
}

attack(
  "a client that opens its channel and says nothing holds up nobody else",
  async (mallory, world) => {
    using _turn = await mallory.turn("silent");
    const file = `${world.client("desk").files}/beside`;
    Deno.writeTextFileSync(file, `${machines}`);
    await waitFor("alice's file", () => {
      try {
        return Deno.readTextFileSync(
          `${world.client("laptop").files}/beside`,
        ) ===
          `${machines}`;
      } catch {
        return false;
      }
    });
    const report = await world.serverReport();
    assert.equal(report.users.find(({ user }) => user === "mallory")?.queue, 1);
    Deno.removeSync(file);
    await waitFor("it to be gone", () => {
      return ![...Deno.readDirSync(world.client("laptop").files)]
        .some(({ name }) => name === "beside");
    });
  },
);

attack(
  "idle, trickling and garbage connections hold up nobody",
  async (_mallory, world) => {
    const sockets = [];
    for (let n = 0; n < 150; n++) sockets.push(await dialRaw(world));
    for (const socket of sockets.slice(100)) {
      socket.write(crypto.getRandomValues(new Uint8Array(50)));
    }
    const [slow] = sockets.slice(-60, -59);
    slow?.write("SINKD/1\n");
    const file = `${world.client("desk").files}/crowd`;
    Deno.writeTextFileSync(file, "through");
    await world.waitInStep({
      clients: [world.client("laptop"), world.client("desk")],
    });
    for (const socket of sockets) socket.destroy();
    Deno.removeSync(file);
    await world.waitInStep({
      clients: [world.client("laptop"), world.client("desk")],
    });
  },
);

attack(
  "many wrong logins make that address wait, and not who was there before",
  async (mallory, world) => {
    const hello = mallory.hello({
      kind: "Channel",
      version: 1,
      path: "x",
      session: "0".repeat(16),
      token: "0".repeat(32),
    }, { client: "nobody", secret: "guessed" });
    for (let n = 0; n < 40; n++) {
      const channel = await dialRawChannel(world);
      await channel.send({ ...hello, client: `nobody${n}` });
      await channel.receive();
      channel.close();
    }
    const late = world.addMachine("trudy", "late");
    const joined = await late.join(
      (await world.link("trudy")).replace(/:[^:@]+@/, ":wrong@"),
    );
    assert.equal(joined.code, 1);
    assert.match(joined.err, /too many failed joins/);
    assert.equal(
      (await mallory.invited("good")).path,
      "/srv/sinkd/mallory/good",
    );
  },
);
