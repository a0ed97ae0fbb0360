/**
 * rsync at the client's end of a call, serving what a test likes: true rsync with its care for the
 * server taken away.
 *
 * @module
 */
import { MODULE, MODULE_ACCOUNT } from "../../lib/core/rsync.ts";
import type { Channel } from "../../lib/io/channel.ts";
import { pipesEnd, pump } from "../../lib/io/pump.ts";

/** Serves `directory` as it is: links, devices and all. */
export async function serveLies(
  channel: Channel,
  lie: { readonly directory: string; readonly password: unknown },
): Promise<void> {
  const run = await Deno.makeTempDir({ prefix: "sinkd-lies-" });
  const write = (name: string, text: string) =>
    Deno.writeTextFileSync(`${run}/${name}`, text, { mode: 0o600 });
  write("secrets", `${MODULE_ACCOUNT}:${lie.password}\n`);
  write(
    "conf",
    [
      "use chroot = no",
      "munge symlinks = no",
      "reverse lookup = no",
      "log file = /dev/null",
      `[${MODULE}]`,
      `path = ${lie.directory}`,
      `auth users = ${MODULE_ACCOUNT}`,
      `secrets file = ${run}/secrets`,
      ...(Deno.uid() === 0 ? ["uid = 0", "gid = 0"] : []),
      "",
    ].join("\n"),
  );
  const rsync = new Deno.Command("rsync", {
    args: ["--server", "--daemon", `--config=${run}/conf`, "."],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    await pump(channel, pipesEnd(rsync));
    await rsync.status;
  } finally {
    await Deno.remove(run, { recursive: true });
  }
}
