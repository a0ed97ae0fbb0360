import assert from "node:assert/strict";
import { NO_EXCLUDES, parseExcludes } from "../../lib/core/excludes.ts";
import { relativePath } from "../../lib/core/path.ts";
import type { Scan, ScanOptions } from "../../lib/io/scan.ts";
import { findPath, scanTree } from "../../lib/io/scan.ts";

const ALL: ScanOptions = { rules: NO_EXCLUDES, only: undefined };

function makeTree(): AsyncDisposable & { path: string } {
  const path = Deno.makeTempDirSync({ prefix: "sinkd-scan-" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

function write(path: string, text = path): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(path, text);
}

function pathsOf(scan: Scan): string[] {
  return [...scan.found.keys()].sort();
}

async function runCommand(command: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args }).output();
  assert.ok(success, command);
}

Deno.test("scanTree() finds files, directories and links with what tells them apart", async () => {
  await using tree = makeTree();
  write(`${tree.path}/a/b/file`, "hello");
  Deno.chmodSync(`${tree.path}/a/b/file`, 0o640);
  Deno.utimeSync(`${tree.path}/a/b/file`, 1, 1_700_000_000.123);
  Deno.mkdirSync(`${tree.path}/empty`);
  Deno.chmodSync(`${tree.path}/empty`, 0o1750);
  Deno.symlinkSync("a/b", `${tree.path}/link`);
  Deno.symlinkSync("/nowhere", `${tree.path}/dangling`);
  const scan = await scanTree(tree.path, ALL);
  assert.deepEqual(pathsOf(scan), [
    "a",
    "a/b",
    "a/b/file",
    "dangling",
    "empty",
    "link",
  ]);
  const file = scan.found.get(relativePath("a/b/file"));
  assert.deepEqual(file?.entry, {
    kind: "file",
    size: 5,
    mtimeMs: 1_700_000_000_123,
    mode: 0o640,
  });
  const info = Deno.lstatSync(`${tree.path}/a/b/file`);
  assert.equal(file?.inode, info.ino);
  assert.ok(Math.abs(file.ctimeS - Date.now() / 1000) < 60);
  assert.deepEqual(scan.found.get(relativePath("empty"))?.entry, {
    kind: "directory",
    mode: 0o750,
  });
  assert.deepEqual(scan.found.get(relativePath("link"))?.entry, {
    kind: "link",
    target: "a/b",
  });
  const { dev, ino, ctime } = Deno.statSync(tree.path);
  assert.deepEqual(scan.root, {
    kind: "present",
    device: dev,
    inode: ino,
    ctimeS: Math.floor((ctime?.getTime() ?? 0) / 1000),
  });
  assert.deepEqual([scan.unreadable, scan.uncarriable], [[], []]);
});

Deno.test("scanTree() leaves out .sinkd at every depth and what is excluded", async () => {
  await using tree = makeTree();
  write(`${tree.path}/.sinkd/incoming/x`);
  write(`${tree.path}/deep/.sinkd/x`);
  write(`${tree.path}/deep/kept.txt`);
  write(`${tree.path}/deep/drop.tmp`);
  write(`${tree.path}/node_modules/a/b`);
  const parsed = parseExcludes(["*.tmp", "node_modules/"]);
  assert.ok(parsed.ok);
  const scan = await scanTree(tree.path, { ...ALL, rules: parsed.rules });
  assert.deepEqual(pathsOf(scan), ["deep", "deep/kept.txt"]);
});

