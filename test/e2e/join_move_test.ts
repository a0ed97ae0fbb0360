import assert from "node:assert/strict";
import { testInWorld } from "../support/shared_world.ts";
import { waitFor } from "../support/waiting.ts";

testInWorld(
  "join() with another user's link asks for --move, and then deletes nothing anywhere",
  { clients: { alice: ["a", "b"], bob: ["c"] } },
  async (world) => {
    const [a, b, c] = [
      world.client("a"),
      world.client("b"),
      world.client("c"),
    ];
    Deno.writeTextFileSync(`${a.files}/of alice`, "alice");
    Deno.writeTextFileSync(`${a.files}/both`, "alice's");
    Deno.writeTextFileSync(`${c.files}/of bob`, "bob");
    Deno.writeTextFileSync(`${c.files}/both`, "bob's");
    await world.waitInStep();
    const before = Deno.readTextFileSync(`${a.state}/credentials.json`);
    const link = await world.link("bob");
    const join = (...more: string[]) =>
      world.sinkd(
        ...["join", link, "--user-config", a.config, "--state", a.state],
        ...["--name", "moved", ...more],
      );
    const asked = await join();
    assert.equal(asked.code, 4);
    assert.match(asked.err, /syncs .*files as alice at .* --move/);
    const running = await join("--move");
    assert.equal(running.code, 4);
    assert.match(running.err, /stop it first/);
    assert.equal(
      Deno.readTextFileSync(`${a.state}/credentials.json`),
      before,
    );

    await a.process.stop();
    assert.equal((await join()).code, 4);
    const moved = await join("--move");
    assert.equal(moved.code, 0, moved.err);
    await a.process.start();
    await waitFor(
      "both trees together at bob's",
      () =>
        ["of alice", "of bob", "both"].every((name) =>
          isThere(`${a.files}/${name}`) && isThere(`${c.files}/${name}`)
        ),
    );
    assert.equal(Deno.readTextFileSync(`${c.files}/both`), "bob's");
    await waitFor(
      "alice's version beside it",
      () =>
        [...Deno.readDirSync(c.files)].some(({ name }) =>
          /^both\.sinkd-conflict-moved-/.test(name)
        ),
    );
    for (const place of [b.files, world.stored("alice")]) {
      assert.deepEqual(
        [...Deno.readDirSync(place)].map(({ name }) => name)
          .filter((name) => name !== ".sinkd").sort(),
        ["both", "of alice"],
      );
    }
  },
);

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}
