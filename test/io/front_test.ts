import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import { openFront } from "../../lib/io/front.ts";
import {
  ChannelInbox,
  closed,
  frontFixture,
  rawConnection,
} from "./front_fixture.ts";

Deno.test("openFront() hands on MQTT whole and closes what it does not know", async () => {
  const streams: Duplex[] = [];
  await using fixture = await frontFixture({
    onMqtt: (stream) => streams.push(stream),
  });
  for (const garbage of ["GET / HTTP/1.1\r\n\r\n", "SINKD/2\n", "\0", "SX"]) {
    const socket = await rawConnection(fixture);
    socket.write(garbage);
    await closed(socket);
  }
  assert.equal(streams.length, 0);

  const socket = await rawConnection(fixture);
  socket.write(new Uint8Array([0x10, 2, 3, 4]));
  while (streams.length === 0) await new Promise((r) => setTimeout(r, 1));
  const [stream] = streams;
  assert.ok(stream);
  assert.deepEqual([...stream.read() as Uint8Array], [0x10, 2, 3, 4]);
  socket.destroy();
  await closed(socket);
});

Deno.test("openFront() finds the magic line when it comes in pieces", async () => {
  const inbox = new ChannelInbox();
  await using fixture = await frontFixture(inbox);
  const socket = await rawConnection(fixture);
  const bytes = new TextEncoder().encode('SINKD/1\n\0\0\0\x04\0"hi"');
  for (const byte of bytes) {
    await new Promise<void>((resolve) =>
      socket.write(new Uint8Array([byte]), () => resolve())
    );
  }
  await using channel = await inbox.next();
  assert.equal(await channel.receive(), "hi");
  socket.destroy();
  await closed(socket);
});

Deno.test("openFront() lives on and closes cleanly when peers talk no TLS or nothing at all", async () => {
  const inbox = new ChannelInbox();
  await using fixture = await frontFixture(inbox);
  const { host: hostname, port } = fixture.front;
  const silent = await Deno.connect({ hostname, port });
  const garbage = await Deno.connect({ hostname, port });
  await garbage.write(crypto.getRandomValues(new Uint8Array(4096)));
  const buffer = new Uint8Array(100);
  for (;;) {
    const length = await garbage.read(buffer).catch(() => null);
    if (length === null) break;
  }
  garbage.close();
  const open = await rawConnection(fixture);
  open.write("SINKD/1\n");
  await inbox.next();
  await fixture.front[Symbol.asyncDispose]();
  assert.equal(await silent.read(buffer).catch(() => null), null);
  silent.close();
  await closed(open);
});

Deno.test("openFront() throws when the port is taken", async () => {
  await using fixture = await frontFixture({});
  await assert.rejects(
    openFront({
      host: "127.0.0.1",
      port: fixture.front.port,
      ...fixture.certificate,
    }, { onMqtt: () => {}, onChannel: () => {} }),
    /Cannot listen on 127\.0\.0\.1:\d+/,
  );
});
