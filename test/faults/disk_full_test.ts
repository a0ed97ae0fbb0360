import assert from "node:assert/strict";
import { missingForMounts, moveToTmpfs } from "../support/mounts.ts";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import { testFault, waitTold } from "./rig.ts";

const MEGABYTE = 1_000_000;
const missing = missingForMounts();

testFault(
  "a full disk of the server, and one with less room than --min-free, hold edits with the reason until there is room",
  { missing, serverOptions: ["--min-free", "5"] },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    ledger.write(a, "before");
    await ledger.settle();
    await world.server.stop();
    await using disk = await moveToTmpfs(world.root, "size=24m");
    await world.server.start();
    await ledger.settle();
    const ballast = `${world.root}/ballast`;

    disk.fill(ballast, 2 * MEGABYTE);
    ledger.write(a, "large", { bytes: 5 * MEGABYTE });
    ledger.write(a, "before");
    await waitTold(a, /files\/large[\s\S]*disk full/);
    assert.equal(itemAt(`${b.files}/large`), undefined);
    Deno.removeSync(ballast);
    await ledger.settle({ limitMs: 60_000 });

    disk.fill(ballast, MEGABYTE / 2);
    ledger.write(a, "small");
    ledger.write(b, "of b");
    ledger.remove(a, "before");
    await waitTold(a, /files\/small[\s\S]*disk full/);
    const { errors } = await world.serverReport();
    assert.ok(errors.some(({ cause }) => cause.includes("disk full")));
    await waitFor(
      "the deletion, which needs no space",
      () => itemAt(`${b.files}/before`) === undefined,
    );
    assert.equal(itemAt(`${b.files}/small`), undefined);
    Deno.removeSync(ballast);
    await ledger.settle({ limitMs: 60_000 });
  },
);

testFault(
  "a full disk of a client holds what is new with the reason, and takes it when there is room",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    ledger.write(a, "before");
    ledger.write(a, "going");
    await ledger.settle();
    await b.process.stop();
    // Files, record and log: all that the machine has.
    await using disk = await moveToTmpfs(b.home, "size=12m");
    await b.process.start();
    await ledger.settle();

    ledger.write(a, "large", { bytes: 15 * MEGABYTE });
    ledger.write(a, "before");
    await waitTold(b, /files\/large[\s\S]*disk full/);
    assert.equal(itemAt(`${b.files}/large`), undefined);
    await disk.remount("size=40m");
    await ledger.settle({ limitMs: 60_000 });

    const ballast = `${b.home}/ballast`;
    disk.fill(ballast, 0);
    ledger.write(a, "small");
    ledger.write(a, "before");
    ledger.remove(b, "going");
    await waitTold(b, /disk full|No space left|disk I\/O|database or disk/);
    Deno.removeSync(ballast);
    await ledger.settle({ limitMs: 60_000 });
  },
);
