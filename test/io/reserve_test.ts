import assert from "node:assert/strict";
import { Reserve } from "../../lib/io/reserve.ts";
import { missingForMounts, Tmpfs } from "../support/mounts.ts";
import { lacking } from "../support/needs.ts";
import { tempDirectory } from "../support/temp.ts";
import { itemAt } from "../support/tree_view.ts";

const NOTHING_KEPT = { kind: "bytes", bytes: 0 } as const;

lacking(Deno.test, missingForMounts())(
  "balance() gives the reserve back on a full disk, takes it again when there is space, and has the disk's size",
  async () => {
    await using directory = tempDirectory();
    const { path } = directory;
    await using disk = await Tmpfs.mount(path, "size=10m");
    const reserve = new Reserve(path, NOTHING_KEPT);
    const device = Deno.statSync(path).dev;
    const size = () => {
      const item = itemAt(`${path}/reserve`, false);
      return item?.kind === "file" ? item.size : 0;
    };
    reserve.balance();
    const own = size();
    assert.ok(own > 100_000 && own < 1_000_000);
    assert.equal(reserve.owed(device), 0);

    disk.fill(`${path}/ballast`, 0);
    reserve.balance();
    assert.equal(size(), 0);
    assert.equal(reserve.owed(device), own);
    assert.equal(reserve.owed(device + 1), 0);
    Deno.writeFileSync(`${path}/record`, new Uint8Array(own / 2));

    Deno.removeSync(`${path}/ballast`);
    reserve.balance();
    assert.equal(size(), own);
    Deno.writeFileSync(`${path}/reserve`, new Uint8Array(5 * own));
    reserve.balance();
    reserve.balance();
    assert.equal(size(), own);
  },
);

Deno.test("balance() does nothing where there is no directory", () => {
  new Reserve("/nowhere/at all", NOTHING_KEPT).balance();
});
