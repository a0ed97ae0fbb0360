import assert from "node:assert/strict";
import { assertGuarantees, copiesOf, Ledger } from "../support/guarantees.ts";
import { testInWorld } from "../support/shared_world.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

/**
 * More events than the kernel's queue holds, and than any list of places to look at; 50,000 files take
 * a minute or more: SINKD_TEST_FILES=50000 scripts/test test/faults/huge_test.ts.
 */
const FILES = Number(Deno.env.get("SINKD_TEST_FILES") ?? "10000");
const DIRECTORIES = FILES / 100;
const LIMIT_MS = 300_000;

/** True when every report says that nothing is left to do; the trees are not read. */
async function isSaid(world: World): Promise<boolean> {
  const { state, users } = await world.serverReport();
  if (state !== "Sinkd" || users[0]?.stamp.date === 0) return false;
  const head = JSON.stringify(users[0]?.stamp);
  for (const client of world.clients()) {
    const report = await client.process.report();
    if (report?.role !== "client" || report.state !== "Sinkd") return false;
    if (JSON.stringify(report.stamp) !== head) return false;
    if (report.anchors.some(({ pending }) => pending > 0)) return false;
  }
  return true;
}

testInWorld(
  `${FILES} files at once are on all sides, in calls of rsync by the thousand and not by the file`,
  { clients: { alice: ["a", "b"] } },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    for (let i = 0; i < DIRECTORIES; i++) Deno.mkdirSync(`${a.files}/${i}`);
    for (let i = 0; i < FILES; i++) {
      Deno.writeTextFileSync(`${a.files}/${i % DIRECTORIES}/${i}`, `${i}`);
    }
    const ledger = new Ledger();
    ledger.noteTree(a);
    assert.equal(ledger.written.length, FILES);
    await waitFor("all reports to be content", () => isSaid(world), {
      limitMs: LIMIT_MS,
    });
    await assertGuarantees(world, ledger, { limitMs: LIMIT_MS });
    assert.deepEqual(copiesOf(b), []);
    assert.ok(world.rsyncCalls().length < FILES / 100);
    await world.waitTidy();
  },
);
