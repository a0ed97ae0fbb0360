/**
 * What a client with true credentials, but without manners, can do to a server and to other users
 * over data channels: nothing.
 */
import assert from "node:assert/strict";
import type { EditChange } from "../../lib/core/channel_protocol.ts";
import { relativePath } from "../../lib/core/path.ts";
import { attacksOn } from "../support/attacks.ts";
import { lacking, LACKS_ROOT } from "../support/needs.ts";
import {
  dialRaw,
  dialRawChannel,
  type HostileClient,
  type HostileTurn,
} from "../support/hostile_client.ts";
import { serveLies } from "../support/lying_rsync.ts";
import { waitFor } from "../support/waiting.ts";
import { PATIENCE_MS } from "../support/waiting.ts";

const { attack, fresh } = attacksOn("embedded");

function fileOf(text: string, mtimeMs = 1_700_000_000_000) {
  return { kind: "file" as const, size: text.length, mtimeMs, mode: 0o644 };
}

function edit(path: string, text: string): EditChange {
  return { path: relativePath(path), entry: fileOf(text) };
}

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
  const served = `rsync serves ${name}: it is left out`;
  lacking(attack, asRoot ? LACKS_ROOT : undefined)(
    served,
    async (mallory, world) => {
      const secret = `${world.directory}/secret`;
      Deno.writeTextFileSync(secret, SECRET);
      const directory = `${mallory.machine.home}/lie`;
      Deno.mkdirSync(directory);
      await make(directory, secret);
      const anchor = `lie${fresh()}`;
      using turn = await taking(mallory, anchor);
      const call = await turn.offer(edits);
      assert.equal(call?.["kind"], "rsync");
      await serveLies(turn.channel, {
        directory,
        password: call?.["password"],
      });
      await turn.expect("rsyncDone");
      await turn.expect("check");
      await turn.send({ kind: "checked", changed: [] });
      const { left } = await turn.expect("committed");
      assert.ok((left as unknown[]).length > 0, "something was left out");
      await turn.send({ kind: "agreed", more: false });
      await turn.expect("bye");
      assertHarmless(`${world.root}/mallory`);
    },
  );
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

/** A directory or file in rsync's own list: what was asked for, and what comes instead. */
const forgeries = [
  { name: "a name above the directory", path: "ab/evil", from: "ab", to: ".." },
  {
    name: "an absolute name",
    path: "xtmp/sinkd-evil",
    from: "xtmp",
    to: "/tmp",
  },
  {
    name: "a name that was not asked for",
    path: "evil1",
    from: "evil1",
    to: "evil2",
  },
  {
    name: "a name of sinkd's own",
    path: "xsinkd/evil",
    from: "xsinkd",
    to: ".sinkd",
  },
] as const;

for (const { name, path, from, to } of forgeries) {
  attack(
    `rsync's list has ${name}: the call is refused`,
    async (mallory, world) => {
      const directory = `${mallory.machine.home}/forged`;
      const above = path.slice(0, Math.max(path.indexOf("/"), 0));
      Deno.mkdirSync(`${directory}/${above}`, { recursive: true });
      Deno.writeTextFileSync(`${directory}/${path}`, SECRET);
      const anchor = `forged${fresh()}`;
      using turn = await taking(mallory, anchor);
      const call = await turn.offer([edit(path, SECRET)]);
      assert.equal(call?.["kind"], "rsync");
      const forged = await serveLies(turn.channel, {
        directory,
        password: call?.["password"],
        forged: { from, to },
      });
      assert.equal(forged, 1);
      const done = await turn.expect("rsyncDone");
      assert.notEqual(done["code"], 0);
      turn.channel.close();
      await waitFor(
        "the turn to end",
        async () => (await world.serverReport()).state === "Sinkd",
      );
      const found = await new Deno.Command("find", {
        args: [world.root, "/tmp/sinkd-evil", "-name", "*evil*"],
      }).output();
      assert.equal(new TextDecoder().decode(found.stdout), "");
      assertHarmless(`${world.root}/mallory`);
    },
  );
}

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
  "a comparison whose patterns cost too much is given up",
  async (mallory, world) => {
    const names = Array.from({ length: 15 }, () => "a".repeat(250));
    const entry = { kind: "directory", mode: 0o755 };
    using turn = await taking(mallory, "costly");
    const check = await turn.offer(
      names.map((_, at) => ({ path: names.slice(0, at + 1).join("/"), entry })),
    );
    assert.equal(check?.["kind"], "check");
    await turn.send({ kind: "checked", changed: [] });
    assert.deepEqual((await turn.expect("committed"))["left"], []);
    await turn.send({ kind: "agreed", more: false });
    await turn.expect("bye");
    const head = (await world.serverReport()).users
      .find(({ user }) => user === "mallory");
    const { user, client, secret } = mallory.machine.credentials();
    const compare = async (excludes: string[]) => {
      const channel = await dialRawChannel(world);
      await channel.send({ kind: "proof", version: 1, user, client, secret });
      const { epoch, stamp } = head ?? {};
      const ask = { kind: "prove", path: "costly", epoch, stamp, excludes };
      await channel.send({ ...ask, single: false, recheck: false });
      const said = await channel.receive().catch(() => undefined);
      channel.close();
      return (said as { kind: string } | undefined)?.kind;
    };
    assert.equal(await compare(["*.tmp", "/x/**/y"]), "sums");
    const costly = Array(1000).fill(`**${"a".repeat(30)}**${"a".repeat(30)}b`);
    const startMs = performance.now();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => compare(costly)),
    );
    assert.ok(performance.now() - startMs < PATIENCE_MS);
    assert.deepEqual(new Set(all), new Set([undefined]));
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
