/**
 * Links where sinkd has its own directories, made by whoever may write there: nothing is written,
 * read or removed through one, and others go on.
 */
import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import { differences, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const { test } = shareWorld({
  clients: { alice: ["a", "b"], bob: ["c", "d"] },
});
const PRECIOUS = "nobody may touch this";
const LARGE = "0123456789".repeat(100_000);

/** A directory that looks like sinkd's own, elsewhere. */
function makeOutside(world: World): string {
  const outside = Deno.makeTempDirSync({ dir: world.directory });
  Deno.mkdirSync(`${outside}/incoming/old`, { recursive: true });
  for (const name of ["x", "incoming/x", "incoming/old/x"]) {
    Deno.writeTextFileSync(`${outside}/${name}`, PRECIOUS);
  }
  return outside;
}

/** Runs `harm`; at the end nothing outside has changed, and bob's machines are in step. */
async function assertUntouched(
  world: World,
  outside: string,
  harm: () => Promise<void>,
): Promise<void> {
  const before = treeOf(outside);
  await harm();
  Deno.writeTextFileSync(`${world.client("c").files}/bobs`, outside);
  await world.waitInStep({ clients: [world.client("c"), world.client("d")] });
  assert.deepEqual(differences(before, treeOf(outside)), []);
}

for (const at of [".sinkd", ".sinkd/incoming"]) {
  test(`${at} in an anchor that is a link is not followed`, async (world) => {
    const outside = makeOutside(world);
    const [a, b] = [world.client("a"), world.client("b")];
    await world.waitTidy();
    if (at !== ".sinkd") Deno.mkdirSync(`${b.files}/.sinkd`);
    Deno.symlinkSync(outside, `${b.files}/${at}`);
    await assertUntouched(world, outside, async () => {
      Deno.writeTextFileSync(`${a.files}/for b`, `${at} ${LARGE}`);
      await waitFor("b to say what to do", async () => {
        return (await b.faults()).some(({ cause }) =>
          /not a directory; move it away/.test(cause)
        );
      });
      Deno.writeTextFileSync(`${b.files}/of b`, `waits ${at}`);
    });
    Deno.removeSync(`${b.files}/${at}`);
    await world.waitInStep();
  });
}

test("a link in a user's tree on the server is not written through", async (world) => {
  const outside = makeOutside(world);
  const a = world.client("a");
  const stored = `${world.stored("alice")}/sub`;
  const write = (x: string, y: string) => {
    Deno.writeTextFileSync(`${a.files}/sub/x`, x);
    Deno.writeTextFileSync(`${a.files}/sub/y`, y);
  };
  Deno.mkdirSync(`${a.files}/sub`);
  write("first", "first");
  await world.waitInStep();
  await assertUntouched(world, outside, async () => {
    Deno.renameSync(stored, `${world.directory}/kept`);
    Deno.symlinkSync(outside, stored);
    write("second", "longer second");
    await world.waitInStep({ clients: [a, world.client("b")] });
  });
  assert.ok(Deno.lstatSync(stored).isDirectory);
  Deno.removeSync(`${world.directory}/kept`, { recursive: true });
});

for (const at of ["alice", "alice/.sinkd"]) {
  test(`${at} on the server that is a link is not served, and others are`, async (world) => {
    const outside = makeOutside(world);
    const a = world.client("a");
    await world.server.stop();
    Deno.renameSync(`${world.root}/${at}`, `${world.directory}/kept`);
    Deno.symlinkSync(outside, `${world.root}/${at}`);
    await assertUntouched(world, outside, async () => {
      await world.server.start();
      Deno.writeTextFileSync(`${a.files}/late`, at);
      await waitFor("the login to be refused", async () => {
        const { errors } = await a.report();
        return errors.some(({ kind }) => kind === "revoked");
      });
      const added = await world.accounts("adduser", "alice");
      assert.notEqual(added.code, 0);
    });
    await world.server.stop();
    Deno.removeSync(`${world.root}/${at}`);
    Deno.renameSync(`${world.directory}/kept`, `${world.root}/${at}`);
    await world.server.start();
    await world.waitInStep({ limitMs: 40_000 });
  });
}
