import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import { waitFor } from "../support/waiting.ts";

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

test("client() refuses a state directory on which another one runs, also when that one's pid file is gone", async (world) => {
  const [a, b] = [world.client("a"), world.client("b")];
  const second = () =>
    world.sinkd("client", ...a.places(), "--pid", `${a.home}/second.pid`);
  const refused = await second();
  assert.equal(refused.code, 2);
  assert.match(refused.err, /another one runs on .*state; .*client\.pid/);
  assert.doesNotMatch(refused.err, /Cannot start the client: Cannot/);

  Deno.removeSync(a.process.pidFile);
  Deno.removeSync(`${a.home}/client.sock`);
  assert.equal((await second()).code, 2);
  await waitFor(
    "the pid file and the socket to be made again",
    async () => await a.process.report() !== undefined,
  );
  const { code, out } = await a.sinkd("status");
  assert.equal(code, 0, out);
  Deno.writeTextFileSync(`${a.files}/after`, "x");
  await world.waitInStep();
  assert.equal(Deno.readTextFileSync(`${b.files}/after`), "x");
  assert.doesNotMatch(a.process.log(), /out of reach/);
});

test("server() refuses a root on which another one runs", async (world) => {
  const { code, err } = await world.sinkd(
    "server",
    ...["--root", world.root, "--listen", "127.0.0.1:0"],
    ...["--pid", `${world.directory}/second.pid`],
  );
  assert.equal(code, 2);
  assert.match(err, /another server runs on it; .*server\.pid/);
  await world.waitInStep();
});
