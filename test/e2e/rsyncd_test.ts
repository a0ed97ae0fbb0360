/**
 * Plain rsync against the server's rsync daemon.
 */
import assert from "node:assert/strict";
import { freePort, isListening } from "../support/mosquitto.ts";
import { signalIfAlive } from "../support/detached.ts";
import { processesWith } from "../support/processes.ts";
import { shareWorld } from "../support/shared_world.ts";
import { differences, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const port = freePort();
const world = shareWorld({
  clients: { alice: ["laptop"], bob: ["desk"] },
  serverOptions: ["--rsyncd", `127.0.0.1:${port}`],
});

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function rsync(password: string, ...args: string[]): Promise<Said> {
  const { code, stdout, stderr } = await new Deno.Command("rsync", {
    args,
    env: { RSYNC_PASSWORD: password },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

function passwordOf(world: World, user: string): string {
  const file = `${world.root}/${user}/.sinkd/restore-access`;
  assert.equal((Deno.statSync(file).mode ?? 0) & 0o777, 0o600);
  const [name, password = ""] = Deno.readTextFileSync(file).trim().split(":");
  assert.equal(name, user);
  return password;
}

function urlOf(user: string, path = ""): string {
  return `rsync://${user}@127.0.0.1:${port}/${user}/${path}`;
}

world.test("plain rsync restores a tree with its links and modes", async (world) => {
  const { files } = world.client("laptop");
  Deno.mkdirSync(`${files}/sub`, { mode: 0o750 });
  Deno.writeTextFileSync(`${files}/sub/run`, "#!/bin/sh\n", { mode: 0o750 });
  Deno.writeTextFileSync(`${files}/plain`, "text", { mode: 0o640 });
  Deno.symlinkSync("../../etc/passwd", `${files}/out`);
  Deno.symlinkSync("sub/run", `${files}/in`);
  await world.waitInStep();
  const password = passwordOf(world, "alice");
  const target = `${world.directory}/restored`;
  const said = await rsync(password, "-a", urlOf("alice"), target);
  assert.equal(said.code, 0, said.err);
  assert.deepEqual(differences(treeOf(files), treeOf(`${target}/files`)), []);
  assert.deepEqual([...Deno.readDirSync(target)].map(({ name }) => name), [
    "files",
  ]);
});

world.test("rsync is refused with a wrong password, another user's, and another user's module", async (world) => {
  const alice = passwordOf(world, "alice");
  for (
    const [password, url] of [
      ["wrong", urlOf("alice")],
      [alice, urlOf("bob")],
      [alice, urlOf("alice").replace("/alice/", "/bob/")],
      [passwordOf(world, "bob"), urlOf("alice")],
    ] as const
  ) {
    const said = await rsync(password, url);
    assert.equal(said.code, 5, url);
    assert.match(said.err, /auth failed on module/);
  }
});

world.test("rsync lists no modules, writes nothing, leaves no module, follows no link and sees nothing of sinkd's", async (world) => {
  const password = passwordOf(world, "alice");
  const target = `${world.directory}/escaped`;
  Deno.mkdirSync(target);
  const secret = `${world.directory}/secret`;
  Deno.writeTextFileSync(secret, "secret");
  assert.equal((await rsync(password, `rsync://127.0.0.1:${port}/`)).out, "");
  for (
    const path of [
      ".sinkd/",
      ".sinkd/state.db",
      "../bob/",
      "../../secret",
      "files/out",
      "/etc/hostname",
      "%2e%2e/bob/",
    ]
  ) {
    await rsync(password, "-r", urlOf("alice", path), `${target}/`);
    assert.deepEqual([...Deno.readDirSync(target)], [], path);
  }
  const copied = await rsync(password, "-aL", urlOf("alice"), `${target}/`);
  assert.notEqual(copied.code, 0);
  assert.match(copied.err, /refuse --copy-links/);
  const before = treeOf(`${world.root}/alice`);
  for (
    const more of [[], ["--delete"], ["--remove-source-files"]] as string[][]
  ) {
    const said = await rsync(password, "-r", ...more, secret, urlOf("alice"));
    assert.notEqual(said.code, 0);
  }
  assert.deepEqual(differences(before, treeOf(`${world.root}/alice`)), []);
});

world.test("adduser shows the URL and the password beside the link, users on request, rmuser ends it", async (world) => {
  const made = await world.accounts(
    "adduser",
    "carol",
    "--address",
    world.address,
  );
  assert.match(made.out, /^sinkd:\/\/carol:[^\n]+\n$/);
  const password = passwordOf(world, "carol");
  assert.ok(made.err.includes(`rsync://carol@127.0.0.1:${port}/carol/`));
  assert.ok(made.err.includes(password));
  assert.equal((await rsync(password, urlOf("carol"))).code, 0);
  const listed = await world.accounts("users");
  assert.ok(listed.out.includes(urlOf("carol")));
  assert.ok(!listed.out.includes(password));
  const withPasswords = await world.accounts("users", "--passwords");
  assert.ok(withPasswords.out.includes(password));
  assert.equal((await world.accounts("rmuser", "carol")).code, 0);
  assert.notEqual((await rsync(password, urlOf("carol"))).code, 0);
});

world.test("a name that rsync would read as a pattern gets no module", async (world) => {
  const made = await world.accounts("adduser", "*", "--address", world.address);
  assert.equal(made.code, 0, made.err);
  assert.ok(!made.err.includes("rsync://"));
  assert.notEqual((await rsync("x", `rsync://*@127.0.0.1:${port}/*/`)).code, 0);
  assert.equal((await world.accounts("rmuser", "*")).code, 0);
});

function daemons(world: World): number[] {
  return processesWith("SINKD_TEST_WORLD", world.directory)
    .filter(({ command }) => /^\S*rsync --daemon /.test(command))
    .map(({ pid }) => pid);
}

function listenIfFree(): Deno.Listener | undefined {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}

world.test("a killed daemon comes back, and status says what happened until then", async (world) => {
  // Whoever has its port keeps it from coming back, so that the fault stays for as long as it takes to see.
  const taken = await waitFor("its port to be free", () => {
    for (const pid of daemons(world)) signalIfAlive(pid, "SIGKILL");
    return listenIfFree();
  });
  const faultNow = async () =>
    (await world.serverReport()).errors.find(({ path }) =>
      path === `rsync://127.0.0.1:${port}`
    );
  const fault = await waitFor("the fault in status", faultNow);
  assert.match(fault.cause, /^the rsync daemon ended: /);
  taken.close();
  await waitFor("the daemon to be back", () => isListening(port));
  assert.equal((await rsync(passwordOf(world, "bob"), urlOf("bob"))).code, 0);
  await waitFor(
    "the fault to be gone",
    async () => await faultNow() === undefined,
  );
});

world.test("a server that is killed leaves no daemon, and the next one has its port", async (world) => {
  await world.server.kill();
  await waitFor("the daemon to end", () => daemons(world).length === 0);
  assert.equal(await isListening(port), false);
  const password = passwordOf(world, "alice");
  await world.server.start();
  await waitFor("the daemon to be back", () => isListening(port));
  assert.equal((await rsync(password, urlOf("alice"))).code, 0);
  await world.waitInStep();
});

world.test("a stopped server takes its daemon along; passwords are in no log and no process list", async (world) => {
  const password = passwordOf(world, "alice");
  const shown = processesWith("SINKD_TEST_WORLD", world.directory);
  assert.ok(shown.length > 3);
  assert.deepEqual(
    shown.filter(({ command }) => command.includes(password)),
    [],
  );
  assert.equal((await world.server.stop()).code, 0);
  assert.deepEqual(daemons(world), []);
  assert.ok(!world.server.log().includes(password));
  await world.server.start();
});
