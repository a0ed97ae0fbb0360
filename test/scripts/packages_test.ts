import assert from "node:assert/strict";
import { tempDirectory } from "../support/temp.ts";

const PACKAGES = new URL("../../scripts/packages.sh", import.meta.url).pathname;

/** An apt-get that says `errors`, one at each call, and then succeeds; keeps what it was asked. */
const APT_GET = `#!/bin/sh
here=\${0%/*}
echo "$*" >>"$here/asked"
n=$(grep -c . "$here/asked")
error=$(sed -n "\${n}p" "$here/errors")
[ -z "$error" ] || { echo "E: $error" >&2; exit 100; }
`;

const LOCKED =
  "Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt-get)";
const LISTS =
  "Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)";
const UNKNOWN = "Unable to locate package strace";

async function install(
  errors: readonly string[],
  limitS = 60,
): Promise<{ code: number; out: string; asked: string[] }> {
  await using directory = tempDirectory();
  const { path } = directory;
  Deno.writeTextFileSync(`${path}/apt-get`, APT_GET, { mode: 0o755 });
  Deno.writeTextFileSync(`${path}/errors`, errors.join("\n"));
  const script = `. "$1"; say() { echo "$*"; }; sleep() { :; }
    may_be_root() { as_root=; }; may_be_root && find_package_manager &&
    install_packages "$2/log" strace`;
  const { code, stdout } = await new Deno.Command("sh", {
    args: ["-euc", script, "sh", PACKAGES, path],
    env: { PATH: `${path}:/usr/bin:/bin`, LOCK_LIMIT_S: `${limitS}` },
  }).output();
  const asked = Deno.readTextFileSync(`${path}/asked`).trim().split("\n")
    .map((line) => line.split(" ")[0] ?? "");
  return { code, out: new TextDecoder().decode(stdout), asked };
}

Deno.test("install_packages() waits for as long as somebody else's run has a lock, and says so once", async () => {
  const { code, out, asked } = await install([LOCKED, LOCKED, LOCKED]);
  assert.equal(code, 0);
  assert.equal(out, "waits for another run of the package manager\n");
  assert.deepEqual(asked, ["install", "install", "install", "install"]);
});

Deno.test("install_packages() reads the lists of packages when there is no such package, also when those are locked", async () => {
  const { code, asked } = await install([UNKNOWN, LISTS, "", LOCKED]);
  assert.equal(code, 0);
  assert.deepEqual(asked, [
    "install",
    "update",
    "update",
    "install",
    "install",
  ]);
});

Deno.test("install_packages() fails when there is no such package, or a lock for too long", async () => {
  assert.equal((await install([UNKNOWN, "", UNKNOWN])).code, 1);
  const locked = await install(Array(60).fill(LOCKED), 10);
  assert.equal(locked.code, 1);
  assert.ok(locked.asked.length < 20);
});
