/**
 * How long either end of a channel waits for the other: a peer that says nothing, takes nothing, or
 * does not end a call of rsync holds nobody for ever.
 */
import assert from "node:assert/strict";
import type { ServerMessage } from "../../lib/core/channel_protocol.ts";
import { relativePath } from "../../lib/core/path.ts";
import { sayBusyLater } from "../../lib/daemon/busy_word.ts";
import { answerLine } from "../../lib/io/proof_lines.ts";
import { callRsync } from "../../lib/io/rsync_call.ts";
import { clientLine, serverLine } from "../../lib/io/turn_lines.ts";
import { channelPair } from "../support/channel_pair.ts";
import { PLAIN } from "../support/client_rig.ts";
import { tempDirectory } from "../support/temp.ts";
import { pause } from "../support/waiting.ts";

const BYE: ServerMessage = { kind: "bye", stamp: { date: 0, cycle: 0 } };
const LONG_MS = 600_000;
const runDirectory = "/nowhere";

Deno.test("serverLine() ends a channel whose client has nothing to say at first", async () => {
  const { server, client } = channelPair();
  const line = serverLine(server, {
    runDirectory,
    silenceMs: LONG_MS,
    firstMs: 50,
  });
  await assert.rejects(line.receive(), /nothing came for 0\.05 s/);
  await assert.rejects(client.receive(), /cut/);
});

Deno.test("serverLine() lets a client that has said something be silent for longer", async () => {
  const { server, client } = channelPair();
  const firstMs = 100;
  const line = serverLine(server, {
    runDirectory,
    silenceMs: LONG_MS,
    firstMs,
  });
  await client.send({ kind: "busy" });
  assert.deepEqual(await line.receive(), { kind: "busy" });
  const next = line.receive();
  await pause(3 * firstMs);
  await client.send({ kind: "agreed", more: false });
  assert.deepEqual(await next, { kind: "agreed", more: false });
});

const ENDS = {
  "serverLine()": (channel: ReturnType<typeof channelPair>["server"]) =>
    serverLine(channel, { runDirectory, silenceMs: 50, firstMs: LONG_MS }),
  "clientLine()": (channel: ReturnType<typeof channelPair>["server"]) => {
    const line = clientLine(channel, {
      runDirectory,
      silenceMs: 50,
      root: "/nowhere",
      only: undefined,
    });
    return { send: () => line.send({ kind: "agreed", more: false }) };
  },
};
for (const [name, open] of Object.entries(ENDS)) {
  Deno.test(`${name} ends a channel whose other side takes nothing`, async () => {
    const { server } = channelPair();
    const line = open(server);
    await assert.rejects(async () => {
      for (;;) await line.send(BYE);
    }, /nothing was taken for 0\.05 s/);
  });
}

Deno.test("answerLine() ends a channel whose client asks for nothing", async () => {
  const { server, client } = channelPair();
  await assert.rejects(answerLine(server, 50).receive(), /nothing came/);
  await assert.rejects(client.receive(), /cut/);
});

Deno.test("callRsync() gives up on a client that does not end its side when rsync has ended here", async () => {
  await using temp = tempDirectory();
  const { server, client } = channelPair();
  const ended = callRsync(server, {
    direction: "edits",
    local: `${temp.path}/stage`,
    remote: "",
    compareDest: temp.path,
    verify: false,
    transfer: PLAIN,
    paths: [relativePath("file")],
    password: "0".repeat(32),
    runDirectory: `${temp.path}/run`,
    signal: AbortSignal.abort(),
    lateMs: 50,
  });
  await assert.rejects(ended, /cut/);
  await assert.rejects(client.receive(), /cut/);
});

Deno.test("sayBusyLater() says so when something takes long, and else nothing", async () => {
  const { server, client } = channelPair();
  {
    using _quick = sayBusyLater(client);
  }
  using _slow = sayBusyLater(client);
  const line = serverLine(server, {
    runDirectory,
    silenceMs: LONG_MS,
    firstMs: LONG_MS,
  });
  assert.deepEqual(await line.receive(), { kind: "busy" });
  await client.send({ kind: "agreed", more: false });
  assert.deepEqual(await line.receive(), { kind: "agreed", more: false });
});
