import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

/** Writes other bytes of the same length into a file in place, and gives it back its time. */
function writeUnseen(file: string, text: string): void {
  const { mtime, size } = Deno.statSync(file);
  assert.ok(mtime !== null && size === text.length);
  Deno.writeTextFileSync(file, text);
  Deno.utimeSync(file, mtime, mtime);
}

/** Waits until nothing that is written now has the ctime (in whole seconds) of `file`. */
async function nextSecond(file: string): Promise<void> {
  const second = Deno.statSync(file).ctime?.getTime() ?? 0;
  await waitFor("the next second", () => Date.now() > second + 1000);
}

async function waitForText(world: World, name: string, text: string) {
  const places = [
    ...world.clients().map(({ files }) => `${files}/${name}`),
    `${world.stored("alice")}/${name}`,
  ];
  await waitFor(
    `'${text}' everywhere`,
    () => places.every((place) => Deno.readTextFileSync(place) === text),
    { tell: () => places.map((place) => Deno.readTextFileSync(place)).join() },
  );
}

test("client() brings an edit of the same size and restored time to all", async (world) => {
  const a = world.client("a");
  Deno.writeTextFileSync(`${a.files}/twin`, "one");
  await world.waitInStep();
  await nextSecond(`${a.files}/twin`);
  writeUnseen(`${a.files}/twin`, "two");
  await waitForText(world, "twin", "two");
});