Deno.test("scanTree() lists what cannot be carried, with the reason", async () => {
  await using tree = makeTree();
  await runCommand("mkfifo", `${tree.path}/pipe`);
  Deno.symlinkSync("/rsyncd-munged/x", `${tree.path}/munged`);
  Deno.symlinkSync("é".repeat(2041), `${tree.path}/long`);
  Deno.symlinkSync("é".repeat(2040), `${tree.path}/longest`);
  const names =
    `: > "$(printf 'a\\377')" && ln -s "$(printf 'b\\377')" bad-target`;
  await runCommand("sh", "-c", `cd "$1" && ${names}`, "sh", tree.path);
  const listener = Deno.listen({ transport: "unix", path: `${tree.path}/s` });
  const scan = await scanTree(tree.path, ALL);
  listener.close();
  assert.deepEqual(pathsOf(scan), ["longest"]);
  assert.deepEqual(
    new Map(scan.uncarriable.map((f) => [f.path, f.cause])),
    new Map([
      ["pipe", "is a named pipe (FIFO)"],
      ["long", "is a link whose target has more than 4080 bytes"],
      ["munged", "is a link whose target starts with /rsyncd-munged/"],
      ["a\ufffd", "has a name not in UTF-8"],
      ["bad-target", "is a link whose target is not valid UTF-8"],
      ["s", "is a socket"],
    ]),
  );
});

Deno.test("scanTree() carries hostile names", async () => {
  await using tree = makeTree();
  const names = [
    "new\nline",
    "-rf",
    "#x",
    "trailing ",
    "é",
    "e\u0301",
    "\u{1f41f}",
    "x".repeat(255),
    "real\ufffd",
  ];
  for (const name of names) write(`${tree.path}/${name}`);
  const scan = await scanTree(tree.path, ALL);
  assert.deepEqual(pathsOf(scan), [...names].sort());
  assert.deepEqual(scan.uncarriable, []);
});

Deno.test("scanTree() looks at just one name when the anchor is a single file", async () => {
  await using tree = makeTree();
  write(`${tree.path}/notes.txt`);
  write(`${tree.path}/other.txt`);
  const only = { ...ALL, only: "notes.txt" };
  assert.deepEqual(pathsOf(await scanTree(tree.path, only)), ["notes.txt"]);
  Deno.removeSync(`${tree.path}/notes.txt`);
  const gone = await scanTree(tree.path, only);
  assert.deepEqual([gone.found.size, gone.root.kind], [0, "present"]);
  Deno.mkdirSync(`${tree.path}/notes.txt`);
  const directory = await scanTree(tree.path, only);
  assert.equal(directory.found.size, 0);
  assert.deepEqual(directory.uncarriable, [{
    path: "notes.txt",
    cause: "is a directory where the anchor is a single file",
  }]);
});

Deno.test("scanTree() scans just a subtree when told", async () => {
  await using tree = makeTree();
  write(`${tree.path}/a/b/c/file`);
  write(`${tree.path}/a/other`);
  Deno.symlinkSync("a", `${tree.path}/link`);
  const below = async (path: string) =>
    pathsOf(await scanTree(tree.path, { ...ALL, below: relativePath(path) }));
  assert.deepEqual(await below("a/b"), ["a/b", "a/b/c", "a/b/c/file"]);
  assert.deepEqual(await below("a/other"), ["a/other"]);
  assert.deepEqual(await below("absent/x"), []);
  assert.deepEqual(await below("a/other/x"), []);
  assert.deepEqual(await below("link"), ["link"]);
  assert.deepEqual(
    await below("link/b"),
    [],
    "nothing is found through a link",
  );
});

Deno.test("scanTree() tells a root that is missing, a file or a broken link from an empty one", async () => {
  await using tree = makeTree();
  write(`${tree.path}/file`);
  Deno.mkdirSync(`${tree.path}/empty`);
  Deno.symlinkSync("loop", `${tree.path}/loop`);
  Deno.symlinkSync("empty", `${tree.path}/good`);
  const rootOf = async (name: string) =>
    (await scanTree(`${tree.path}/${name}`, ALL)).root.kind;
  assert.equal(await rootOf("missing"), "missing");
  assert.equal(await rootOf("file"), "not-a-directory");
  assert.equal(await rootOf("loop"), "unreadable");
  assert.equal(await rootOf("empty"), "present");
  assert.equal(await rootOf("good"), "present");
});

