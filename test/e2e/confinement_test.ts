/** The server's rsync in a sandbox, as the README tells to confine it. */
import assert from "node:assert/strict";
import { runToEnd } from "../support/network_programs.ts";
import { testInWorld } from "../support/shared_world.ts";
import { tempDirectory } from "../support/temp.ts";
import { waitFor } from "../support/waiting.ts";

const WRAPPER = new URL("../../scripts/confined_rsync", import.meta.url)
  .pathname;
const IN_SANDBOX = "the server's rsync works in a sandbox";
const REFUSED = "the sandbox shows rsync one user's tree, to read, and nothing";

/** Why there can be no sandbox here; `undefined` when there can. */
async function missing(): Promise<string | undefined> {
  try {
    const said = await runToEnd([
      "bwrap",
      "--unshare-all",
      ...["--ro-bind", "/", "/"],
      "true",
    ]);
    return said.code === 0 ? undefined : "unprivileged namespaces";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "bubblewrap";
    throw error;
  }
}

const lacks = await missing();
if (lacks !== undefined) {
  for (const name of [IN_SANDBOX, REFUSED]) {
    Deno.test(`${name}: did not run: needs ${lacks}`, () => {});
  }
} else {
  testInWorld(
    IN_SANDBOX,
    { clients: { alice: ["a", "b"], bob: ["c"] } },
    async (world) => {
      const bin = `${world.directory}/confined`;
      const calls = `${world.directory}/sandboxes`;
      Deno.mkdirSync(bin);
      Deno.copyFileSync(WRAPPER, `${bin}/rsync`);
      // Keeps count of what the wrapper becomes.
      Deno.writeTextFileSync(
        `${bin}/bwrap`,
        `#!/bin/sh\necho . >>'${calls}'\nPATH=/usr/bin:/bin\nexec bwrap "$@"\n`,
        { mode: 0o755 },
      );
      await world.server.stop();
      world.server.under = [
        "env",
        `PATH=${bin}:${world.env["PATH"]}`,
        `SINKD_ROOT=${world.root}`,
      ];
      await world.server.start();
      const [a, b] = [world.client("a"), world.client("b")];
      const large = "0123456789".repeat(200_000);
      Deno.mkdirSync(`${a.files}/sub`);
      Deno.writeTextFileSync(`${a.files}/sub/large`, large);
      Deno.writeTextFileSync(`${b.files}/of b`, "b");
      Deno.writeTextFileSync(`${world.client("c").files}/of c`, "c");
      await world.waitInStep();
      Deno.writeTextFileSync(`${b.files}/sub/large`, `${large}more`);
      await waitFor(
        "the change",
        () => Deno.statSync(`${a.files}/sub/large`).size === large.length + 4,
      );
      Deno.removeSync(`${a.files}/of b`);
      await world.waitInStep();
      const count = Deno.readTextFileSync(calls).length / 2;
      assert.ok(count >= 5, `${count} calls in a sandbox`);
    },
  );

  Deno.test(`${REFUSED} else`, async () => {
    await using directory = tempDirectory();
    const root = `${directory.path}/root`;
    const alice = `${root}/alice`;
    const staging = `${alice}/.sinkd/incoming/s`;
    for (const made of [staging, `${alice}/files`, `${root}/bob`]) {
      Deno.mkdirSync(made, { recursive: true });
    }
    for (
      const made of [`${alice}/files/f`, `${root}/bob/f`, `${root}/f`]
    ) Deno.writeTextFileSync(made, "f");
    const call = (from: string, to: string) =>
      runToEnd([
        "env",
        `SINKD_ROOT=${root}`,
        WRAPPER,
        "-r",
        ...["--", from, to],
      ]);
    const fine = await call(`${alice}/files/f`, staging);
    assert.deepEqual([fine.code, fine.err], [0, ""]);
    assert.ok(Deno.statSync(`${staging}/f`).isFile);
    for (const secret of ["/etc/passwd", "/root", "/home", "/var"]) {
      const { code, err } = await call(secret, staging);
      assert.equal(code, 23, secret);
      assert.match(err, /No such file or directory/);
    }
    const written = await call(`${alice}/files/f`, `${alice}/files/g`);
    assert.equal(written.code, 23);
    assert.match(written.err, /Read-only file system/);
    for (const other of [`${root}/bob/f`, `${alice}/../bob/f`]) {
      const { code, err } = await call(other, staging);
      assert.equal(code, 4);
      assert.match(err, /two users in one call|a path with \.\./);
    }
    const link = `${alice}/files/l`;
    Deno.symlinkSync(`${root}/bob/f`, link);
    Deno.removeSync(`${staging}/f`);
    const followed = await runToEnd([
      "env",
      `SINKD_ROOT=${root}`,
      WRAPPER,
      ...["--copy-links", "--", link, `${staging}/`],
    ]);
    assert.equal(followed.code, 23);
    assert.deepEqual([...Deno.readDirSync(staging)], []);
  });
}
