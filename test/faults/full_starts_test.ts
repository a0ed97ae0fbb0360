import assert from "node:assert/strict";
import type { Said } from "../support/daemon_process.ts";
import {
  missingForMounts,
  moveToTmpfs,
  type Tmpfs,
} from "../support/mounts.ts";
import { isThere } from "../support/network_programs.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import { testFault } from "./rig.ts";

const missing = missingForMounts();

/** Takes all space, that of the reserve included. */
function fillUp(disk: Tmpfs, reserve: string): string {
  if (isThere(reserve)) Deno.removeSync(reserve);
  const ballast = `${disk.directory}/ballast`;
  disk.fill(ballast, 0);
  return ballast;
}

function serverStatus(world: World, ...more: string[]): Promise<Said> {
  return world.sinkd("status", ...more, "--pid", world.server.pidFile);
}

function assertTold({ code, out, err }: Said, disk: string): void {
  assert.equal(code, 1, out + err);
  assert.match(out, /^Not everything is synced: .*disk full/);
  assert.ok(out.includes(`the disk of ${disk} `), out);
  assert.match(out, /free up/);
}

/** Words, no raw text of a system call, no stack. */
function assertWords({ code, err }: Said, disk: string): void {
  assert.notEqual(code, 0);
  assert.ok(err.includes(`the disk of ${disk} `), err);
  assert.match(err, /free up at least/);
  assert.doesNotMatch(err, /os error|disk I\/O error|\n\s+at /);
}

testFault(
  "a server whose disk is full when it starts runs, says so, and serves by itself when there is space; accounts say what to do",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    ledger.write(a, "before");
    await ledger.settle();
    await world.server.stop();
    await using disk = await moveToTmpfs(world.root, "size=24m");
    const ballast = fillUp(disk, `${world.root}/.sinkd/reserve`);
    await world.server.start();
    assertTold(await serverStatus(world), world.root);
    const { out } = await serverStatus(world, "--json");
    assert.match(JSON.parse(out).errors[0].cause, /^disk full/);
    ledger.write(a, "meanwhile");
    for (
      const args of [
        ["adduser", "carol", "--address", world.address],
        ["revoke", "alice/b"],
        ["rmuser", "alice"],
      ]
    ) assertWords(await world.accounts(...args), world.root);

    Deno.removeSync(ballast);
    await ledger.settle();
    const clients = await world.accounts("clients");
    assert.doesNotMatch(clients.out, /revoked/);
    await waitFor(
      "status to be good",
      async () => (await serverStatus(world)).code === 0,
    );

    // Now while it runs: what the reserve gives back is enough to revoke.
    disk.fill(ballast, 0);
    await waitFor(
      "status to tell of the disk",
      async () => /disk full/.test((await serverStatus(world)).out),
    );
    assertTold(await serverStatus(world), world.root);
    const revoked = await world.accounts("revoke", "alice/b");
    assert.equal(revoked.code, 0, revoked.err);
    await waitFor(
      "b to hear of it",
      async () => (await b.sinkd("status")).code === 4,
    );
    const removed = await world.accounts("rmuser", "alice");
    assert.equal(removed.code, 0, removed.err);
    Deno.removeSync(ballast);
    await waitFor(
      "the fault to go",
      async () =>
        (await world.serverReport()).errors.every(({ kind }) =>
          kind !== "disk"
        ),
    );
  },
);

testFault(
  "a server that starts for the first time on a full disk makes its root when there is space",
  { missing },
  async (world) => {
    await world.server.stop();
    Deno.renameSync(world.root, `${world.root}.other`);
    Deno.mkdirSync(world.root);
    await using disk = await moveToTmpfs(world.root, "size=8m");
    // Beside the root it would be something else in it.
    const ballast = `${world.root}/.sinkd/ballast`;
    Deno.mkdirSync(`${world.root}/.sinkd`, { mode: 0o700 });
    disk.fill(ballast, 0);
    await world.server.start();
    assertTold(await serverStatus(world), world.root);
    Deno.removeSync(ballast);
    await waitFor(
      "the server to be there",
      async () => (await serverStatus(world)).code === 0,
    );
    assert.match(await world.link("carol"), /^sinkd:/);
    await world.server.stop();
    await world.server.start();
    assert.deepEqual(
      (await world.serverReport()).users.map(({ user }) => user),
      ["carol"],
    );
  },
);

testFault(
  "a client whose state or anchor is on a full disk when it starts runs, says so, and syncs by itself when there is space",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    ledger.write(b, "before");
    await ledger.settle();
    await a.process.stop();
    await b.process.stop();
    await using state = await moveToTmpfs(a.state, "size=24m");
    await using anchor = await moveToTmpfs(b.files, "size=4m");
    await a.process.start();
    await b.process.start();
    await ledger.settle();
    await a.process.stop();
    await b.process.stop();
    const stateBallast = fillUp(state, `${a.state}/reserve`);
    const before = `${world.directory}/before`;
    Deno.mkdirSync(before);
    // Outside of what is synced, on the same disk.
    Deno.mkdirSync(`${b.files}/.sinkd`, { recursive: true });
    const anchorBallast = `${b.files}/.sinkd/ballast`;
    anchor.fill(anchorBallast, 0);
    await a.process.start();
    await b.process.start();
    assertTold(await a.sinkd("status"), a.state);
    ledger.write(a, "of a");
    for (const command of ["rescan", "pause", "resume"]) {
      assertWords(await a.sinkd(command), a.state);
    }
    const added = await a.anchors("add", before, "--name", "extra");
    assert.equal(added.code, 0, added.err);
    const dropped = await a.anchors("rm", before);
    assert.equal(dropped.code, 0, dropped.err);

    await waitFor(
      "b to tell of its disk",
      async () => /disk full/.test((await b.sinkd("status")).out),
    );
    assertTold(await b.sinkd("status"), b.files);
    Deno.removeSync(stateBallast);
    await waitFor(
      "a to be synced",
      async () => (await a.sinkd("status")).code === 0,
    );
    ledger.write(a, "more of a");
    ledger.remove(b, "before");
    await waitFor(
      "the deletion, which needs no space",
      () => !isThere(`${a.files}/before`),
    );
    Deno.removeSync(anchorBallast);
    await ledger.settle();
    for (const client of [a, b]) {
      const { code, out } = await client.sinkd("status");
      assert.equal(code, 0, out);
    }
  },
);
