import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Visitor } from "../../lib/io/front.ts";
import { waitFor } from "../support/waiting.ts";
import { closed, frontFixture, rawConnection } from "./front_fixture.ts";

const CONNECT = new Uint8Array([0x10, 2, 3, 4]);

/** Keeps what the front hands on. */
function visits() {
  const taken: { stream: Duplex; visitor: Visitor }[] = [];
  return {
    taken,
    handlers: {
      onMqtt: (stream: Duplex, visitor: Visitor) => {
        taken.push({ stream, visitor });
      },
    },
  };
}

async function end(...sockets: TLSSocket[]): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await Promise.all(sockets.map(closed));
}

Deno.test("openFront() ends the oldest that is not admitted when an address has too many", async () => {
  const { taken, handlers } = visits();
  await using fixture = await frontFixture(handlers, { waitingOfAddress: 3 });
  const first = await rawConnection(fixture);
  first.write(CONNECT);
  const { visitor } = await waitFor("the first", () => taken[0]);
  assert.equal(visitor.address, "127.0.0.1");
  visitor.admit();
  const idle: TLSSocket[] = [];
  for (let n = 0; n < 6; n++) idle.push(await rawConnection(fixture));
  await Promise.all(idle.slice(0, 3).map(closed));
  assert.deepEqual(idle.map((socket) => socket.destroyed), [
    ...[true, true, true],
    ...[false, false, false],
  ]);
  assert.ok(!first.destroyed);
  await end(first, ...idle);
});

Deno.test("openFront() serves a newcomer beside many idle connections", async () => {
  const { taken, handlers } = visits();
  await using fixture = await frontFixture(handlers, { waiting: 20 });
  const idle: TLSSocket[] = [];
  for (let n = 0; n < 60; n++) idle.push(await rawConnection(fixture));
  const socket = await rawConnection(fixture);
  socket.write(CONNECT);
  await waitFor("the newcomer", () => taken[0]);
  await end(socket, ...idle);
});

Deno.test("openFront() bounds the connections of one address, admitted or not", async () => {
  const { taken, handlers } = visits();
  await using fixture = await frontFixture(handlers, { ofAddress: 2 });
  const both = [await rawConnection(fixture), await rawConnection(fixture)];
  for (const socket of both) socket.write(CONNECT);
  await waitFor("both", () => taken.length === 2);
  for (const { visitor } of taken) visitor.admit();
  await assert.rejects(rawConnection(fixture));
  await end(...both);
  await waitFor("room", async () => {
    try {
      await end(await rawConnection(fixture));
      return true;
    } catch {
      return false;
    }
  });
});

Deno.test("openFront() ends who trickles bytes and is not admitted in time", async () => {
  const { handlers } = visits();
  await using fixture = await frontFixture(handlers, { admitMs: 300 });
  const { host: hostname, port } = fixture.front;
  const half = await Deno.connect({ hostname, port });
  const slow = await rawConnection(fixture);
  slow.write(CONNECT);
  const trickle = setInterval(() => slow.write(new Uint8Array([1])), 20);
  // A TLS record of 16 KiB is announced, and comes a byte at a time.
  await half.write(new Uint8Array([0x16, 3, 1, 0x40, 0]));
  const dribble = setInterval(() => {
    half.write(new Uint8Array([1])).catch(() => {});
  }, 20);
  const buffer = new Uint8Array(64);
  const halfEnded = half.read(buffer).catch(() => null);
  await closed(slow);
  clearInterval(trickle);
  assert.equal(await halfEnded, null);
  clearInterval(dribble);
  half.close();
});

Deno.test("openFront() takes no large hello, and no data before it", async () => {
  const failures: unknown[] = [];
  await using fixture = await frontFixture({
    onChannel: (channel) => {
      channel.receive().catch((error) => {
        failures.push(error);
        channel.close();
      });
    },
  }, {});
  const header = (length: number, kind: number) => {
    const bytes = new Uint8Array(5);
    new DataView(bytes.buffer).setUint32(0, length);
    bytes[4] = kind;
    return bytes;
  };
  for (const bytes of [header(16_385, 0), header(100, 1), header(0, 2)]) {
    const socket = await rawConnection(fixture);
    socket.write("SINKD/1\n");
    socket.write(bytes);
    await closed(socket);
  }
  assert.equal(failures.length, 3);
  for (const failure of failures) {
    assert.match(String(failure), /Cannot read frame/);
  }
});
