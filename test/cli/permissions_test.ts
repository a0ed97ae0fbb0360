import assert from "node:assert/strict";
import { parseArguments } from "../../lib/cli/arguments.ts";
import type { Surroundings } from "../../lib/cli/context.ts";
import {
  flagsOf,
  grantsOf,
  type Known,
  shellWords,
} from "../../lib/cli/permissions.ts";
import { COMMANDS } from "../../lib/cli/table.ts";

const KNOWN: Known = {
  anchors: ["/home/alice/docs", "/home/alice/a,b/c"],
  addresses: ["nas:8883"],
  modules: "/opt/sinkd/lib/",
  launcher: "/opt/sinkd/scripts/sinkd",
  linkedConfig: undefined,
  serverPidFile: undefined,
};

const ALICE: Surroundings = {
  uid: 1000,
  directory: "/home/alice",
  variable: (name) =>
    ({ HOME: "/home/alice", XDG_RUNTIME_DIR: "/run/user/1000" })[name],
};

function flags(
  line: string,
  over: Partial<Known> = {},
  around: Surroundings = ALICE,
): Map<string, string[]> {
  const parsed = parseArguments(line.split(" "), COMMANDS);
  assert.ok(parsed.kind === "run" && parsed.command.role !== "install", line);
  const grants = grantsOf(parsed.command.role, parsed.given, around, {
    ...KNOWN,
    ...over,
  });
  return new Map(
    flagsOf(grants).map((flag) => {
      const [name = "", list = ""] = flag.split("=");
      return [name, list === "" ? [] : list.split(",")];
    }),
  );
}

const SOCKETS = ["/run/user/1000/sinkd.sock", "/run/sinkd.sock"];

Deno.test("grantsOf() lets status reach the control sockets and nothing else", () => {
  const got = flags("status");
  assert.deepEqual(got.get("--allow-write"), SOCKETS);
  assert.deepEqual(
    got.get("--allow-net"),
    SOCKETS.map((socket) => `unix:${socket}`),
  );
  assert.deepEqual(got.get("--allow-read"), [
    "/run/user/1000/sinkd.pid",
    "/run/sinkd.pid",
    ...SOCKETS,
  ]);
  assert.equal(got.has("--allow-run"), false);
  assert.deepEqual(
    flags("status --pid p/x.pid").get("--allow-write"),
    ["/home/alice/p/x.sock"],
  );
});

Deno.test("grantsOf() gives a server its root, its socket, its port, the loopback and rsync", () => {
  const got = flags(
    "server --root /srv/s --listen 0.0.0.0:8883 --broker mqtts://hive --pid /run/s.pid",
  );
  assert.deepEqual(got.get("--allow-write"), [
    "/run/s.pid",
    "/run/s.sock",
    "/srv/s",
  ]);
  assert.deepEqual(got.get("--allow-net"), [
    "unix:/run/s.sock",
    "0.0.0.0:8883",
    "127.0.0.1",
    "hive:8883",
  ]);
  assert.deepEqual(got.get("--allow-run"), ["rsync"]);
  const anyPort = flags("server --listen [::]:0").get("--allow-net");
  assert.ok(anyPort?.includes("[::]"));
});

Deno.test("grantsOf() gives a client its anchors, state, configuration, server and rsync", () => {
  const got = flags("client --state s --pid /run/user/1000/c.pid");
  assert.deepEqual(got.get("--allow-write"), [
    "/run/user/1000/c.pid",
    "/run/user/1000/c.sock",
    "/home/alice/s",
    "/home/alice/docs",
    "/home/alice",
  ]);
  assert.deepEqual(got.get("--allow-net"), [
    "unix:/run/user/1000/c.sock",
    "nas:8883",
  ]);
  assert.deepEqual(got.get("--allow-run"), ["rsync"]);
  assert.equal(
    got.get("--allow-write")?.includes("/home/alice/.config/sinkd.conf"),
    false,
  );
});

