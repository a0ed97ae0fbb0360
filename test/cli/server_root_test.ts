import assert from "node:assert/strict";
import { tempDirectory } from "../support/temp.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

const COMMANDS: readonly (readonly string[])[] = [
  ["adduser", "alice", "--address", "h:1"],
  ["rmuser", "alice"],
  ["users"],
  ["clients"],
  ["clients", "alice"],
  ["revoke", "alice/a"],
  ["adopt", "alice"],
  ["rotate-certificate"],
  ["rotate-certificate", "--now"],
  ["broker-acl"],
  ["broker-acl", "--passwords"],
];

/** Directories that are no server's root, by what a person would call them. */
const ROOTS: Readonly<
  Record<string, { make: (at: string) => void; says: RegExp }>
> = {
  "nothing": { make: () => {}, says: /there is no such directory/ },
  "a path below a file": {
    make: (at) => Deno.writeTextFileSync(at.replace("/root", ""), ""),
    says: /there is no such directory/,
  },
  "a file": {
    make: (at) => Deno.writeTextFileSync(at, ""),
    says: /it is not a directory/,
  },
  "a home directory": {
    make: (at) => {
      Deno.mkdirSync(`${at}/docs/.sinkd`, { recursive: true });
      Deno.writeTextFileSync(`${at}/.profile`, "");
    },
    says: /a directory of something else/,
  },
  "a client's state directory": {
    make: (at) => {
      Deno.mkdirSync(at);
      for (const name of ["client.db", "credentials.json", "client.lock"]) {
        Deno.writeTextFileSync(`${at}/${name}`, "");
      }
    },
    says: /a directory of something else/,
  },
  "an empty directory": {
    make: (at) => Deno.mkdirSync(at),
    says: /no server has run on it yet/,
  },
};

function listing(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
    const path = `${directory}/${name}`;
    const { mode } = Deno.lstatSync(path);
    return [`${path} ${mode}`, ...(isDirectory ? listing(path) : [])];
  }).sort();
}

for (const [what, { make, says }] of Object.entries(ROOTS)) {
  Deno.test(`account commands say that ${what} is no server's root, and make nothing`, async () => {
    await using directory = tempDirectory();
    const root = what === "a path below a file"
      ? `${directory.path}/file/root`
      : `${directory.path}/root`;
    make(root);
    const before = listing(directory.path);
    await Promise.all(COMMANDS.map(async (command) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-q", "-A", MAIN, "server", ...command, "--root", root],
        env: { XDG_RUNTIME_DIR: directory.path, NO_COLOR: "1" },
      }).output();
      const said = new TextDecoder().decode(stderr);
      assert.equal(code, 2, `${command}: ${said}`);
      assert.match(said, says, command.join(" "));
      assert.match(said, /sinkd server start --root/, command.join(" "));
      assert.equal(new TextDecoder().decode(stdout), "");
    }));
    assert.deepEqual(listing(directory.path), before);
  });
}

Deno.test("sinkd server and its start refuse a directory of something else, and leave it as it is", async () => {
  await using directory = tempDirectory();
  const root = `${directory.path}/home`;
  Deno.mkdirSync(`${root}/docs`, { recursive: true, mode: 0o755 });
  const before = listing(directory.path);
  for (const words of [["server"], ["server", "start"]]) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-q", "-A", MAIN, ...words, "--root", root],
        ...["--pid", `${directory.path}/s.pid`, "--listen", "127.0.0.1:0"],
      ],
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.equal(code, 2, said);
    assert.match(said, /there is something else in it \(docs\)/);
  }
  assert.deepEqual(listing(directory.path), before);
});
