import assert from "node:assert/strict";
import { testInWorld } from "../support/shared_world.ts";
import { waitFor } from "../support/waiting.ts";

const BYTES = 6_000_000;

testInWorld(
  "status() tells a transfer under way with bytes and rate, and what waits for it, on all sides",
  { clients: { alice: ["a", "b"] } },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    for (const client of [a, b]) {
      const slowly = `\n[rsync]\nbwlimit = "600k"\n`;
      client.configure(client.anchorText(client.files, "files") + slowly);
      assert.equal((await client.sinkd("client", "reload")).code, 0);
    }
    await world.waitInStep();
    const noise = new Uint8Array(BYTES);
    for (let at = 0; at < BYTES; at += 50_000) {
      crypto.getRandomValues(noise.subarray(at, at + 50_000));
    }
    Deno.writeFileSync(`${a.files}/large`, noise);
    const sent = await waitFor("what is sent", async () => {
      const { transfer } = await a.anchor();
      return transfer !== undefined && transfer.done > 0 ? transfer : undefined;
    });
    assert.deepEqual(
      [sent.direction, sent.files, sent.bytes],
      ["send", 1, BYTES],
    );
    assert.ok(sent.done < BYTES && sent.bytesPerSecond > 0);
    Deno.writeTextFileSync(`${a.files}/next`, "waits");
    await waitFor("the next one to wait", async () => {
      const { pending, transfer } = await a.anchor();
      return transfer === undefined || pending > 1;
    });
    const { code, out } = await a.sinkd("status");
    assert.equal(code, 1);
    assert.match(
      out,
      /^Working: .*files: sending 1 file: [\d.]+ [kM]B of 6 MB, [\d.]+ kB\/s, about \d+ s left\. 1 change waits for it\.\n/,
    );
    const user = (await world.serverReport()).users[0];
    assert.deepEqual(
      user?.transfers?.map(({ client, path, direction }) => [
        client,
        path,
        direction,
      ]),
      [["a", "files", "receive"]],
    );
    const server = await world.sinkd("status", "--pid", world.server.pidFile);
    assert.equal(server.code, 1);
    assert.match(server.out, /^Working: alice\/a, files: receiving 1 file: /);
    await waitFor(
      "what is received",
      async () => (await b.anchor()).transfer?.direction === "receive",
      { limitMs: 60_000 },
    );
    assert.match((await b.sinkd("status")).out, /receiving [12] files?: /);
    await world.waitInStep({ limitMs: 60_000 });
    assert.equal((await a.anchor()).transfer, undefined);
  },
);
