/** A user over its quota: what is kept back, what goes on, and what both statuses say. */
import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";

const { test } = shareWorld({
  clients: { alice: ["laptop", "desk"], bob: ["bobs"] },
  serverOptions: ["--user-quota", "1M,50"],
});

function fill(file: string, bytes: number): void {
  Deno.writeFileSync(file, new Uint8Array(bytes).fill(7));
}

test("a file over the user's quota waits, told in both statuses; smaller ones, deletions and others go on", async (world) => {
  const [laptop, desk, bob] = ["laptop", "desk", "bobs"]
    .map((name) => world.client(name));
  assert.ok(laptop && desk && bob);
  fill(`${laptop.files}/gone`, 1000);
  await waitFor("the first file", () => itemAt(`${desk.files}/gone`));
  fill(`${laptop.files}/large`, 3_000_000);
  fill(`${laptop.files}/small`, 1000);
  Deno.removeSync(`${laptop.files}/gone`);
  fill(`${bob.files}/bobs`, 600_000);
  const said =
    /over quota: it needs 3.* MB, and .* [kM]B are left of the 1 MB that alice may have on (the|this) server, history included/;
  for (
    const [who, words] of [
      [laptop.sinkd.bind(laptop), ["status"]],
      [world.sinkd.bind(world), [
        "status",
        "--pid",
        `${world.directory}/server.pid`,
      ]],
    ] as const
  ) {
    const { code, out } = await waitFor("the reason in status", async () => {
      const status = await who(...words);
      return said.test(status.out) ? status : undefined;
    });
    assert.equal(code, 1, out);
    assert.match(out.split("\n")[0] ?? "", said, "not in the headline");
    assert.match(out, /sinkd server quota alice SIZE/);
  }
  await waitFor("the small file", () => itemAt(`${desk.files}/small`));
  await waitFor(
    "the deletion",
    () => itemAt(`${desk.files}/gone`) === undefined,
  );
  await waitFor(
    "bob's file",
    () => itemAt(`${world.stored("bob")}/bobs`),
  );
  assert.equal(itemAt(`${world.stored("alice")}/large`), undefined);
  // What was deleted counts at once, also for a user that is as old as this server's start.
  const before = (await world.serverReport()).users
    .find(({ user }) => user === "alice");
  assert.ok((before?.usage?.files ?? 0) >= 3, JSON.stringify(before?.usage));
  const users = await world.accounts("users");
  assert.match(users.out, /^alice +2 clients +.* files? \(default quota\)/m);

  const set = await world.accounts("quota", "alice", "100M", "1k");
  assert.equal(set.code, 0, set.err);
  assert.match(set.out, /^alice has .* of 105 MB, \d+ files? of 1,000\.$/m);
  await waitFor("the large file", () => itemAt(`${desk.files}/large`));
  await world.waitInStep();
  for (const client of [laptop, desk]) {
    await waitFor("a good status", async () => {
      const { code } = await client.sinkd("status");
      return code === 0;
    });
  }
  const [alice] = (await world.serverReport()).users;
  assert.deepEqual(alice?.quota, { bytes: 100 * 1024 ** 2, files: 1000 });
  assert.ok((alice?.usage?.bytes ?? 0) > 3_000_000, "it is not counted");
});

test("more files than the quota wait, also after the server started anew", async (world) => {
  const bob = world.client("bobs");
  await world.server.stop();
  await world.server.start();
  for (let n = 0; n < 60; n++) fill(`${bob.files}/f${n}`, 1);
  const { code, out } = await waitFor("the reason in status", async () => {
    const status = await bob.sinkd("status");
    return /needs 1 file, and 0 are left of the 50 that bob may have/
        .test(status.out)
      ? status
      : undefined;
  });
  assert.equal(code, 1, out);
  const stored = [...Deno.readDirSync(world.stored("bob"))];
  assert.ok(stored.length <= 50, `${stored.length} files`);
  const none = await world.accounts("quota", "bob", "none");
  assert.match(none.out, /^bob has [\d.]+ k?B?M?B?.*files\.$/m);
  await waitFor(
    "all files",
    () => [...Deno.readDirSync(world.stored("bob"))].length >= 60,
  );
  await world.waitInStep();
});

test("'sinkd server quota' says what is wrong with a quota, and who is no user", async (world) => {
  const wrong = await world.accounts("quota", "alice", "much");
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /write it as SIZE FILES, such as '10G 100k'/);
  const nobody = await world.accounts("quota", "nobody", "1G");
  assert.equal(nobody.code, 2);
  assert.match(nobody.err, /There is no user 'nobody'/);
  const reset = await world.accounts("quota", "alice", "default");
  assert.match(reset.out, /\(default quota\)/);
});