Deno.test("scanTree() names a directory that cannot be listed and keeps it in what it found", async () => {
  await using tree = makeTree();
  write(`${tree.path}/closed/x`);
  write(`${tree.path}/open/x`);
  Deno.chmodSync(`${tree.path}/closed`, 0);
  // root may list everything: run without that capability, as another account would.
  const program = `
    import { scanTree } from ${
    JSON.stringify(import.meta.resolve("../../lib/io/scan.ts"))
  };
    import { NO_EXCLUDES } from ${
    JSON.stringify(import.meta.resolve("../../lib/core/excludes.ts"))
  };
    const scan = await scanTree(${
    JSON.stringify(tree.path)
  }, { rules: NO_EXCLUDES, only: undefined });
    console.log(JSON.stringify([[...scan.found.keys()].sort(), scan.unreadable]));`;
  const evaluate = [Deno.execPath(), "eval", program];
  const drop = [
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
  ];
  const [command = "", ...args] = Deno.uid() === 0
    ? [...drop, ...evaluate]
    : evaluate;
  const { stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder();
  assert.deepEqual(
    JSON.parse(decoder.decode(stdout) || decoder.decode(stderr)),
    [
      ["closed", "open", "open/x"],
      [{ path: "closed", cause: "cannot be read: permission denied" }],
    ],
  );
  Deno.chmodSync(`${tree.path}/closed`, 0o700);
});

Deno.test("scanTree() lets the event loop turn while it scans, and stops when told", async () => {
  await using tree = makeTree();
  for (let directory = 0; directory < 40; directory++) {
    Deno.mkdirSync(`${tree.path}/${directory}`);
    for (let file = 0; file < 250; file++) {
      Deno.writeTextFileSync(`${tree.path}/${directory}/${file}`, "");
    }
  }
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const scan = await scanTree(tree.path, ALL);
  clearInterval(timer);
  assert.equal(scan.found.size, 40 * 251);
  assert.ok(turns > 0, "no turn of the event loop");
  const controller = new AbortController();
  const stopped = scanTree(tree.path, { ...ALL, signal: controller.signal });
  controller.abort(new Error("Cannot scan: told to stop"));
  await assert.rejects(stopped, /told to stop/);
});

Deno.test("scanTree() calls what vanishes during the scan absent", async () => {
  await using tree = makeTree();
  for (let directory = 0; directory < 60; directory++) {
    for (let file = 0; file < 100; file++) {
      write(`${tree.path}/${directory}/${file}`, "");
    }
  }
  const scanning = scanTree(tree.path, ALL);
  const removing = new Deno.Command("sh", {
    args: ["-c", 'rm -rf "$1"/*', "sh", tree.path],
  }).output();
  const [scan] = await Promise.all([scanning, removing]);
  assert.equal(scan.root.kind, "present");
  assert.deepEqual([scan.unreadable, scan.uncarriable], [[], []]);
  const later = await scanTree(tree.path, ALL);
  assert.equal(later.found.size, 0);
});

Deno.test("findPath() looks at one path and never through a link", async () => {
  await using tree = makeTree();
  write(`${tree.path}/a/file`);
  Deno.symlinkSync("a", `${tree.path}/link`);
  const find = (path: string) => findPath(tree.path, relativePath(path));
  const look = find("a/file");
  assert.equal(look.kind === "found" && look.found.entry.kind, "file");
  const link = find("link");
  assert.equal(link.kind === "found" && link.found.entry.kind, "link");
  assert.equal(find("link/file").kind, "absent");
  assert.equal(find("a/file/x").kind, "absent");
  assert.equal(find("nothing").kind, "absent");
  await runCommand("mkfifo", `${tree.path}/pipe`);
  assert.equal(find("pipe").kind, "uncarriable");
});
