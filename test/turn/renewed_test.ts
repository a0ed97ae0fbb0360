import assert from "node:assert/strict";
import { ClientStore } from "../../lib/io/base_store.ts";
import { NO_EDITS, openDisk, updateAnchor } from "../support/client_rig.ts";
import { tempDirectory } from "../support/temp.ts";

Deno.test("takeTurn() has everything looked at again when the server has another epoch, or less than before, and not at a first join", async () => {
  await using temp = tempDirectory();
  using client = new ClientStore(":memory:");
  const store = client.anchor(temp.path);
  const disk = openDisk(temp.path);
  let renewals = 0;
  const edits = { ...NO_EDITS, renewed: () => renewals++ };
  const turn = (epoch: string, cycle: number) =>
    updateAnchor({ root: temp.path, store, disk, edits }, {
      changes: [],
      content: {},
      epoch,
      cycle,
    });
  await turn("00000000000000aa", 2);
  await turn("00000000000000aa", 3);
  assert.equal(renewals, 0);
  await turn("00000000000000bb", 3);
  assert.equal(renewals, 1);
  await turn("00000000000000bb", 1);
  assert.equal(renewals, 2);
});
