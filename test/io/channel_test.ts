import assert from "node:assert/strict";
import { type Channel, dialChannel } from "../../lib/io/channel.ts";
import { ensureCertificate } from "../../lib/io/certificate.ts";
import {
  ChannelInbox,
  closed,
  type FrontFixture,
  frontFixture,
  rawConnection,
} from "./front_fixture.ts";

const MIB = 1024 * 1024;

interface Pair extends AsyncDisposable {
  readonly client: Channel;
  readonly server: Channel;
  readonly fixture: FrontFixture;
}

async function channelPair(): Promise<Pair> {
  const inbox = new ChannelInbox();
  const fixture = await frontFixture(inbox);
  const client = await dial(fixture);
  const server = await inbox.next();
  return {
    client,
    server,
    fixture,
    async [Symbol.asyncDispose]() {
      client.close();
      server.close();
      await fixture[Symbol.asyncDispose]();
    },
  };
}

function dial(
  fixture: FrontFixture,
  signal = new AbortController().signal,
): Promise<Channel> {
  return dialChannel({
    host: fixture.front.host,
    port: fixture.front.port,
    certPems: [fixture.certificate.certPem],
    signal,
  });
}

async function pump(
  from: Channel,
  to: Channel,
  bytes: number,
): Promise<number> {
  const chunk = new Uint8Array(256 * 1024);
  for (let at = 0; at < chunk.length; at++) chunk[at] = at * 31;
  const startMs = performance.now();
  const sending = (async () => {
    for (let sent = 0; sent < bytes; sent += chunk.length) {
      await from.sendData(chunk);
    }
    await from.endData();
  })();
  let got = 0;
  for (;;) {
    const data = await to.readData();
    if (data === undefined) break;
    assert.equal(data[1000], chunk[1000]);
    got += data.length;
  }
  await sending;
  assert.equal(got, bytes);
  return bytes / MIB / ((performance.now() - startMs) / 1000);
}

Deno.test("Channel carries 64 MiB each way when both ends read", async () => {
  await using pair = await channelPair();
  const up = await pump(pair.client, pair.server, 64 * MIB);
  const down = await pump(pair.server, pair.client, 64 * MIB);
  const [both] = await Promise.all([
    pump(pair.client, pair.server, 16 * MIB),
    pump(pair.server, pair.client, 16 * MIB),
  ]);
  // deno-lint-ignore no-console -- a figure that the README quotes
  console.log(
    `channel MiB/s: up ${up.toFixed()}, down ${down.toFixed()}, both ways at once ${both.toFixed()} each`,
  );
});

Deno.test("Channel answers a small message in under 5 ms when the line is idle", async () => {
  await using pair = await channelPair();
  const echo = (async () => {
    for (;;) {
      const message = await pair.server.receive();
      if (message === undefined) return;
      await pair.server.send(message);
    }
  })();
  const times: number[] = [];
  for (let n = 0; n < 50; n++) {
    const startMs = performance.now();
    await pair.client.send({ n });
    assert.deepEqual(await pair.client.receive(), { n });
    times.push(performance.now() - startMs);
  }
  times.sort((left, right) => left - right);
  // deno-lint-ignore no-console -- a figure that the README quotes
  console.log(`channel round trip: median ${times[25]?.toFixed(2)} ms`);
  // On a busy machine most take longer; what waits for more bytes always does.
  assert.ok((times[0] ?? Infinity) < 5);
  await pair.client[Symbol.asyncDispose]();
  await echo;
});

Deno.test("Channel makes the sender wait when the reader does not read", async () => {
  for (const direction of ["up", "down"] as const) {
    await using pair = await channelPair();
    const [from, to] = direction === "up"
      ? [pair.client, pair.server]
      : [pair.server, pair.client];
    const chunk = new Uint8Array(256 * 1024);
    const total = 256;
    let sent = 0;
    const sending = (async () => {
      for (; sent < total; sent++) await from.sendData(chunk);
      await from.endData();
    })();
    await untilStill(() => sent);
    assert.ok(sent < 96, `${sent} chunks were sent ${direction} unread`);
    let got = 0;
    for (;;) {
      const data = await to.readData();
      if (data === undefined) break;
      got += data.length;
    }
    await sending;
    assert.equal(got, total * chunk.length);
  }
});

