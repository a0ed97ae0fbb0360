import assert from "node:assert/strict";
import { statusReportSchema } from "../../lib/core/status.ts";
import { isPidFileHeld, readPid } from "../../lib/io/pid_file.ts";
import { LAUNCHER, LAUNCHER_ENV } from "../support/under_test.ts";
import { signalIfAlive } from "../support/detached.ts";
import { testInWorld } from "../support/shared_world.ts";
import { itemAt } from "../support/tree_view.ts";
import { SOON_MS, waitFor } from "../support/waiting.ts";

testInWorld(
  "server() and client() start, restart, reload and stop in the background",
  { clients: { alice: ["a", "b"] } },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await a.process.stop();
    await world.server.stop();
    assert.equal((await a.sinkd("status")).code, 3);
    const server = (word: string) =>
      world.sinkd(
        "server",
        word,
        ...(word === "start" || word === "restart"
          ? world.serverOptions()
          : ["--pid", world.server.pidFile]),
      );
    const client = (word: string) =>
      a.sinkd(
        "client",
        word,
        ...(word === "start" || word === "restart" ? a.places() : []),
      );
    try {
      for (const run of [server, client]) {
        const started = await run("start");
        assert.equal(started.code, 0, started.err);
        assert.match(started.out, /^The (server|client) runs, pid \d+\.\n$/);
        const again = await run("start");
        assert.equal(again.code, 0, again.err);
        assert.match(again.out, /already/);
      }
      await world.waitInStep();
      const text = a.anchorText(a.files, "files");
      Deno.mkdirSync(`${a.home}/second`);
      a.configure(text + a.anchorText(`${a.home}/second`, "second"));
      const reloaded = await client("reload");
      assert.equal(reloaded.code, 0, reloaded.err);
      // A new directory needs a new process, for only that has other permissions.
      await waitFor("the second anchor", async () => {
        const report = await a.process.report();
        return report?.role === "client" && report.anchors.length === 2 &&
          report.anchors.every(({ state }) => state === "Sinkd");
      });
      Deno.writeTextFileSync(`${a.home}/second/file`, "x");
      await waitFor(
        "its file on the server",
        () => itemAt(`${world.root}/alice/second/file`) !== undefined,
      );
      assert.equal((await server("reload")).code, 0);
      for (
        const { run, pidFile } of [
          { run: server, pidFile: world.server.pidFile },
          { run: client, pidFile: a.process.pidFile },
        ]
      ) {
        const before = readPid(pidFile);
        const restarted = await run("restart");
        assert.equal(restarted.code, 0, restarted.err);
        assert.notEqual(readPid(pidFile), before);
      }
      Deno.writeTextFileSync(`${b.files}/after`, "restarts");
      await world.waitInStep();
      assert.equal(itemAt(`${a.files}/after`)?.kind, "file");
    } finally {
      for (const run of [client, server]) {
        const stopped = await run("stop");
        assert.equal(stopped.code, 0, stopped.err);
      }
    }
    assert.equal(isPidFileHeld(a.process.pidFile), false);
    assert.equal(isPidFileHeld(world.server.pidFile), false);
    assert.equal((await client("stop")).code, 0);
  },
);

testInWorld(
  "status() answers as JSON and text, with exit codes 0, 1, 3 and 4",
  { clients: { alice: ["a"] } },
  async (world) => {
    const a = world.client("a");
    const status = async (code: number) => {
      const json = await a.sinkd("status", "--json");
      assert.equal(json.code, code, json.out + json.err);
      const text = await a.sinkd("status");
      assert.equal(text.code, code, text.out + text.err);
      return { json: json.out, text: text.out };
    };
    const { json, text } = await status(0);
    const report = statusReportSchema.parse(JSON.parse(json));
    assert.equal(report.role, "client");
    assert.match(text, /^Up to date\.\n/);
    const server = await world.sinkd(
      "status",
      "--json",
      "--pid",
      world.server.pidFile,
    );
    assert.equal(server.code, 0);
    const seen = statusReportSchema.parse(JSON.parse(server.out));
    assert.ok(seen.role === "server");
    assert.equal(seen.listen, world.address);
    assert.deepEqual(
      seen.users.map(({ user, clients }) => [user, clients[0]?.client]),
      [["alice", "a"]],
    );

    assert.equal((await a.sinkd("pause")).code, 0);
    await status(4);
    assert.equal((await a.sinkd("resume")).code, 0);
    await world.waitInStep();
    await status(0);

    await world.server.stop();
    await waitFor(
      "the client to notice",
      async () => (await a.report()).state === "Offline",
    );
    assert.match((await status(1)).text, /offline|reach/i);
    await a.process.stop();
    const gone = await a.sinkd("status");
    assert.equal(gone.code, 3);
    assert.equal(gone.out, "");
    assert.match(gone.err, /^sinkd: .*\n$/);
    assert.equal((await a.sinkd("status", "--jsno")).code, 2);
  },
);

testInWorld(
  "SIGTERM and SIGINT end server and client within two seconds, and a second client is refused",
  { clients: { alice: ["a"] } },
  async (world) => {
    const a = world.client("a");
    const second = await world.sinkd(
      "client",
      ...a.places(),
      "--pid",
      a.process.pidFile,
    );
    assert.equal(second.code, 2);
    assert.match(second.err, /held by another/);
    await a.process.stop();
    await world.server.stop();
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      for (
        const { args, pidFile } of [
          {
            args: ["server", ...world.serverOptions()],
            pidFile: world.server.pidFile,
          },
          {
            args: ["client", ...a.places(), "--pid", a.process.pidFile],
            pidFile: a.process.pidFile,
          },
        ]
      ) {
        const child = new Deno.Command(LAUNCHER, {
          args,
          env: { ...LAUNCHER_ENV, ...world.env },
          clearEnv: true,
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }).spawn();
        await waitFor("it to hold its pid file", () =>
          isPidFileHeld(pidFile) &&
          itemAt(pidFile.replace(".pid", ".sock")) !== undefined);
        const fromMs = performance.now();
        signalIfAlive(child.pid, signal);
        const { code } = await child.status;
        const tookMs = performance.now() - fromMs;
        assert.ok(tookMs < SOON_MS, `${args[0]} ${signal}: ${tookMs} ms`);
        assert.equal(code, 0, `${args[0]} ${signal}`);
      }
    }
  },
);
