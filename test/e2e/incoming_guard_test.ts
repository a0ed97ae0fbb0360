/** Deletions that come in by the mass wait for a person on the machine that they come to. */
import assert from "node:assert/strict";
import { testInWorld } from "../support/shared_world.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const COUNT = 150;

/** `b` makes the files, `a` deletes most of them and says that it is meant. */
async function deleteMost(world: World): Promise<[WorldClient, WorldClient]> {
  const [a, b] = [world.client("a"), world.client("b")];
  Deno.mkdirSync(`${b.files}/d`);
  for (let i = 0; i < COUNT; i++) {
    Deno.writeTextFileSync(`${b.files}/d/${i}`, `file ${i}`);
  }
  Deno.writeTextFileSync(`${b.files}/kept`, "kept");
  await world.waitInStep();
  Deno.removeSync(`${a.files}/d`, { recursive: true });
  await held(a, COUNT + 1);
  const { code, err } = await a.sinkd("approve", a.files);
  assert.equal(code, 0, err);
  const { reason, fix, groups = [] } = await held(b, COUNT + 1);
  assert.match(reason, /^151 paths of this anchor were deleted elsewhere/);
  assert.match(fix, /sinkd approve .* sinkd reject/);
  assert.deepEqual(
    groups.map(({ directory, paths }) => ({ directory, paths })),
    [{ directory: "d", paths: COUNT + 1 }],
  );
  return [a, b];
}

/** What `client` holds, when it holds `count` paths. */
async function held(client: WorldClient, count: number) {
  return await waitFor(
    `${client.name} to hold ${count} paths`,
    async () => {
      const { held } = await client.anchor();
      return held?.paths.length === count ? held : undefined;
    },
  );
}

testInWorld(
  "client() holds a mass deletion of another machine over a restart, goes on beside it, and deletes with approve()",
  { clients: { alice: ["a", "b"] } },
  async (world) => {
    const [a, b] = await deleteMost(world);
    Deno.writeTextFileSync(`${a.files}/of-a`, "a");
    Deno.writeTextFileSync(`${b.files}/of-b`, "b");
    await waitFor(
      "edits both ways",
      () =>
        itemAt(`${b.files}/of-a`) !== undefined &&
        itemAt(`${a.files}/of-b`) !== undefined,
    );
    const status = await b.sinkd("status");
    assert.equal(status.code, 4);
    assert.match(status.out, /approve/);
    assert.equal((await b.sinkd("rescan")).code, 0);
    await b.process.kill();
    await b.process.start();
    await held(b, COUNT + 1);
    Deno.writeTextFileSync(`${b.files}/d/7`, "edited here");
    await waitFor(
      "an edit of a held file",
      () => itemAt(`${a.files}/d/7`) !== undefined,
    );
    assert.equal(itemAt(`${b.files}/d/0`)?.kind, "file");
    const { code, err } = await b.sinkd("approve", b.files);
    assert.equal(code, 0, err);
    await world.waitInStep();
    assert.deepEqual([...treeOf(a.files).keys()].sort(), [
      "d",
      "d/7",
      "kept",
      "of-a",
      "of-b",
    ]);
    assert.equal((await b.sinkd("status")).code, 0);
  },
);

testInWorld(
  "client() brings what another machine deleted back everywhere with reject()",
  { clients: { alice: ["a", "b"] } },
  async (world) => {
    const [a, b] = await deleteMost(world);
    const whole = treeOf(b.files).size;
    const { code, err } = await b.sinkd("reject");
    assert.equal(code, 0, err);
    await waitFor("them to be back", () => treeOf(a.files).size === whole);
    await world.waitInStep();
    assert.equal(treeOf(b.files).size, whole);
  },
);
