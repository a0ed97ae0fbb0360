/**
 * No secret is where another account of the machine could read it.
 */
import assert from "node:assert/strict";
import { loadCredentials } from "../../lib/io/credentials.ts";
import { freePort } from "../support/mosquitto.ts";
import { processesWith } from "../support/processes.ts";
import { testInWorld } from "../support/shared_world.ts";
import { LAUNCHER, LAUNCHER_ENV } from "../support/under_test.ts";
import type { Said } from "../support/daemon_process.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const OTHERS = 0o007;
const GROUP_AND_OTHERS = 0o077;

/** Everything that is a secret in this world, by name. */
function secretsOf(world: World): Map<string, string> {
  const secrets = new Map<string, string>();
  for (const { user, name, state } of world.clients()) {
    secrets.set(`${user}/${name}`, loadCredentials(state)?.secret ?? "");
  }
  const own = `${world.root}/.sinkd`;
  const key = Deno.readTextFileSync(`${own}/key.pem`).split("\n")[1] ?? "";
  secrets.set("the server's key", key);
  const access = Deno.readTextFileSync(
    `${world.root}/alice/.sinkd/restore-access`,
  );
  secrets.set("alice's password", access.trim().split(":")[1] ?? "");
  for (const [name, secret] of secrets) assert.ok(secret.length > 20, name);
  return secrets;
}

/** Files below `directory` that others than their owner can get at, by mode of themselves and of what is above. */
function* openFiles(directory: string): Generator<string> {
  for (const { name } of Deno.readDirSync(directory)) {
    const full = `${directory}/${name}`;
    const info = Deno.lstatSync(full);
    const mode = info.mode ?? 0;
    if (info.isDirectory && (mode & GROUP_AND_OTHERS) !== 0) {
      yield* openFiles(full);
    } else if (info.isFile && (mode & GROUP_AND_OTHERS) !== 0) yield full;
  }
}

/** `sinkd join -`. */
async function joinByInput(
  { env }: World,
  { state, config, name }: WorldClient,
  link: string,
): Promise<Said> {
  const places = ["--state", state, "--user-config", config, "--name", name];
  const child = new Deno.Command(LAUNCHER, {
    args: ["join", "-", ...places],
    env: { ...LAUNCHER_ENV, ...env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${link}\n`));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

testInWorld(
  "no secret is in a process list, a log, a report, or a file that others may read",
  {
    clients: { alice: ["laptop", "desk"] },
    serverOptions: ["--rsyncd", `127.0.0.1:${freePort()}`],
  },
  async (world) => {
    const secrets = secretsOf(world);
    const link = await world.link("alice");
    secrets.set("a join token", link.split(/[:@]/)[2] ?? "");

    const seen = new Map<string, string>();
    let running = true;
    const watching = (async () => {
      while (running) {
        for (
          const { pid, command } of processesWith(
            "SINKD_TEST_WORLD",
            world.directory,
          )
        ) seen.set(`${pid} ${command}`, command);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (let n = 0; n < 5; n++) {
      const { files } = world.client("laptop");
      Deno.writeTextFileSync(`${files}/f${n}`, "x".repeat(100_000));
      await world.waitInStep();
    }
    const late = world.addMachine("alice", "late");
    const joined = await joinByInput(world, late, link);
    assert.equal(joined.code, 0, joined.err);
    const again = await joinByInput(
      world,
      world.addMachine("alice", "later"),
      link,
    );
    assert.equal(again.code, 1);
    for (const name of ["late", "later"]) world.forget(world.client(name));
    running = false;
    await watching;
    const ofJoin = [...seen.values()].filter((line) =>
      /\bjoin - --/.test(line)
    );
    assert.ok(ofJoin.length > 0, "a join was seen");
    const commands = [...seen.values()];
    assert.ok(
      commands.some((command) => command.includes("rsync://sinkd@127")),
      "a call of rsync was seen",
    );
    assert.ok(
      commands.some((command) => command.includes("--server --daemon")),
      "the other end was seen",
    );

    const texts = new Map<string, string>();
    for (const command of commands) texts.set(`process ${command}`, command);
    for (const { process } of world.clients()) {
      texts.set(`log of ${process.pidFile}`, process.log());
      texts.set("report", JSON.stringify(await process.report()));
    }
    texts.set("the server's log", world.server.log());
    texts.set(
      "the server's report",
      JSON.stringify(await world.serverReport()),
    );
    for (const file of openFiles(world.directory)) {
      texts.set(file, Deno.readTextFileSync(file));
    }
    for (const [where, text] of texts) {
      for (const [name, secret] of secrets) {
        assert.ok(!text.includes(secret), `${name} is in ${where}`);
      }
      assert.doesNotMatch(text, /RSYNC_PASSWORD|RSYNC_PROXY/, where);
    }
    const own = `${world.root}/.sinkd`;
    for (
      const place of [own, `${own}/rsyncd`, `${world.root}/alice/.sinkd`]
    ) {
      const { mode } = Deno.statSync(place);
      assert.equal((mode ?? 0) & GROUP_AND_OTHERS, 0, place);
    }
    const { mode } = Deno.statSync(`${world.root}/alice`);
    assert.equal((mode ?? 0) & OTHERS, 0);
  },
);