/** Waits until `value` has not changed for 20 looks, 10 ms apart. */
async function untilStill(value: () => number): Promise<void> {
  let last = -1;
  for (let still = 0; still < 20;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    still = value() === last ? still + 1 : 0;
    last = value();
  }
}

Deno.test("receive() tells a closed peer from a cut and from the wrong frame", async () => {
  await using pair = await channelPair();
  await pair.client.send("last");
  await pair.client[Symbol.asyncDispose]();
  assert.equal(await pair.server.receive(), "last");
  assert.equal(await pair.server.receive(), undefined);
  await assert.rejects(pair.server.readData(), /closed before its end/);

  await using other = await channelPair();
  await other.server.send("last");
  await other.server.sendData(new Uint8Array(1));
  await other.server[Symbol.asyncDispose]();
  assert.equal(await other.client.receive(), "last");
  await assert.rejects(other.client.receive(), /the peer sent data/);
  assert.equal(await other.client.receive(), undefined);
});

Deno.test("receive() throws when the connection is cut inside a frame or the frame is garbage", async () => {
  const inbox = new ChannelInbox();
  await using fixture = await frontFixture(inbox);
  for (
    const [bytes, expected] of [
      ["SINKD/1\n\x00\x00", /cut in it|closed/],
      ["SINKD/1\n\xff\xff\xff\xff\x00", /over the limit/],
      ["SINKD/1\nGET / HTTP/1.1", /unknown|limit/],
    ] as const
  ) {
    const socket = await rawConnection(fixture);
    socket.end(bytes, "latin1");
    await using channel = await inbox.next();
    await assert.rejects(channel.receive(), expected);
    socket.destroy();
    await closed(socket);
  }
});

Deno.test("send() rejects and nothing leaks when the peer is gone", async () => {
  await using pair = await channelPair();
  pair.server.close();
  assert.equal(await pair.client.receive(), undefined);
  await assert.rejects(async () => {
    for (let n = 0; n < 1000; n++) {
      await pair.client.sendData(new Uint8Array(256 * 1024));
    }
  });
});

Deno.test("a pending read ends when its own side closes the channel", async () => {
  await using pair = await channelPair();
  const client = pair.client.receive();
  const server = pair.server.receive();
  pair.client.close();
  pair.server.close();
  assert.equal(await client, undefined);
  assert.equal(await server, undefined);
});

Deno.test("dialChannel() refuses the server when its certificate is not the pinned one", async () => {
  await using fixture = await frontFixture({});
  const directory = await Deno.makeTempDir();
  const other = await ensureCertificate(directory);
  await Deno.remove(directory, { recursive: true });
  await assert.rejects(
    dialChannel({
      host: fixture.front.host,
      port: fixture.front.port,
      certPems: [other.certPem],
      signal: new AbortController().signal,
    }),
    /Cannot connect to the server at 127\.0\.0\.1/,
  );
});

Deno.test("dialChannel() ends dialling and the channel when its signal says so", async () => {
  const inbox = new ChannelInbox();
  await using fixture = await frontFixture(inbox);
  await assert.rejects(
    dial(fixture, AbortSignal.abort(new Error("enough"))),
    /enough/,
  );

  const stop = new AbortController();
  const channel = await dial(fixture, stop.signal);
  const pending = channel.receive();
  stop.abort();
  assert.equal(await pending, undefined);
  await using server = await inbox.next();
  assert.equal(await server.receive(), undefined);
});

Deno.test("dialChannel() ends when its signal says so while the server does not answer the handshake", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stop = new AbortController();
  const dialling = dialChannel({
    host: "127.0.0.1",
    port: silent.addr.port,
    certPems: [],
    signal: stop.signal,
  });
  const connection = await silent.accept();
  stop.abort(new Error("enough"));
  await assert.rejects(dialling, /Cannot connect/);
  connection.close();
  silent.close();
});
