/**
 * Every printable character, and some that are not, in every place where a path goes: the server's
 * root, its pid file and socket, a client's home, state, configuration, pid file and anchors, and the
 * places of temporary files.
 */
import assert from "node:assert/strict";
import { DaemonProcess, runSinkd } from "../support/daemon_process.ts";
import { freePort, isListening } from "../support/mosquitto.ts";
import { tempDirectory } from "../support/temp.ts";
import { differences, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";

const PLACES: readonly string[] = [
  "!\"#$%&'()*+",
  "-.:;<=>?@[\\]^_`{|}~",
  " at both ends ",
  "#%HOME%",
  "%SINKD_MODULE%\\",
  "tab\tnew\nline\n",
  "a,b,,c,",
  "é漢🎈",
  "-x --y",
  "~",
];

for (const place of PLACES) {
  Deno.test(`server and client work where all paths have ${JSON.stringify(place)}`, async () => {
    await using temp = tempDirectory("sinkd-odd-");
    await using stack = new AsyncDisposableStack();
    const odd = `${temp.path}/${place}`;
    // No permission for a socket can name a comma.
    const pids = place.includes(",") ? temp.path : odd;
    for (const name of ["tmp", "a/docs", "b/docs"]) {
      Deno.mkdirSync(`${odd}/${name}`, { recursive: true });
    }
    const env = {
      PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
      HOME: odd,
      TMPDIR: `${odd}/tmp`,
      PWD: odd,
      NO_COLOR: "1",
    };
    const run = async (...args: string[]) => {
      const said = await runSinkd(args, env);
      assert.equal(said.code, 0, `${args.join(" ")}: ${said.err}`);
      return said.out;
    };
    const address = `127.0.0.1:${freePort()}`;
    const daemonPort = freePort();
    const root = `${odd}/root`;
    const server = stack.use(
      new DaemonProcess({
        args: [
          "server",
          ...["--root", root, "--listen", address],
          ...["--pid", `${pids}/s.pid`, "--rsyncd", `127.0.0.1:${daemonPort}`],
        ],
        env,
        pidFile: `${pids}/s.pid`,
        log: `${odd}/s.log`,
      }),
    );
    await server.start();
    const clients: { process: DaemonProcess; docs: string }[] = [];
    for (const name of ["a", "b"]) {
      const home = `${odd}/${name}`;
      const config = ["--user-config", `${home}/sinkd.conf`];
      const state = ["--state", `${home}/state`];
      const link = await run(
        ...["server", "adduser", "alice", "--root", root],
        ...["--address", address],
      );
      await run("join", link.trim(), ...config, ...state, "--name", name);
      await run("add", `${home}/docs`, "--name", "docs", ...config);
      const process = stack.use(
        new DaemonProcess({
          args: [
            ...["client", "--config", `${home}/machine.conf`],
            ...[...config, ...state, "--pid", `${pids}/${name}.pid`],
          ],
          env,
          pidFile: `${pids}/${name}.pid`,
          log: `${home}/c.log`,
        }),
      );
      await process.start();
      clients.push({ process, docs: `${home}/docs` });
    }
    const [a, b] = clients;
    assert.ok(a !== undefined && b !== undefined);
    Deno.mkdirSync(`${a.docs}/${place}`);
    Deno.writeTextFileSync(`${a.docs}/${place}/${place}`, "from a");
    Deno.symlinkSync(`../${place}`, `${a.docs}/link`);
    await waitFor(
      "both to be equal",
      () => differences(treeOf(a.docs), treeOf(b.docs)).length === 0,
      { tell: () => `${a.process.logTail()}\n${b.process.logTail()}` },
    );
    Deno.writeTextFileSync(`${b.docs}/${place}/${place}`, "from b, longer");
    await waitFor(
      "b's edit to come back",
      () => differences(treeOf(a.docs), treeOf(b.docs)).length === 0,
    );
    await waitFor("the rsync daemon", () => isListening(daemonPort));
    const access = `${root}/alice/.sinkd/restore-access`;
    const [, password = ""] = Deno.readTextFileSync(access).trim().split(":");
    const restored = await new Deno.Command("rsync", {
      args: ["-a", `rsync://alice@127.0.0.1:${daemonPort}/alice/docs/`, "out"],
      cwd: odd,
      env: { RSYNC_PASSWORD: password },
    }).output();
    assert.equal(restored.code, 0, new TextDecoder().decode(restored.stderr));
    assert.deepEqual(differences(treeOf(a.docs), treeOf(`${odd}/out`)), []);
    const status = await runSinkd(
      ["status", "--pid", `${pids}/a.pid`],
      env,
    );
    assert.equal(status.code, 0, status.out + status.err);
    for (const { process } of clients) {
      assert.equal((await process.stop()).code, 0);
    }
    assert.equal((await server.stop()).code, 0);
    assert.deepEqual([...Deno.readDirSync(`${odd}/tmp`)], []);
  });
}

Deno.test("a pid file whose path has a comma is refused, with what to do", async () => {
  await using temp = tempDirectory("sinkd-odd-");
  const said = await runSinkd(
    ["server", "--root", `${temp.path}/root`, "--pid", `${temp.path}/a,b.pid`],
    { PATH: Deno.env.get("PATH") ?? "", HOME: temp.path },
  );
  assert.equal(said.code, 2, said.err);
  assert.match(said.err, /a,b\.sock.*has a comma.*--pid FILE/);
  assert.doesNotMatch(said.err, /Requires/);
});
