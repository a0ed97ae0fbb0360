import assert from "node:assert/strict";
import { statfsSync } from "node:fs";
import type { Fault } from "../../lib/core/status.ts";
import { missingForMounts, moveToTmpfs } from "../support/mounts.ts";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";
import { hasPart, testFault, waitTold } from "./rig.ts";

const MEGABYTE = 1_000_000;
const missing = missingForMounts();

/** Bytes that are no hole, there at once. */
function writeFull(full: string, bytes: number): void {
  const making = `${full.slice(0, full.lastIndexOf("/"))}/../making`;
  Deno.writeFileSync(making, new Uint8Array(bytes).fill(0x5a));
  Deno.renameSync(making, full);
}

function isStored(world: World, user: string, path: string): boolean {
  return itemAt(`${world.stored(user)}/${path}`, false) !== undefined;
}

async function waitStored(world: World, user: string, path: string) {
  await waitFor(
    `${path} of ${user} on the server`,
    () => isStored(world, user, path),
  );
}

async function diskFaults(world: World): Promise<Fault[]> {
  const { errors } = await world.serverReport();
  return errors.filter(({ cause }) => cause.includes("disk full"));
}

async function waitGood(world: World): Promise<void> {
  let said = "";
  await waitFor("every status to be good", async () => {
    if ((await diskFaults(world)).length > 0) return false;
    for (const client of world.clients()) {
      const { code, out } = await client.sinkd("status");
      said = out;
      if (code !== 0) return false;
    }
    return true;
  }, { tell: () => said });
}

/** Status in text, JSON and exit code tells of a full disk. */
async function assertTold(client: WorldClient): Promise<void> {
  const { code, out } = await client.sinkd("status");
  assert.equal(code, 1, out);
  assert.match(out, /^Not everything is synced: .*disk full/);
  const json = JSON.parse((await client.sinkd("status", "--json")).out);
  const causes = json.anchors.flatMap((anchor: { errors: Fault[] }) =>
    anchor.errors.map(({ cause }) => cause)
  );
  assert.ok(causes.some((cause: string) => cause.includes("disk full")), out);
}

testFault(
  "of two users' files that fit alone but not together one comes and the other waits, and it comes when the first is deleted",
  { missing, clients: { alice: ["a", "b"], bob: ["c"] } },
  async (world) => {
    const [a, b, c] = [world.client("a"), world.client("b"), world.client("c")];
    await world.server.stop();
    await using _disk = await moveToTmpfs(world.root, "size=60m");
    await world.server.start();
    await world.waitInStep();
    writeFull(`${a.files}/large`, 35 * MEGABYTE);
    writeFull(`${c.files}/large`, 35 * MEGABYTE);
    const first = await waitFor(
      "one of the two on the server",
      () => ["alice", "bob"].find((user) => isStored(world, user, "large")),
    );
    const [winner, loser, other] = first === "alice"
      ? [a, c, "bob"]
      : [c, a, "alice"];
    await waitTold(loser, /files\/large[\s\S]*disk full/);
    await assertTold(loser);
    assert.equal(isStored(world, other, "large"), false);
    writeFull(`${a.files}/small`, 1000);
    writeFull(`${c.files}/small`, 1000);
    await waitStored(world, "alice", "small");
    await waitStored(world, "bob", "small");
    await waitFor(
      "small on b",
      () => itemAt(`${b.files}/small`, false) !== undefined,
    );

    // The version that is deleted is kept in history; a person frees it.
    Deno.removeSync(`${winner.files}/large`);
    await waitFor(
      "the deletion on the server",
      () => !isStored(world, winner.user, "large"),
    );
    Deno.removeSync(`${world.root}/${winner.user}/.sinkd/history`, {
      recursive: true,
    });
    await waitStored(world, other, "large");
    await waitGood(world);
  },
);

