import assert from "node:assert/strict";
import { missingForMounts, moveToTmpfs } from "../support/mounts.ts";
import { isThere } from "../support/network_programs.ts";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import { testFault } from "./rig.ts";

const MEGABYTE = 1_000_000;
const missing = missingForMounts();

/** Bytes that are no hole, there at once. */
function writeFull(full: string, bytes: number): void {
  const making = `${full.slice(0, full.lastIndexOf("/"))}/../making`;
  Deno.writeFileSync(making, new Uint8Array(bytes).fill(0x5a));
  Deno.renameSync(making, full);
}

/** What lies below, rsync's partial files too. */
function bytesBelow(directory: string): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const full = `${directory}/${name}`;
    try {
      bytes += isDirectory ? bytesBelow(full) : Deno.lstatSync(full).size;
    } catch (error) {
      // A transfer moves its files.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return bytes;
}

testFault(
  "what a broken transfer left makes space for others after a restart, and goes when its machine is revoked in the middle",
  { missing },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await world.server.stop();
    await using _disk = await moveToTmpfs(world.root, "size=60m");
    await world.server.start();
    a.configure(a.anchorText(a.files, "files", 'rsync_bwlimit = "2m"'));
    await a.sinkd("client", "reload");
    await world.waitInStep();
    const incoming = `${world.root}/alice/.sinkd/incoming`;
    const underWay = () =>
      waitFor(
        "a partial file",
        () => isThere(incoming) && bytesBelow(incoming) > 8 * MEGABYTE,
      );

    writeFull(`${a.files}/first`, 30 * MEGABYTE);
    await underWay();
    await a.process.stop();
    await world.server.kill();
    await world.server.start();
    assert.ok(bytesBelow(incoming) > 8 * MEGABYTE);
    // Fits only when what is left of the first one goes.
    writeFull(`${b.files}/large`, 56 * MEGABYTE);
    await waitFor(
      "large on the server",
      () => itemAt(`${world.stored("alice")}/large`, false) !== undefined,
    );
    assert.equal(bytesBelow(incoming), 0);
    Deno.removeSync(`${b.files}/large`);
    await world.waitInStep({ clients: [b] });
    Deno.removeSync(`${world.root}/alice/.sinkd/history`, { recursive: true });

    await a.process.start();
    await underWay();
    const revoked = await world.accounts(
      "revoke",
      "alice/a",
      "--pid",
      world.server.pidFile,
    );
    assert.equal(revoked.code, 0, revoked.err);
    await waitFor(
      "what a was sending to go",
      () => bytesBelow(incoming) === 0,
    );
    await waitFor(
      "a to know that it was revoked",
      async () => (await a.sinkd("status")).code === 4,
    );
    writeFull(`${b.files}/next`, 40 * MEGABYTE);
    await waitFor(
      "next on the server",
      () => itemAt(`${world.stored("alice")}/next`, false) !== undefined,
    );
    assert.deepEqual(
      (await world.serverReport()).errors.filter(({ level }) =>
        level !== "note"
      ),
      [],
    );
  },
);
