import assert from "node:assert/strict";
import { isPidFileHeld, readPid } from "../../lib/io/pid_file.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const FAKE = new URL("./fake_daemon.ts", import.meta.url).pathname;

interface Place {
  readonly pidFile: string;
  readonly log: string;
  sinkd(...args: string[]): Promise<{ code: number; out: string; err: string }>;
}

async function inPlace(run: (place: Place) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const launcher = `${directory}/launcher`;
  await Deno.writeTextFile(
    launcher,
    `#!/bin/sh\nexec ${Deno.execPath()} run -A ${FAKE} "$@"\n`,
    { mode: 0o755 },
  );
  const pidFile = `${directory}/s.pid`;
  const root = `${directory}/root`;
  const sinkd: Place["sinkd"] = async (...args) => {
    const named = args.includes("start") || args.includes("restart")
      ? [...args, "--root", root]
      : args;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-A", MAIN, ...named, "--pid", pidFile],
      env: { SINKD_LAUNCHER: launcher, NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  };
  try {
    await run({ pidFile, log: `${root}/.sinkd/server.log`, sinkd });
  } finally {
    await sinkd("server", "stop");
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("sinkd server start, status, reload, restart, stop go round by the pid file", () =>
  inPlace(async ({ pidFile, sinkd }) => {
    assert.equal((await sinkd("status")).code, 3);
    const started = await sinkd("server", "start");
    const pid = readPid(pidFile);
    assert.deepEqual(started, {
      code: 0,
      out: `The server runs, pid ${pid}.\n`,
      err: "",
    });
    assert.deepEqual(await sinkd("server", "start"), {
      code: 0,
      out: `The server runs already, pid ${pid}.\n`,
      err: "",
    });
    const status = await sinkd("status", "--json");
    assert.equal(status.code, 0);
    assert.equal(JSON.parse(status.out).pid, pid);
    assert.equal((await sinkd("server", "reload")).out, "did reload\n");
    assert.equal((await sinkd("pause")).out, "did pause\n");
    assert.equal((await sinkd("server", "restart")).code, 0);
    assert.notEqual(readPid(pidFile), pid);
    assert.deepEqual(await sinkd("server", "stop"), {
      code: 0,
      out: "The server has stopped.\n",
      err: "",
    });
    assert.equal(isPidFileHeld(pidFile), false);
    assert.equal((await sinkd("server", "stop")).out, "No server runs.\n");
    assert.equal((await sinkd("server", "reload")).code, 3);
  }));

Deno.test("sinkd server start fails with the log's last lines and the program's exit code", () =>
  inPlace(async ({ log, sinkd }) => {
    const { code, err } = await sinkd("server", "start", "--jobs", "13");
    assert.equal(code, 2);
    assert.equal(
      err,
      `sinkd: Cannot start the server: Cannot run: jobs are unlucky (log: ${log})\n`,
    );
  }));

Deno.test("sinkd client stop refuses when it is a server that runs", () =>
  inPlace(async ({ pidFile, sinkd }) => {
    await sinkd("server", "start");
    const { code, err } = await sinkd("client", "stop");
    assert.equal(code, 2);
    assert.match(
      err,
      /A server \(pid \d+\) holds .*name the client's pid file/,
    );
    assert.equal(isPidFileHeld(pidFile), true);
  }));
