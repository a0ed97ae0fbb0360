/**
 * Two servers on one broker: each serves its own users, and a user moves from one to the other while
 * people work.
 */
import assert from "node:assert/strict";
import { LEASE_MS } from "../../lib/core/lease_state.ts";
import { runSinkd } from "../support/daemon_process.ts";
import { testWithFleet } from "../support/fleet.ts";
import { tempDirectory } from "../support/temp.ts";
import { PATIENCE_MS, pause, waitFor } from "../support/waiting.ts";
import type { WorldClient } from "../support/world_client.ts";
import { problemsOf } from "../support/in_step.ts";

/** Writes, changes and removes files until told to stop; gives what must be there then. */
async function keepEditing(
  client: WorldClient,
  stop: AbortSignal,
): Promise<Map<string, string>> {
  const wanted = new Map<string, string>();
  const { files, name } = client;
  for (let turn = 0; !stop.aborted; turn++) {
    const path = `${name}-${turn % 40}`;
    const text = `${name} wrote this at ${turn}`;
    if (turn % 7 === 6 && wanted.has(path)) {
      Deno.removeSync(`${files}/${path}`);
      wanted.delete(path);
    } else {
      Deno.writeTextFileSync(`${files}/${path}`, text);
      wanted.set(path, text);
    }
    await pause(100);
  }
  return wanted;
}

function names(files: string): string[] {
  return [...Deno.readDirSync(files)].map(({ name }) => name).sort();
}

testWithFleet(
  "two servers on one broker serve their own users; one moves from one to the other, and its clients notice a pause",
  {
    alice: ["laptop", "desk"],
    bob: ["tower"],
  },
  async (fleet) => {
    const { world, first, second } = fleet;
    const [laptop, desk, tower] = ["laptop", "desk", "tower"].map((name) =>
      world.client(name)
    );
    assert.ok(laptop && desk && tower);
    await fleet.waitServing(first, ["alice", "bob"]);
    await fleet.waitServing(second, []);
    Deno.writeTextFileSync(`${tower.files}/bob's`, "own");
    Deno.writeTextFileSync(`${laptop.files}/old`, "from before");
    await fleet.waitInStep(first, [laptop, desk, tower]);
    const before = (await fleet.report(first)).users
      .find(({ user }) => user === "alice");

    const stop = new AbortController();
    const editing = [laptop, desk].map((client) =>
      keepEditing(client, stop.signal)
    );
    await fleet.serve(first, ["bob"]);
    await fleet.waitServing(first, ["bob"]);
    const fromMs = performance.now();
    await fleet.copy("alice", first, second);
    await fleet.serve(second, ["alice"]);
    await fleet.waitServing(second, ["alice"]);
    const pauseMs = performance.now() - fromMs;
    assert.ok(pauseMs < PATIENCE_MS, `a pause of ${pauseMs} ms`);
    for (let more = 0; more < 10; more++) await pause(100);
    stop.abort();
    const wanted = new Map(
      (await Promise.all(editing)).flatMap((each) => [...each]),
    );

    await fleet.waitInStep(second, [laptop, desk]);
    assert.deepEqual(
      names(desk.files),
      ["old", ...wanted.keys()].sort(),
      "every edit, no conflict copy, nothing that was deleted",
    );
    for (const [path, text] of wanted) {
      assert.equal(Deno.readTextFileSync(`${desk.files}/${path}`), text);
    }
    const report = await fleet.report(second);
    const after = report.users.find(({ user }) => user === "alice");
    assert.equal(after?.epoch, before?.epoch, "nobody had to compare in full");
    assert.equal((await desk.report()).server.address, second.address);
    await waitFor(
      "no fault to be left",
      async () => problemsOf(await desk.report()).length === 0,
    );

    // Bob has noticed nothing; and what is left behind of alice is served by nobody.
    Deno.writeTextFileSync(`${tower.files}/more`, "of bob's");
    await fleet.waitInStep(first, [tower]);
    Deno.writeTextFileSync(first.list, "bob\nalice\n");
    fleet.signal(first, "SIGHUP");
    const left = await waitFor("the list to be read again", async () => {
      const { elsewhere, errors } = await fleet.report(first);
      return errors.some(({ cause }) => /older than that of/.test(cause)) &&
        elsewhere.find(({ reason }) => reason === "stale");
    });
    assert.equal(left.user, "alice");
    assert.equal(left.address, second.address);

    // The broker forgets everything; who served whom goes on.
    await world.broker?.kill();
    await world.broker?.start();
    Deno.writeTextFileSync(`${tower.files}/again`, "after the broker");
    Deno.writeTextFileSync(`${laptop.files}/again`, "after the broker");
    await fleet.waitInStep(first, [tower], 60_000);
    await fleet.waitInStep(second, [laptop, desk], 60_000);
    await fleet.waitServing(second, ["alice"]);
    await fleet.waitServing(first, ["bob"]);

    // A person says that the old directory is good: it is used when the other server lets go.
    const adopted = await world.accounts(
      "adopt",
      "alice",
      "--pid",
      first.process.pidFile,
    );
    assert.equal(adopted.code, 0, adopted.err);
    await waitFor("the first server to wait for the second", async () => {
      const report = await fleet.report(first);
      return problemsOf(report).length === 0 &&
        report.elsewhere.some(({ reason }) => reason === "taken");
    });
    await second.process.stop();
    await fleet.waitServing(first, ["alice", "bob"], 40_000);
    Deno.writeTextFileSync(`${desk.files}/back`, "at the first");
    await fleet.waitInStep(first, [laptop, desk, tower], 60_000);
    assert.equal(
      Deno.readTextFileSync(`${laptop.files}/again`),
      "after the broker",
    );

    // Without the broker a server stops by itself, long before another one may take over.
    await world.broker?.kill();
    await fleet.waitServing(first, [], 2 * LEASE_MS);
    await waitFor("both users to wait for the broker", async () => {
      const { elsewhere } = await fleet.report(first);
      const seen = elsewhere.map(({ user, reason }) => `${user} ${reason}`);
      return seen.sort().join() === "alice waiting,bob waiting";
    });
    await world.broker?.start();
  },
);

for (
  const [line, said] of [
    ["--users a", /--broker is missing/],
    ["--users a --broker mqtts://b", /--address is missing/],
    ["--users a/b --broker mqtts://b --address c:1", /the name 'a\/b'/],
    [
      "--users a --users-from b --broker mqtts://b --address c:1",
      /both --users and --users-from/,
    ],
    [
      "--users-from /nowhere --broker mqtts://b --address c:1",
      /Cannot read the list of users/,
    ],
  ] as const
) {
  Deno.test(`sinkd server ${line} says what is wrong`, async () => {
    await using directory = tempDirectory();
    const { path } = directory;
    const env = { HOME: path, PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" };
    const places = ["--root", `${path}/root`, "--pid", `${path}/server.pid`];
    const ended = await runSinkd(
      ["server", ...places, ...line.split(" ")],
      env,
    );
    assert.equal(ended.code, 2, ended.err);
    assert.match(ended.err, said);
  });
}
