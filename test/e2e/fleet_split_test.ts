/**
 * Two servers that would serve one user: the one that stands still past its lease is replaced, and
 * commits nothing when it goes on.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { EXPIRY_MS } from "../../lib/core/lease_state.ts";
import { type FleetServer, testWithFleet } from "../support/fleet.ts";
import { pause, waitFor } from "../support/waiting.ts";

/** Everything that a server's database tells of the tree, in one line each. */
function record({ root }: FleetServer, user: string): string[] {
  using database = new DatabaseSync(`${root}/${user}/.sinkd/state.db`, {
    readOnly: true,
  });
  const rows = database.prepare(
    "select path, kind, size, stamp from entries order by path",
  ).all();
  return rows.map((row) => JSON.stringify(row));
}

/** Names and contents of a directory. */
function files(directory: string): Record<string, string> {
  return Object.fromEntries(
    [...Deno.readDirSync(directory)].map(({ name }) => [
      name,
      Deno.readTextFileSync(`${directory}/${name}`),
    ]),
  );
}

testWithFleet(
  "a server that stands still past its lease is replaced, and commits nothing when it goes on",
  {
    alice: ["laptop", "desk"],
  },
  async (fleet) => {
    const { world, first, second } = fleet;
    const laptop = world.client("laptop");
    const desk = world.client("desk");
    Deno.writeTextFileSync(`${laptop.files}/both`, "known to both");
    await fleet.waitInStep(first, [laptop, desk]);

    // The second server would serve alice too: it has a copy, and waits.
    await fleet.copy("alice", first, second);
    await fleet.serve(second, ["alice"]);
    await waitFor("the second server to know who has alice", async () => {
      const [other] = (await fleet.report(second)).elsewhere;
      return other?.reason === "taken" && other.address === first.address;
    });
    Deno.writeTextFileSync(`${laptop.files}/after`, "only the first has it");
    await fleet.waitInStep(first, [laptop, desk]);
    assert.deepEqual((await fleet.report(second)).users, []);

    // The first one stops in the middle of a turn.
    const calls = world.rsyncCalls().length;
    const large = "a large file, line after line\n".repeat(2_000_000);
    Deno.writeTextFileSync(`${desk.files}/large`, large);
    await waitFor("a turn", () => world.rsyncCalls().length > calls);
    fleet.signal(first, "SIGSTOP");
    Deno.writeTextFileSync(`${laptop.files}/meanwhile`, "nobody serves");
    await fleet.waitServing(second, ["alice"], EXPIRY_MS + 30_000);
    const frozen = record(first, "alice");

    fleet.signal(first, "SIGCONT");
    await waitFor("the first server to know that it is replaced", async () => {
      const report = await first.process.report();
      if (report?.role !== "server" || report.users.length > 0) return false;
      const [other] = report.elsewhere;
      return other?.address === second.address;
    }, { limitMs: 60_000 });
    Deno.writeTextFileSync(`${desk.files}/later`, "with the second");
    await fleet.waitInStep(second, [laptop, desk], 90_000);
    for (let more = 0; more < 10; more++) await pause(100);
    assert.deepEqual(record(first, "alice"), frozen);
    assert.deepEqual(files(desk.files), {
      after: "only the first has it",
      both: "known to both",
      large,
      later: "with the second",
      meanwhile: "nobody serves",
    });
  },
);
