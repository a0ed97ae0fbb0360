import assert from "node:assert/strict";
import type { ControlReply, ControlRequest } from "../../lib/core/control.ts";
import { askControl, openControl } from "../../lib/io/control.ts";
import { readLine, writeAll } from "../../lib/io/lines.ts";

async function inDirectory(
  run: (socket: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await run(`${directory}/sinkd.sock`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function sendRaw(socket: string, text: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path: socket });
  await writeAll(connection, text);
  const line = await readLine(connection, 1_000_000);
  return line.kind === "line" ? line.text : line.kind;
}

const done = (): Promise<ControlReply> => Promise.resolve({ ok: true });

Deno.test("askControl() carries request and reply when something listens", () =>
  inDirectory(async (socket) => {
    const seen: ControlRequest[] = [];
    await using _control = await openControl(socket, (request) => {
      seen.push(request);
      return Promise.resolve({ ok: true, message: "paused /home/a" });
    });
    const reply = await askControl(socket, {
      command: "pause",
      path: "/home/a",
    });
    assert.deepEqual(reply, { ok: true, message: "paused /home/a" });
    assert.deepEqual(seen, [{ command: "pause", path: "/home/a" }]);
  }));

Deno.test("askControl() gives nothing when nothing listens", () =>
  inDirectory(async (socket) => {
    assert.equal(await askControl(socket, { command: "status" }), undefined);
    const listener = Deno.listen({ transport: "unix", path: socket });
    await Deno.rename(socket, `${socket}.stale`);
    listener.close();
    await Deno.rename(`${socket}.stale`, socket);
    assert.equal(await askControl(socket, { command: "status" }), undefined);
  }));

Deno.test("openControl() replaces a stale socket and is for its owner alone", () =>
  inDirectory(async (socket) => {
    await Deno.writeTextFile(socket, "");
    {
      await using _control = await openControl(socket, done);
      const mode = (await Deno.lstat(socket)).mode ?? 0;
      assert.equal(mode & 0o777, 0o600);
      assert.deepEqual(await askControl(socket, { command: "status" }), {
        ok: true,
      });
    }
    await assert.rejects(Deno.lstat(socket), Deno.errors.NotFound);
  }));

Deno.test("openControl() refuses what is no request and goes on", () =>
  inDirectory(async (socket) => {
    await using _control = await openControl(socket, done);
    for (const text of ["\n", "{}\n", "\u0000\n", '{"command":"x"}\n']) {
      assert.match(await sendRaw(socket, text), /"ok":false.*request is wrong/);
    }
    assert.match(
      await sendRaw(socket, "x".repeat(65_536)),
      /"ok":false.*too long/,
    );
    assert.deepEqual(await askControl(socket, { command: "stop" }), {
      ok: true,
    });
  }));

Deno.test("openControl() answers with the error when the handler throws", () =>
  inDirectory(async (socket) => {
    await using _control = await openControl(
      socket,
      () => Promise.reject(new Error("Cannot pause: it is raining")),
    );
    assert.deepEqual(await askControl(socket, { command: "pause" }), {
      ok: false,
      message: "Cannot pause: it is raining",
      exitCode: 1,
    });
  }));

Deno.test("openControl() sends the reply in progress when it is closed, and drops idle peers", () =>
  inDirectory(async (socket) => {
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const control = await openControl(socket, async () => {
      started.resolve();
      await finish.promise;
      return { ok: true, message: "late" };
    });
    using idle = await Deno.connect({ transport: "unix", path: socket });
    const asked = askControl(socket, { command: "stop" });
    await started.promise;
    const closed = control[Symbol.asyncDispose]();
    finish.resolve();
    await closed;
    assert.deepEqual(await asked, { ok: true, message: "late" });
    assert.deepEqual(await readLine(idle, 10), { kind: "ended" });
  }));

Deno.test("openControl() bounds the number of connections", () =>
  inDirectory(async (socket) => {
    await using _control = await openControl(socket, done);
    const idle: Deno.UnixConn[] = [];
    for (let count = 0; count < 64; count++) {
      idle.push(await Deno.connect({ transport: "unix", path: socket }));
    }
    await assert.rejects(
      askControl(socket, { command: "status" }),
      /Cannot ask the process/,
    );
    for (const connection of idle) connection.close();
  }));

Deno.test("openControl() says what to do when the path is too long", () =>
  inDirectory(async (socket) => {
    await assert.rejects(
      openControl(`${socket}${"x".repeat(100)}`, done),
      /name a shorter place with --pid FILE/,
    );
  }));
