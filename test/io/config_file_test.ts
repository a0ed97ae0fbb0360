/**
 * Configuration files on a real disk: reading, faults, and edits that keep what hands wrote.
 *
 * @module
 */
import assert from "node:assert/strict";
import { asNobody } from "../support/unprivileged.ts";
import { dirname } from "node:path";
import { ConfigError } from "../../lib/core/config.ts";
import {
  addAnchor,
  type ConfigFiles,
  loadConfig,
  removeAnchor,
  unreadableConfig,
} from "../../lib/io/config_file.ts";

async function withFiles(
  texts: { readonly machine?: string; readonly user?: string },
  body: (files: ConfigFiles) => Promise<void> | void,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "sinkd-config-" });
  try {
    const files = {
      machineFile: `${directory}/etc.conf`,
      userFile: `${directory}/user.conf`,
      home: `${directory}/home`,
    };
    if (texts.machine !== undefined) {
      await Deno.writeTextFile(files.machineFile, texts.machine);
    }
    if (texts.user !== undefined) {
      await Deno.writeTextFile(files.userFile, texts.user);
    }
    await body(files);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function isFault(...parts: (string | RegExp)[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ConfigError, String(error));
    for (const part of parts) assert.match(error.message, new RegExp(part));
    return true;
  };
}

function paths(files: ConfigFiles): string[] {
  return loadConfig(files).anchors.map(({ path }) => path);
}

Deno.test("loadConfig() takes missing files for empty ones", () =>
  withFiles({}, (files) => {
    assert.deepEqual(loadConfig(files).anchors, []);
  }));

Deno.test("loadConfig() resolves '~' and relative paths, which need not exist", () =>
  withFiles({ user: '[[anchors]]\npath="~/d"\n[[anchors]]\npath="rel"\n' }, (
    files,
  ) => {
    const directory = files.home.replace(/\/home$/, "");
    assert.deepEqual(paths(files), [`${directory}/home/d`, `${directory}/rel`]);
  }));

Deno.test("loadConfig() reads one file once when it is named as both", () =>
  withFiles({ user: '[[anchors]]\npath="/a"\n' }, (files) => {
    assert.deepEqual(paths({ ...files, machineFile: files.userFile }), ["/a"]);
  }));

Deno.test("loadConfig() says file, line and column when a file is not TOML", () =>
  withFiles({ machine: "a = \n" }, (files) => {
    assert.throws(
      () => loadConfig(files),
      isFault("etc.conf, line 1: not TOML at column 5: invalid value"),
    );
  }));

Deno.test("loadConfig() refuses what is no readable text file", () =>
  withFiles({ user: "" }, async (files) => {
    await Deno.mkdir(files.machineFile);
    assert.throws(() => loadConfig(files), isFault("etc.conf: it is a dir"));
    await Deno.remove(files.machineFile);
    await Deno.writeFile(files.machineFile, new Uint8Array([0x61, 0xff]));
    assert.throws(() => loadConfig(files), isFault("etc.conf.*UTF-8"));
    await Deno.writeTextFile(files.machineFile, "#".repeat(1_100_000));
    assert.throws(() => loadConfig(files), isFault("etc.conf.*larger than"));
    await Deno.remove(files.machineFile);
    assert.throws(
      () => loadConfig({ ...files, userFile: `${files.userFile}/x` }),
      isFault("user.conf/x: cannot read it"),
    );
    const denied = unreadableConfig("/x", new Deno.errors.PermissionDenied());
    assert.match(denied.message, /\/x: permission denied; make it readable/);
  }));

Deno.test("loadConfig() refuses a file that it may not read", () =>
  withFiles({ user: "" }, async (files) => {
    for (
      let path = files.userFile;
      path !== "/tmp" && path !== "/";
      path = dirname(path)
    ) {
      await Deno.chmod(path, 0o755);
    }
    await asNobody(() => Promise.resolve(loadConfig(files)));
    await Deno.chmod(files.userFile, 0);
    await asNobody(() => {
      assert.throws(() => loadConfig(files), isFault("permission denied"));
      return Promise.resolve();
    });
  }));

Deno.test("addAnchor() makes a 0600 file in a directory that it makes", () =>
  withFiles({}, async (files) => {
    const made = {
      ...files,
      userFile: `${files.home}/.config/sinkd.conf`,
    };
    addAnchor(made, {
      path: "~/docs",
      name: "docs",
      excludes: ["*.o", "x y/"],
    });
    const { mode } = await Deno.stat(made.userFile);
    assert.equal((mode ?? 0) & 0o7777, 0o600);
    const directory = await Deno.stat(`${files.home}/.config`);
    assert.equal((directory.mode ?? 0) & 0o777, 0o700);
    const [anchor] = loadConfig(made).anchors;
    assert.equal(anchor?.path, `${files.home}/docs`);
    assert.equal(anchor?.name, "docs");
    assert.deepEqual(anchor?.excludes, ["*.o", "x y/"]);
  }));

