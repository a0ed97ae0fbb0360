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

test("client() of a copied machine is refused while the first one is connected, both sides say so, and nothing flaps", async (world) => {
  const [a, b] = [world.client("a"), world.client("b")];
  const copy = world.addMachine("alice", "copy");
  world.forget(copy);
  Deno.mkdirSync(copy.state, { recursive: true });
  Deno.copyFileSync(
    `${a.state}/credentials.json`,
    `${copy.state}/credentials.json`,
  );
  await copy.process.start();
  const told = await waitFor("the copy to be told", async () => {
    const { errors } = await copy.report();
    return errors.find(({ kind }) => kind === "twin");
  });
  assert.match(told.cause, /another machine is connected as alice\/a/);
  assert.match(told.fix, /sinkd join - --name/);
  assert.equal((await copy.sinkd("status")).code, 4);
  await waitFor("the server to say so", async () => {
    const { errors } = await world.serverReport();
    return errors.some(({ path, cause }) =>
      path === "alice/a" && /a second machine/.test(cause)
    );
  });
  Deno.writeTextFileSync(`${a.files}/of the first`, "x");
  Deno.writeTextFileSync(`${copy.files}/of the copy`, "x");
  await waitFor(
    "the first one's edit",
    () => isThere(`${b.files}/of the first`),
  );
  assert.doesNotMatch(a.process.log(), /out of reach/);
  assert.equal(isThere(`${b.files}/of the copy`), false);

  // What the copy is told to do; nothing of what was written there is lost.
  await copy.process.stop();
  const link = await world.link("alice");
  const joined = await world.sinkd(
    ...["join", link, "--name", "copy", "--user-config", copy.config],
    ...["--state", copy.state],
  );
  assert.equal(joined.code, 0, joined.err);
  await copy.process.start();
  await waitFor(
    "the copy's edit",
    () =>
      isThere(`${b.files}/of the copy`) && isThere(`${a.files}/of the copy`),
  );
  await copy.process.stop();
});

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}
