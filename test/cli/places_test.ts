import assert from "node:assert/strict";
import { parseArguments } from "../../lib/cli/arguments.ts";
import { clientNameOf } from "../../lib/cli/commands/join.ts";
import { reachableHost } from "../../lib/cli/commands/link_address.ts";
import { absolute, type Surroundings } from "../../lib/cli/context.ts";
import {
  clientPlaces,
  ownPidFile,
  pidFilesToAsk,
  serverRoot,
} from "../../lib/cli/places.ts";
import { COMMANDS } from "../../lib/cli/table.ts";
import { nameFault } from "../../lib/core/path.ts";

function around(
  uid: number,
  variables: Readonly<Record<string, string>>,
): Surroundings {
  return {
    uid,
    directory: "/work/here",
    variable: (name) => variables[name],
  };
}

const ROOT = around(0, { HOME: "/root" });
const ALICE = around(1000, {
  HOME: "/home/alice",
  XDG_RUNTIME_DIR: "/run/user/1000",
});
const BARE = around(1000, {});

function given(line: string) {
  const parsed = parseArguments(line.split(" "), COMMANDS);
  assert.ok(parsed.kind === "run", line);
  return parsed.given;
}

const paths: readonly [string, string][] = [
  ["a", "/work/here/a"],
  ["./a/../b//c/.", "/work/here/b/c"],
  ["../../../..", "/"],
  ["/x/./y/", "/x/y"],
  ["~", "/home/alice"],
  ["~/d/../e", "/home/alice/e"],
  ["~bob", "/work/here/~bob"],
];

for (const [path, wanted] of paths) {
  Deno.test(`absolute() makes ${wanted} of ${path}`, () => {
    assert.equal(absolute(path, ALICE), wanted);
  });
}

Deno.test("ownPidFile() is in /run for root, in the session's directory for others", () => {
  assert.equal(ownPidFile(given("client"), ROOT), "/run/sinkd.pid");
  assert.equal(ownPidFile(given("server"), ALICE), "/run/user/1000/sinkd.pid");
  assert.equal(ownPidFile(given("server --pid p"), BARE), "/work/here/p");
  assert.throws(() => ownPidFile(given("client"), BARE), /--pid FILE/);
});

Deno.test("pidFilesToAsk() looks at both places unless one is named", () => {
  assert.deepEqual(pidFilesToAsk(given("status"), ALICE), [
    "/run/user/1000/sinkd.pid",
    "/run/sinkd.pid",
  ]);
  assert.deepEqual(pidFilesToAsk(given("status"), BARE), ["/run/sinkd.pid"]);
  assert.deepEqual(pidFilesToAsk(given("status --pid /p"), ALICE), ["/p"]);
});

Deno.test("pidFilesToAsk() looks at the user's service too", () => {
  const bob = {
    HOME: "/home/bob",
    USER: "bob",
    XDG_RUNTIME_DIR: "/run/user/7",
  };
  assert.deepEqual(pidFilesToAsk(given("status"), around(7, bob)), [
    "/run/user/7/sinkd.pid",
    "/run/sinkd-bob/sinkd.pid",
    "/run/sinkd.pid",
  ]);
  const odd = around(7, { HOME: "/home/bob", USER: "../x" });
  assert.deepEqual(pidFilesToAsk(given("status"), odd), ["/run/sinkd.pid"]);
  const root = around(0, { HOME: "/root", USER: "root" });
  assert.deepEqual(pidFilesToAsk(given("status"), root), ["/run/sinkd.pid"]);
});

Deno.test("clientPlaces() follows account, environment and options", () => {
  assert.deepEqual(clientPlaces(given("client"), ROOT), {
    machineConfig: "/etc/sinkd.conf",
    userConfig: "/root/.config/sinkd.conf",
    stateDirectory: "/var/lib/sinkd",
  });
  assert.equal(
    clientPlaces(given("client"), ALICE).stateDirectory,
    "/home/alice/.local/state/sinkd",
  );
  const xdg = around(1000, { HOME: "/home/alice", XDG_STATE_HOME: "/s" });
  assert.equal(clientPlaces(given("client"), xdg).stateDirectory, "/s/sinkd");
  assert.deepEqual(
    clientPlaces(
      given("client --config c --user-config ~/u --state s"),
      ALICE,
    ),
    {
      machineConfig: "/work/here/c",
      userConfig: "/home/alice/u",
      stateDirectory: "/work/here/s",
    },
  );
  assert.throws(() => clientPlaces(given("client"), BARE), /HOME is not set/);
});

Deno.test("serverRoot() is /srv/sinkd unless named", () => {
  assert.equal(serverRoot(given("server"), ALICE), "/srv/sinkd");
  assert.equal(serverRoot(given("server --root r/"), ALICE), "/work/here/r");
});

Deno.test("clientNameOf() gives a usable name whatever the host is called", () => {
  const hosts = [
    "vm",
    "lap+top.local",
    "-x-",
    "...",
    "",
    "日本",
    "a".repeat(99),
  ];
  for (const host of hosts) {
    assert.equal(nameFault(clientNameOf(host)), undefined, host);
  }
  assert.equal(clientNameOf("lap+top.local"), "lap-top");
});

Deno.test("reachableHost() prefers an address that other machines reach", () => {
  const interfaces = [
    { name: "lo", family: "IPv4", address: "127.0.0.1" },
    { name: "docker0", family: "IPv4", address: "172.17.0.1" },
    { name: "eth0", family: "IPv6", address: "fe80::1" },
    { name: "eth0", family: "IPv4", address: "192.168.1.5" },
  ] as const;
  assert.equal(reachableHost(interfaces, "nas"), "192.168.1.5");
  assert.equal(reachableHost(interfaces.slice(0, 3), "nas"), "nas");
});
