import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import { callRsync } from "../../lib/io/rsync_call.ts";
import { openRsyncDoor } from "../../lib/io/rsync_door.ts";
import { serveRsync } from "../../lib/io/rsync_serve.ts";
import { channelPair } from "../support/channel_pair.ts";
import { PLAIN } from "../support/client_rig.ts";
import { tempDirectory } from "../support/temp.ts";

const PASSWORD = "0123456789abcdef0123456789abcdef";

/** What a connection gets that says `text` and then waits. */
async function knock(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  const buffer = new Uint8Array(1000);
  const length = await connection.read(buffer).catch(() => null);
  return new TextDecoder().decode(buffer.subarray(0, length ?? 0));
}

function request(credentials: string): string {
  return `CONNECT x:1 HTTP/1.0\r\nProxy-Authorization: Basic ${
    btoa(credentials)
  }\r\n\r\n`;
}

Deno.test("openRsyncDoor() lets in only who knows the secret, whoever came before", async () => {
  const door = openRsyncDoor("right");
  const never = new Promise<void>(() => {});
  const admitted = door.admit(never);
  const strangers = [
    knock(door.port, "@RSYNCD: 31.0\n"),
    knock(door.port, request("sinkd:wrong")),
    knock(door.port, "CONNECT x:1 HTTP/1.0\r\n\r\n"),
    knock(door.port, "x".repeat(5000)),
    ...Array.from({ length: 40 }, () => knock(door.port, "")),
  ];
  using near = await Deno.connect({ hostname: "127.0.0.1", port: door.port });
  await near.write(new TextEncoder().encode(request("sinkd:right") + "rest"));
  using connection = await admitted;
  assert.ok(connection);
  const buffer = new Uint8Array(100);
  const length = await connection.read(buffer) ?? 0;
  assert.equal(new TextDecoder().decode(buffer.subarray(0, length)), "rest");
  assert.deepEqual([...new Set(await Promise.all(strangers))], [""]);
  // The port is free again only now.
  Deno.listen({ hostname: "127.0.0.1", port: door.port }).close();
});

Deno.test("openRsyncDoor() closes when rsync ends without coming", async () => {
  const door = openRsyncDoor("right");
  const ended = Promise.withResolvers<void>();
  const admitted = door.admit(ended.promise);
  const stranger = knock(door.port, "");
  ended.resolve();
  assert.equal(await admitted, undefined);
  assert.equal(await stranger.catch(() => ""), "");
});

Deno.test("callRsync() goes on, and gives nothing away, when another local process is first at its port", async () => {
  await using temp = tempDirectory();
  const at = (name: string) => `${temp.path}/${name}`;
  for (const name of ["anchor", "stage", "live", "bin"]) {
    Deno.mkdirSync(at(name));
  }
  Deno.writeTextFileSync(`${at("anchor")}/f`, "from the client");
  // An rsync that first has a stranger go to the port, and then comes itself.
  const path = Deno.env.get("PATH") ?? "";
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", "command -v rsync"],
  }).output();
  const real = new TextDecoder().decode(stdout).trim();
  Deno.writeTextFileSync(
    `${at("bin")}/rsync`,
    `#!/bin/sh
case "$*" in
  *rsync://*)
    port=$(echo "$*" | sed 's/.*127.0.0.1:\\([0-9]*\\).*/\\1/')
    RSYNC_PROXY= timeout 5 '${real}' "rsync://127.0.0.1:$port/anchor/" >'${
      at("stranger")
    }' 2>&1 </dev/null &
    sleep 0.2 ;;
esac
exec '${real}' "$@"
`,
    { mode: 0o755 },
  );
  Deno.env.set("PATH", `${at("bin")}:${path}`);
  try {
    const { server, client } = channelPair();
    const served = serveRsync(client, {
      root: at("anchor"),
      only: undefined,
      direction: "edits",
      password: PASSWORD,
      runDirectory: at("run"),
    });
    const end = await callRsync(server, {
      direction: "edits",
      local: at("stage"),
      remote: "",
      compareDest: at("live"),
      verify: false,
      transfer: PLAIN,
      paths: [relativePath("f")],
      password: PASSWORD,
      runDirectory: at("run"),
    });
    await served;
    assert.deepEqual(end, { code: 0, stderr: "" });
  } finally {
    Deno.env.set("PATH", path);
  }
  assert.equal(
    Deno.readTextFileSync(`${at("stage")}/f`),
    "from the client",
  );
  assert.doesNotMatch(Deno.readTextFileSync(at("stranger")), /f$/m);
});