Deno.test("addAnchor() only adds text, and keeps mode and line breaks", () =>
  withFiles({ user: '# mine\r\nserver_addr = "b" # box' }, async (files) => {
    await Deno.chmod(files.userFile, 0o640);
    addAnchor(files, { path: "/a" });
    assert.equal(
      await Deno.readTextFile(files.userFile),
      '# mine\r\nserver_addr = "b" # box\r\n\r\n[[anchors]]\r\npath = "/a"\r\n',
    );
    const { mode } = await Deno.stat(files.userFile);
    assert.equal((mode ?? 0) & 0o7777, 0o640);
    const names = Array.from(Deno.readDirSync(dirname(files.userFile)))
      .map(({ name }) => name);
    assert.deepEqual(names, ["user.conf"]);
  }));

Deno.test("addAnchor() writes where a symbolic link leads", () =>
  withFiles({}, async (files) => {
    const real = `${files.userFile}.real`;
    await Deno.symlink("user.conf.real", files.userFile);
    addAnchor(files, { path: "/a" });
    addAnchor(files, { path: "/b" });
    assert.equal((await Deno.lstat(files.userFile)).isSymlink, true);
    assert.equal((await Deno.lstat(real)).isFile, true);
    assert.deepEqual(paths(files), ["/a", "/b"]);
  }));

Deno.test("addAnchor() refuses what cannot be, and leaves the file alone", () =>
  withFiles({
    machine: '[[anchors]]\npath = "/m"\n',
    user: '[[anchors]]\npath = "/a/b"\nname = "n"\n',
  }, async (files) => {
    const before = await Deno.readTextFile(files.userFile);
    const refused: readonly (readonly [
      Parameters<typeof addAnchor>[1],
      string,
    ])[] = [
      [{ path: "/a/b/" }, "line 2: '/a/b' is an anchor already"],
      [{ path: "/m" }, "etc.conf, line 2: '/m' is an anchor already"],
      [{ path: "/a" }, "user.conf: cannot add '/a': .*holds anchor '/a/b'"],
      [{ path: "/m/x" }, "inside anchor '/m' .*etc.conf, line 2"],
      [{ path: "/c", name: "n" }, "name 'n' is that of anchor '/a/b'"],
      [{ path: "/c", name: "a/b" }, "another name"],
      [{ path: "/c", excludes: ["!"] }, 'pattern "!"'],
      [{ path: "/" }, "root"],
      [{ path: "rel" }, "not an absolute path"],
      [{ path: "/x/.sinkd" }, ".sinkd"],
    ];
    for (const [anchor, message] of refused) {
      assert.throws(() => addAnchor(files, anchor), isFault(message));
    }
    assert.equal(await Deno.readTextFile(files.userFile), before);
  }));

Deno.test("addAnchor() and removeAnchor() leave a broken or inline file to hands", () =>
  withFiles({ user: 'anchors = [{ path = "/a" }]\n' }, async (files) => {
    assert.throws(
      () => addAnchor(files, { path: "/b" }),
      isFault("line 1, anchors: cannot add .* by hand"),
    );
    assert.throws(
      () => removeAnchor(files, "/a"),
      isFault("line 1, anchors: cannot remove .* by hand"),
    );
    await Deno.writeTextFile(files.userFile, "a = = 1\n");
    assert.throws(() => addAnchor(files, { path: "/b" }), isFault("not TOML"));
  }));

Deno.test("removeAnchor() keeps the comments of what it takes out", () =>
  withFiles({
    user:
      '# top\n\n# docs\n[[anchors]]\npath = "~/docs" # here\nexcludes = [\n  "*.o", # C\n]\n\n[rsync] # all\ncompress = true\n',
  }, async (files) => {
    removeAnchor(files, `${files.home}/docs`);
    assert.equal(
      await Deno.readTextFile(files.userFile),
      "# top\n\n# docs\n# here\n# C\n\n[rsync] # all\ncompress = true\n",
    );
    assert.deepEqual(paths(files), []);
  }));

Deno.test("removeAnchor() refuses an anchor that is not there, or the machine's", () =>
  withFiles({ machine: '[[anchors]]\npath = "/m"\n' }, (files) => {
    assert.throws(() => removeAnchor(files, "/x"), isFault("'/x' is not an"));
    assert.throws(
      () => removeAnchor(files, "/m"),
      isFault("etc.conf: '/m' is an anchor of this file.*by hand"),
    );
  }));

Deno.test("removeAnchor() takes out the user's entry when the machine has one too", () =>
  withFiles({
    machine: '[[anchors]]\npath = "/m"\nname = "machine"\n',
    user: '[[anchors]]\npath = "/m"\nname = "mine"\n',
  }, async (files) => {
    const { anchors } = removeAnchor(files, "/m");
    assert.deepEqual(anchors.map(({ name }) => name), ["machine"]);
    assert.equal(await Deno.readTextFile(files.userFile), "");
  }));
