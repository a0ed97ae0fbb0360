import assert from "node:assert/strict";
import { missingForNetwork } from "../support/network_programs.ts";
import { itemAt } from "../support/tree_view.ts";
import { pause, waitFor } from "../support/waiting.ts";
import { hasPart, testFault } from "./rig.ts";

const LARGE_BYTES = 1_500_000;
const CUT_MS = 3000;

testFault(
  "a network that is cut in the middle of transfers, delays, loses and reorders, loses no edit of either side",
  { missing: missingForNetwork(), network: { behindRouter: [] } },
  async (world, ledger) => {
    const { network } = world;
    assert.ok(network !== undefined);
    const [a, b] = [world.client("a"), world.client("b")];
    ledger.write(a, "both");
    await ledger.settle();
    const bad = {
      delayMs: 15,
      jitterMs: 10,
      reorderPercent: 5,
      lossPercent: 1,
    };
    await network.link("a", { ...bad, megabits: 4 });
    await network.link("b", { ...bad, megabits: 4 });
    const stages = [`${world.root}/alice`, b.files];
    for (const [round, stage] of stages.entries()) {
      const path = `large ${round}`;
      ledger.write(a, path, { bytes: LARGE_BYTES });
      await waitFor(
        "the middle of a transfer",
        () => hasPart(`${stage}/.sinkd/incoming`, LARGE_BYTES / 20),
        { limitMs: 40_000 },
      );
      await network.cut("server");
      assert.equal(itemAt(`${b.files}/${path}`), undefined);
      ledger.write(a, "both");
      ledger.write(b, "both");
      ledger.write(b, `of b ${round}`);
      ledger.write(a, `of a ${round}`);
      await pause(CUT_MS);
      await network.heal("server");
      await network.link("a", bad);
      await network.link("b", bad);
      await ledger.settle({ limitMs: 90_000 });
      await network.link("a", { ...bad, megabits: 4 });
      await network.link("b", { ...bad, megabits: 4 });
    }
  },
);
