/**
 * Both sides try rsync before they touch a file: one that spoils something is refused in words.
 */
import assert from "node:assert/strict";
import { testInWorld } from "../support/shared_world.ts";

testInWorld(
  "client and server refuse an rsync that loses links, and start with a good one",
  { clients: { alice: ["laptop", "desk"] } },
  async (world) => {
    const [laptop, desk] = [world.client("laptop"), world.client("desk")];
    const own = `${world.directory}/bin/rsync`;
    const good = Deno.readTextFileSync(own);
    await laptop.process.stop();
    await world.server.stop();
    const calls = () => world.rsyncCalls().length;
    const before = calls();
    Deno.writeTextFileSync(
      own,
      good.replace(
        "\n",
        '\nfor word; do shift; [ "$word" = --links ] || set -- "$@" "$word"; done\n',
      ),
    );
    const refusal =
      /Cannot use rsync [\d.]+ \(.*\/bin\/rsync\): it does not bring "l absolute"; install another version/;
    await assert.rejects(world.server.start(), refusal);
    assert.ok(calls() > before);
    await assert.rejects(laptop.process.start(), refusal);
    Deno.writeTextFileSync(own, good);
    await world.server.start();
    await laptop.process.start();
    Deno.symlinkSync("/etc/passwd", `${laptop.files}/l`);
    await world.waitInStep();
    assert.equal(Deno.readLinkSync(`${desk.files}/l`), "/etc/passwd");
    // It is not tried again: `--version` alone is asked.
    await laptop.process.stop();
    const rested = calls();
    await laptop.process.start();
    const asked = world.rsyncCalls().slice(rested);
    assert.deepEqual(
      asked.filter((call) => call.includes("127.0.0.1:1/")),
      [],
    );
  },
);
