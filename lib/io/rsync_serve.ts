/**
 * rsync on the client: its own daemon mode on pipes, with one module that confines the server to
 * the anchor, and a local call that makes true links of staged ones.
 *
 * @module
 */
import { OWN_NAME, type RelativePath } from "../core/path.ts";
import {
  fileList,
  MODULE,
  MODULE_ACCOUNT,
  unmungeArguments,
} from "../core/rsync.ts";
import type { Channel } from "./channel.ts";
import { removeTree } from "./files.ts";
import { keptText, pipesEnd, pump } from "./pump.ts";
import { killIfRunning } from "./rsync_call.ts";

/** What the server may do in one call, and where. */
export interface Serving {
  /** The anchor's root; absolute. */
  readonly root: string;
  /** The one file of a single-file anchor. */
  readonly only: string | undefined;
  /** `edits`: the server reads; `update`: it writes into `.sinkd/incoming` and nowhere else. */
  readonly direction: "edits" | "update";
  readonly password: string;
  /** A private directory for this call's configuration; made, and removed at the end. */
  readonly runDirectory: string;
}

/** Serves one call over `channel`; throws when the channel breaks. */
export async function serveRsync(
  channel: Channel,
  serving: Serving,
): Promise<void> {
  const config = writeConfig(serving);
  const rsync = new Deno.Command("rsync", {
    args: ["--server", "--daemon", `--config=${config}`, "."],
    cwd: serving.root,
    env: { LC_ALL: "C.UTF-8" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = keptText(rsync.stderr);
  try {
    await pump(channel, pipesEnd(rsync));
  } finally {
    killIfRunning(rsync);
    await rsync.status;
    await stderr;
    await removeTree(serving.runDirectory);
  }
}

/** Makes true links below `to` of the munged ones below `from`; throws with rsync's words when it cannot. */
export async function unmungeLinks(
  directories: { from: string; to: string },
  paths: readonly RelativePath[],
): Promise<void> {
  const { from, to } = directories;
  const rsync = new Deno.Command("rsync", {
    args: unmungeArguments(from, to),
    env: { LC_ALL: "C.UTF-8" },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const stderr = keptText(rsync.stderr);
  const writer = rsync.stdin.getWriter();
  await writer.write(fileList(paths));
  await writer.close();
  const { code } = await rsync.status;
  const words = await stderr;
  if (code !== 0) {
    throw new Error(
      `Cannot make links in '${to}': rsync ended with exit ${code}: ${words.trim()}`,
    );
  }
}

function writeConfig(serving: Serving): string {
  const { runDirectory } = serving;
  Deno.mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  const secrets = `${runDirectory}/secrets`;
  const rules = `${runDirectory}/rules`;
  const config = `${runDirectory}/rsyncd.conf`;
  writePrivate(secrets, `${MODULE_ACCOUNT}:${serving.password}\n`);
  const allowed = allowedPatterns(serving);
  if (allowed !== undefined) writePrivate(rules, allowed.join("\n") + "\n");
  const writing = serving.direction === "update";
  writePrivate(
    config,
    [
      "use chroot = no",
      "munge symlinks = yes",
      "reverse lookup = no",
      "log file = /dev/null",
      `[${MODULE}]`,
      // The working directory is the anchor: a path here would need quoting that rsync does not have.
      "path = .",
      `read only = ${writing ? "no" : "yes"}`,
      `write only = ${writing ? "yes" : "no"}`,
      "list = no",
      `auth users = ${MODULE_ACCOUNT}`,
      `secrets file = ${secrets}`,
      ...(Deno.uid() === 0 ? ["uid = 0", "gid = 0"] : []),
      ...(allowed === undefined
        ? []
        : [`include from = ${rules}`, "exclude = *"]),
      "",
    ].join("\n"),
  );
  return config;
}

/** What alone may pass, as rsync patterns, or `undefined` for everything. */
function allowedPatterns(serving: Serving): string[] | undefined {
  if (serving.direction === "update") {
    return [
      `/${OWN_NAME}/`,
      // rsync asks for the directory itself with and without a slash at its end.
      `/${OWN_NAME}/incoming**`,
    ];
  }
  if (serving.only === undefined) return undefined;
  const name = serving.only.replace(/[\\*?[\]]/g, "\\$&");
  return [
    `/${name}`,
    `/${OWN_NAME}/`,
    `/${OWN_NAME}/outgoing/`,
    `/${OWN_NAME}/outgoing/${name}`,
  ];
}

function writePrivate(file: string, text: string): void {
  Deno.writeTextFileSync(file, text, { mode: 0o600 });
}
