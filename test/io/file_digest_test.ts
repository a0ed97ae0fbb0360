import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DigestReader, type Pace } from "../../lib/io/file_digest.ts";
import { tempDirectory } from "../support/temp.ts";

const MIB = 1024 * 1024;

/** A reader whose rests are counted and take no time. */
function openReader(signal = new AbortController().signal) {
  const rests: number[] = [];
  const reader = new DigestReader((ms) => {
    rests.push(ms);
    return Promise.resolve();
  }, signal);
  return { reader, rests };
}

const pace: Pace = { bytesPerSecond: MIB, restPerWork: 0 };

Deno.test("read() gives the SHA-256 of a file of any size", async () => {
  await using directory = tempDirectory();
  const { reader } = openReader();
  for (const size of [0, 1, MIB - 1, MIB, 3 * MIB + 7]) {
    const bytes = new Uint8Array(size).fill(size % 251);
    const full = `${directory.path}/f`;
    Deno.writeFileSync(full, bytes);
    const expected = createHash("sha256").update(bytes).digest("hex");
    assert.equal(await reader.read(full, () => pace), expected);
  }
});

Deno.test("read() rests as its pace says, by bytes and by work", async () => {
  await using directory = tempDirectory();
  const full = `${directory.path}/f`;
  Deno.writeFileSync(full, new Uint8Array(5 * MIB));
  const total = async (used: Pace) => {
    const { reader, rests } = openReader();
    await reader.read(full, () => used);
    return rests.reduce((sum, ms) => sum + ms, 0);
  };
  assert.equal(await total(pace), 5000);
  assert.equal(await total({ bytesPerSecond: 5 * MIB, restPerWork: 0 }), 1000);
  assert.ok(await total({ bytesPerSecond: 1e12, restPerWork: 10_000 }) > 100);
});

Deno.test("read() puts the rests of small files together", async () => {
  await using directory = tempDirectory();
  const full = `${directory.path}/f`;
  Deno.writeFileSync(full, new Uint8Array(MIB / 1000));
  const { reader, rests } = openReader();
  for (let count = 0; count < 100; count++) await reader.read(full, () => pace);
  assert.ok(rests.length < 15, `${rests.length}`);
  assert.ok(rests.every((ms) => ms >= 10));
});

Deno.test("read() gives nothing for what is not there", async () => {
  await using directory = tempDirectory();
  const { reader } = openReader();
  const read = await reader.read(`${directory.path}/none`, () => pace);
  assert.equal(read, undefined);
});

Deno.test("read() ends when it is to stop", async () => {
  await using directory = tempDirectory();
  const full = `${directory.path}/f`;
  Deno.writeFileSync(full, new Uint8Array(2 * MIB));
  const stop = new AbortController();
  stop.abort(new Error("stopped"));
  const { reader } = openReader(stop.signal);
  await assert.rejects(reader.read(full, () => pace), /stopped/);
});
