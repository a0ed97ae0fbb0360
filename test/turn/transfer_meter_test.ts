import assert from "node:assert/strict";
import type {
  ClientMessage,
  EditChange,
  ServerMessage,
} from "../../lib/core/channel_protocol.ts";
import { relativePath } from "../../lib/core/path.ts";
import type { ClientLine, ServerLine } from "../../lib/ports.ts";
import {
  meteredClientLine,
  meteredServerLine,
  TransferMeter,
} from "../../lib/turn/transfer_meter.ts";

const file = (path: string, size: number): EditChange => ({
  path: relativePath(path),
  entry: { kind: "file", size, mtimeMs: 1, mode: 0o644 },
});
const CHANGES: EditChange[] = [
  file("a", 1000),
  { path: relativePath("gone") },
  { path: relativePath("d"), entry: { kind: "directory", mode: 0o755 } },
  file("b", 3000),
];
const STAMP = { date: 20260101, cycle: 1 };

/** A meter with a clock that is set by hand. */
function timed() {
  const clock = { ms: 0 };
  return { clock, meter: new TransferMeter(() => clock.ms) };
}

/** Gives these, again and again. */
function inTurn<T>(...messages: [T, T]): () => Promise<T> {
  let at = 0;
  return () => Promise.resolve(messages[at++ % 2] ?? messages[0]);
}

Deno.test("meteredClientLine() tells what is sent, and how far it is, while the call runs", async () => {
  const { clock, meter } = timed();
  const seen: unknown[] = [];
  const inner: ClientLine = {
    send: () => Promise.resolve(),
    receive: () => Promise.reject(new Error("unused")),
    serveRsync: () => {
      clock.ms += 2000;
      meter.passed("edits", 1000);
      meter.passed("update", 77);
      clock.ms += 2000;
      seen.push(meter.progress());
      meter.passed("edits", 9000);
      seen.push(meter.progress()?.done);
      return Promise.resolve();
    },
  };
  const line = meteredClientLine(inner, meter);
  await line.send({ kind: "edits", count: 4, more: false });
  await line.send({ kind: "entries", changes: CHANGES });
  assert.equal(meter.progress(), undefined);
  await line.serveRsync({ direction: "edits", password: "" });
  assert.deepEqual(seen, [{
    direction: "edits",
    files: 2,
    bytes: 4000,
    done: 1000,
    bytesPerSecond: 250,
    forMs: 4000,
  }, 4000]);
  assert.equal(meter.progress(), undefined);
});

Deno.test("meteredClientLine() counts of an update what is wanted, over both of its calls", async () => {
  const { clock, meter } = timed();
  const seen: unknown[] = [];
  const inner: ClientLine = {
    send: () => Promise.resolve(),
    receive: inTurn<ServerMessage>(
      { kind: "changes", complete: false, count: 4, to: STAMP, more: false },
      { kind: "entries", changes: CHANGES },
    ),
    serveRsync: () => {
      clock.ms += 1000;
      meter.passed("update", 500);
      const { files, bytes, done } = meter.progress() ?? {};
      seen.push([files, bytes, done]);
      return Promise.resolve();
    },
  };
  const line = meteredClientLine(inner, meter);
  await line.receive();
  await line.receive();
  await line.send({ kind: "want", plain: [3], verify: [0], last: true });
  await line.serveRsync({ direction: "update", password: "" });
  await line.serveRsync({ direction: "update", password: "" });
  assert.deepEqual(seen, [[2, 4000, 500], [2, 4000, 1000]]);
});

Deno.test("meteredServerLine() counts the paths of each call, and forgets them with the next list", async () => {
  const { meter } = timed();
  const seen: unknown[] = [];
  const inner: ServerLine = {
    send: () => Promise.resolve(),
    receive: inTurn<ClientMessage>(
      { kind: "edits", count: 4, more: false },
      { kind: "entries", changes: CHANGES },
    ),
    rsync: () => {
      const { files, bytes } = meter.progress() ?? {};
      seen.push([files, bytes]);
      return Promise.resolve({ code: 0, stderr: "" });
    },
  };
  const line = meteredServerLine(inner, meter);
  const call = (...paths: string[]) =>
    line.rsync({
      direction: "edits",
      local: "",
      remote: "",
      compareDest: "",
      verify: false,
      transfer: { compress: false, partial: true, checksum: false },
      paths: paths.map(relativePath),
    });
  for (let round = 0; round < 2; round++) {
    await line.receive();
    await line.receive();
    await call("a");
    await call("b");
  }
  assert.deepEqual(seen, [[1, 1000], [2, 4000], [1, 1000], [2, 4000]]);
});

Deno.test("TransferMeter tells the rate of the last seconds, also when nothing passes any more", () => {
  const { clock, meter } = timed();
  meter.announce();
  meter.entries([file("a", 1e9)]);
  meter.begin("edits");
  for (let second = 0; second < 60; second++) {
    clock.ms += 1000;
    meter.passed("edits", second < 30 ? 1_000_000 : 2000);
  }
  const rate = meter.progress()?.bytesPerSecond ?? 0;
  assert.ok(rate > 1000 && rate < 4000, `${rate}`);
  clock.ms += 600_000;
  assert.ok((meter.progress()?.bytesPerSecond ?? 0) < 100);
});
