import assert from "node:assert/strict";
import { ZERO_STAMP } from "../../lib/core/stamp.ts";
import { anchorRig } from "../support/anchor_rig.ts";
import { channelPair } from "../support/channel_pair.ts";

const WELCOME = {
  kind: "welcome",
  epoch: "0123456789abcdef",
  head: ZERO_STAMP,
};

Deno.test("turn() says that it is busy when the anchor has other work to do first, and then goes on", async () => {
  await using rig = anchorRig({
    prepare: (directory) => Deno.mkdirSync(`${directory}/files`),
  });
  const first = channelPair();
  const second = channelPair();
  const other = rig.anchor.turn(first.client);
  const turn = rig.anchor.turn(second.client);
  const ended = Promise.allSettled([other, turn]);
  // The server of the first one says nothing; that of the second hears why it must wait.
  assert.deepEqual(await second.server.receive(), { kind: "busy" });
  first.cut();
  await second.server.send(WELCOME);
  const have = await second.server.receive() as { kind: string };
  assert.equal(have.kind, "have");
  second.cut();
  const [one, two] = await ended;
  assert.equal(one.status, "rejected");
  assert.equal(two.status, "rejected");
});

Deno.test("turn() says nothing of it when it goes at once", async () => {
  await using rig = anchorRig({
    prepare: (directory) => Deno.mkdirSync(`${directory}/files`),
  });
  const { server, client, cut } = channelPair();
  const turn = Promise.allSettled([rig.anchor.turn(client)]);
  await server.send(WELCOME);
  const have = await server.receive() as { kind: string };
  assert.equal(have.kind, "have");
  cut();
  await turn;
});