Deno.test("grantsOf() lets server and client see which rsync there is, and no more of the PATH", () => {
  const around: Surroundings = {
    ...ALICE,
    variable: (name) =>
      name === "PATH" ? "/opt/r/:bin::/usr/bin:/a,b" : ALICE.variable(name),
  };
  for (const line of ["server", "client"]) {
    const read = flags(line, {}, around).get("--allow-read") ?? [];
    assert.deepEqual(read.filter((path) => path.endsWith("/rsync")), [
      "/opt/r/rsync",
      "/usr/bin/rsync",
    ]);
    assert.ok(!read.includes("/usr/bin") && !read.includes("/a"));
  }
});

Deno.test("grantsOf() lets server and client keep the log that start names within bounds", () => {
  const around: Surroundings = {
    ...ALICE,
    variable: (name) =>
      name === "SINKD_LOG" ? "/var/log/s.log" : ALICE.variable(name),
  };
  const names = ["/var/log/s.log", "/var/log/s.log.1", "/var/log/s.log.2"];
  for (const line of ["server", "client"]) {
    for (const flag of ["--allow-read", "--allow-write"]) {
      const got = flags(line, {}, around).get(flag) ?? [];
      assert.deepEqual(
        got.filter((path) => path.startsWith("/var")),
        names,
      );
    }
  }
});

Deno.test("grantsOf() lets revoke reach the server that runs on the root, wherever its pid file is", () => {
  const over = { serverPidFile: "/srv/s.pid" };
  const got = flags("server revoke a/b --root /srv/s", over);
  assert.deepEqual(got.get("--allow-net"), [
    "unix:/srv/s.sock",
    ...SOCKETS.map((socket) => `unix:${socket}`),
  ]);
  const named = flags("server revoke a/b --pid /run/n.pid", over);
  assert.deepEqual(named.get("--allow-net"), ["unix:/run/n.sock"]);
});

Deno.test("grantsOf() lets only start and its kin run the launcher", () => {
  for (const role of ["server", "client"]) {
    for (const word of ["start", "stop", "restart", "reload"]) {
      const got = flags(`${role} ${word}`).get("--allow-run");
      assert.deepEqual(got, ["/opt/sinkd/scripts/sinkd"]);
    }
  }
});

Deno.test("grantsOf() lets add write where the configuration really is", () => {
  const got = flags("add docs", { linkedConfig: "/home/alice/dots/s.conf" });
  assert.deepEqual(got.get("--allow-write"), [
    ...SOCKETS,
    "/home/alice/.config",
    "/home/alice/dots",
  ]);
  assert.ok(got.get("--allow-read")?.includes("/home/alice/docs"));
});

const lines = COMMANDS.filter(({ role }) => role !== "install").map((command) =>
  [
    ...command.words,
    ...command.operands.map((operand) =>
      operand.name === "LINK" ? "sinkd://a:b@c:1#d" : "name/path"
    ),
  ].join(" ")
);

for (const line of lines) {
  Deno.test(`flagsOf() gives sinkd ${line} no unscoped permission and no question`, () => {
    const got = flags(line);
    for (const [flag, list] of got) {
      if (flag === "--no-prompt" || flag === "--ignore-env") continue;
      assert.ok(list.length > 0, `${flag} has no list`);
      assert.ok(list.every((item) => item !== "" && item !== "/"), flag);
    }
    assert.ok(got.has("--no-prompt") && got.has("--ignore-env"));
    for (const flag of ["--allow-all", "-A", "--allow-ffi", "--allow-import"]) {
      assert.equal(got.has(flag), false);
    }
    const run = got.get("--allow-run") ?? [];
    assert.ok(
      run.every((program) => ["rsync", KNOWN.launcher].includes(program)),
    );
  });
}

Deno.test("shellWords() keeps every character", async () => {
  const words = ["--a=b c", "it's", '$HOME `x` "q" \\ *', "new\nline", ""];
  const { stdout } = await new Deno.Command("sh", {
    args: [
      "-c",
      `eval "set -- $1"; printf '%s\\0' "$@"`,
      "sh",
      shellWords(words),
    ],
  }).output();
  assert.deepEqual(
    new TextDecoder().decode(stdout).split("\0").slice(0, -1),
    words,
  );
});