testFault(
  "a disk that somebody else fills in the middle of a transfer stops that file alone, on the server and on a client, until there is space",
  { missing, clients: { alice: ["a", "b"], bob: ["c"] } },
  async (world) => {
    const [a, b, c] = [world.client("a"), world.client("b"), world.client("c")];
    for (const { files } of [a, c]) writeFull(`${files}/going`, 1000);
    await world.waitInStep();
    await world.server.stop();
    await using disk = await moveToTmpfs(world.root, "size=60m");
    await world.server.start();
    a.configure(a.anchorText(a.files, "files", 'rsync_bwlimit = "2m"'));
    await a.sinkd("client", "reload");
    await world.waitInStep();

    const incoming = `${world.root}/alice/.sinkd/incoming`;
    writeFull(`${a.files}/large`, 30 * MEGABYTE);
    await waitFor(
      "the transfer to be under way",
      () => hasPart(incoming, MEGABYTE),
    );
    const ballast = `${world.root}/ballast`;
    disk.fill(ballast, MEGABYTE / 2);
    await waitTold(a, /files\/large[\s\S]*disk full/);
    await assertTold(a);
    Deno.removeSync(`${a.files}/going`);
    Deno.removeSync(`${c.files}/going`);
    for (const user of ["alice", "bob"]) {
      await waitFor(
        `the deletion of ${user}`,
        () => !isStored(world, user, "going"),
      );
    }
    // Some space: enough for small files, and not for the large one.
    disk.fill(ballast, 3 * MEGABYTE);
    writeFull(`${a.files}/small`, 1000);
    writeFull(`${c.files}/small`, 1000);
    await waitStored(world, "alice", "small");
    await waitStored(world, "bob", "small");
    assert.equal(isStored(world, "alice", "large"), false);
    Deno.removeSync(ballast);
    await waitStored(world, "alice", "large");
    await waitFor(
      "large on b",
      () => itemAt(`${b.files}/large`, false) !== undefined,
    );
    await waitGood(world);

    await b.process.stop();
    await using own = await moveToTmpfs(b.files, "size=100m");
    b.configure(b.anchorText(b.files, "files", 'rsync_bwlimit = "2m"'));
    await b.process.start();
    await world.waitInStep();
    writeFull(`${a.files}/second`, 30 * MEGABYTE);
    await waitFor(
      "the transfer to b to be under way",
      () => hasPart(`${b.files}/.sinkd`, MEGABYTE),
    );
    const space = statfsSync(b.files);
    assert.ok(space.bavail * space.bsize > 5 * MEGABYTE);
    // In what is never synced, on the same disk.
    const beside = `${b.files}/.sinkd/ballast`;
    own.fill(beside, MEGABYTE / 2);
    await waitTold(b, /files\/second[\s\S]*disk full/);
    await assertTold(b);
    Deno.removeSync(`${a.files}/small`);
    await waitFor(
      "the deletion on b",
      () => itemAt(`${b.files}/small`, false) === undefined,
    );
    Deno.removeSync(beside);
    await waitFor(
      "second on b",
      () => itemAt(`${b.files}/second`, false) !== undefined,
    );
    await waitGood(world);
  },
);

testFault(
  "of many small files that fill a disk those that fit come, the rest waits, and all come when there is space",
  { missing },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    writeFull(`${a.files}/going`, 1000);
    await world.waitInStep();
    await world.server.stop();
    await using disk = await moveToTmpfs(world.root, "size=24m");
    await world.server.start();
    const count = 500;
    const names = Array.from({ length: count }, (_, index) => `${index}`);
    Deno.mkdirSync(`${a.files}/many`);
    for (const name of names) {
      Deno.writeFileSync(
        `${a.files}/many/${name}`,
        new Uint8Array(60_000).fill(0x5a),
      );
    }
    await waitTold(a, /files\/many\/[\s\S]*disk full/);
    await assertTold(a);
    const stored = () =>
      names.filter((name) => isStored(world, "alice", `many/${name}`)).length;
    await waitFor("what fits", () => stored() > 100);
    assert.ok(stored() < count);
    Deno.removeSync(`${a.files}/going`);
    await waitFor(
      "the deletion on b",
      () => itemAt(`${b.files}/going`, false) === undefined,
    );
    await disk.remount("size=100m");
    await waitFor("all of them", () => stored() === count);
    await world.waitInStep();
    await waitGood(world);
  },
);
