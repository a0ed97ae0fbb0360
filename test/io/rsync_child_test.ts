import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import { callRsync } from "../../lib/io/rsync_call.ts";
import { makeLinks, serveRsync } from "../../lib/io/rsync_serve.ts";
import { channelPair } from "../support/channel_pair.ts";
import {
  file,
  link,
  makeTree,
  readTree,
  tempDirectory,
} from "../support/temp.ts";
import { withVariables } from "../support/variables.ts";

const PASSWORD = "0123456789abcdef";
const PLAIN = { compress: false, partial: false, checksum: false };

/** What a user's shell may have set for rsyncs of the user's own; each breaks or changes a call. */
const SETTINGS = {
  RSYNC_ICONV: "utf-8,latin1",
  RSYNC_OLD_ARGS: "2",
  RSYNC_PROTECT_ARGS: "1",
  RSYNC_PARTIAL_DIR: "/tmp/sinkd-nowhere",
  RSYNC_CHECKSUM_LIST: "none",
  RSYNC_COMPRESS_LIST: "nonsense",
  RSYNC_MAX_ALLOC: "1",
  RSYNC_SHELL: "/bin/false",
  RSYNC_RSH: "/bin/false",
};

Deno.test("every rsync stands in a private directory of its own, and minds no setting of the user's", async () => {
  await using temp = tempDirectory();
  const at = (name: string) => `${temp.path}/${name}`;
  for (const name of ["anchor", "stage", "live", "bin", "home", "true"]) {
    Deno.mkdirSync(at(name));
  }
  Deno.writeTextFileSync(at("home/.popt"), "rsync alias --times --bwlimit=x\n");
  const path = Deno.env.get("PATH") ?? "";
  // One line for each start: where, its mode, and what is there already.
  Deno.writeTextFileSync(
    at("bin/rsync"),
    `#!/bin/sh
echo "$(pwd) $(stat -c %a .) $(ls -A | tr '\\n' ' ')" >>'${at("starts")}'
PATH='${path}' exec rsync "$@"
`,
    { mode: 0o755 },
  );
  makeTree(at("anchor"), { "ünï": file("text") });
  makeTree(at("stage"), { "l": link("/rsyncd-munged//etc/passwd") });
  const environment = {
    ...SETTINGS,
    HOME: at("home"),
    PATH: `${at("bin")}:${path}`,
  };
  await withVariables(environment, async () => {
    const channels = channelPair();
    const [end] = await Promise.all([
      callRsync(channels.server, {
        direction: "edits",
        local: at("stage"),
        remote: "",
        compareDest: at("live"),
        verify: false,
        transfer: PLAIN,
        paths: [relativePath("ünï")],
        password: PASSWORD,
        runDirectory: at("run of server"),
      }),
      serveRsync(channels.client, {
        root: at("anchor"),
        only: undefined,
        direction: "edits",
        password: PASSWORD,
        runDirectory: at("run of client"),
      }),
    ]);
    assert.deepEqual(end, { code: 0, stderr: "" });
    await makeLinks(
      { from: at("stage"), to: at("true"), runDirectory: at("run of client") },
      [relativePath("l")],
    );
  });
  assert.deepEqual(Object.keys(readTree(at("stage"))).sort(), ["l", "ünï"]);
  assert.deepEqual(readTree(at("true")), { l: link("/etc/passwd") });
  assert.deepEqual(readTree(at("run of server")), {});
  assert.deepEqual(readTree(at("run of client")), {});
  const starts = Deno.readTextFileSync(at("starts")).trimEnd().split("\n")
    .map((line) =>
      line.replace(temp.path, "").replace(/\/[^/ ]+ 700/, "/* 700").trim()
    );
  assert.deepEqual(starts.sort(), [
    "/run of client/* 700 rsyncd.conf",
    "/run of client/* 700 rsyncd.conf secrets",
    "/run of server/* 700",
  ]);
});
