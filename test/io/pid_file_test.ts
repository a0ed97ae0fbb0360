import assert from "node:assert/strict";
import {
  isPidFileHeld,
  lockPidFile,
  readPid,
  socketPathOf,
} from "../../lib/io/pid_file.ts";

async function inDirectory(
  run: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("socketPathOf() puts the socket beside the pid file", () => {
  assert.equal(socketPathOf("/run/sinkd.pid"), "/run/sinkd.sock");
  assert.equal(socketPathOf("/tmp/a.b/one"), "/tmp/a.b/one.sock");
});

Deno.test("lockPidFile() writes our pid and removes the file when let go", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/sinkd.pid`;
    {
      await using lock = lockPidFile(path);
      assert.equal(lock?.path, path);
      assert.equal(readPid(path), Deno.pid);
      assert.equal(isPidFileHeld(path), true);
    }
    assert.equal(readPid(path), undefined);
    assert.equal(isPidFileHeld(path), false);
  }));

Deno.test("lockPidFile() gives nothing when another holds the file", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/sinkd.pid`;
    await using _lock = lockPidFile(path);
    assert.equal(lockPidFile(path), undefined);
    assert.equal(readPid(path), Deno.pid);
  }));

Deno.test("lockPidFile() takes over what a killed process left behind", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/sinkd.pid`;
    await Deno.writeTextFile(path, "4194000\nand more\n");
    assert.equal(isPidFileHeld(path), false);
    await using lock = lockPidFile(path);
    assert.notEqual(lock, undefined);
    assert.equal(await Deno.readTextFile(path), `${Deno.pid}\n`);
  }));

Deno.test("lockPidFile() lets go when its process is killed", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/sinkd.pid`;
    const module = new URL("../../lib/io/pid_file.ts", import.meta.url).href;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `import { lockPidFile } from ${JSON.stringify(module)};
         globalThis.lock = lockPidFile(${JSON.stringify(path)});
         console.log("held"); setInterval(() => {}, 1000);`,
      ],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    assert.equal(isPidFileHeld(path), true);
    assert.equal(lockPidFile(path), undefined);
    assert.equal(readPid(path), child.pid);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    assert.equal(isPidFileHeld(path), false);
    await using lock = lockPidFile(path);
    assert.notEqual(lock, undefined);
  }));

Deno.test("lockPidFile() says what to do when the directory is missing", () => {
  assert.throws(
    () => lockPidFile("/nowhere-at-all/sinkd.pid"),
    /directory does not exist; name another with --pid FILE/,
  );
});

Deno.test("readPid() gives nothing when the file holds no number", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/p`, "");
    assert.equal(readPid(`${directory}/p`), undefined);
    await Deno.writeTextFile(`${directory}/p`, "abc");
    assert.equal(readPid(`${directory}/p`), undefined);
  }));
