/**
 * rsync at the client's end of a call, serving what a test likes: true rsync with its care for the
 * server taken away.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { MODULE, MODULE_ACCOUNT } from "../../lib/core/rsync.ts";
import type { Channel } from "../../lib/io/channel.ts";
import { type LocalEnd, pipesEnd, pump } from "../../lib/io/pump.ts";

/** A lie: what is served, and what becomes of a name on its way. */
export interface Lie {
  readonly directory: string;
  readonly password: unknown;
  /** A directory, or file at the top, in rsync's list, and another of as many bytes that goes in its place. */
  readonly forged?: { readonly from: string; readonly to: string };
}

/** Serves the directory as it is: links, devices and all; gives how many names it forged. */
export async function serveLies(channel: Channel, lie: Lie): Promise<number> {
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
    const { end, count } = forging(pipesEnd(rsync), lie.forged);
    await pump(channel, end);
    await rsync.status;
    return count();
  } finally {
    await Deno.remove(run, { recursive: true });
  }
}

/** As many bytes for as many, so that rsync's own frames stay as they are. */
function forging(
  end: LocalEnd,
  forged: Lie["forged"],
): { end: LocalEnd; count: () => number } {
  let count = 0;
  if (forged === undefined) return { end, count: () => count };
  const [from, to] = [listed(forged.from), listed(forged.to)];
  if (from.length !== to.length) {
    throw new Error("Cannot forge: a name must stay as long as it is");
  }
  return {
    end: {
      ...end,
      async read() {
        const chunk = await end.read();
        for (let at = 0; chunk !== undefined; at += to.length, count++) {
          at = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
            .indexOf(from, at);
          if (at < 0) break;
          chunk.set(to, at);
        }
        return chunk;
      },
    },
    count: () => count,
  };
}

/** A name as it is in the list where it is the first to begin so: its length, and all of it. */
function listed(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  return new Uint8Array([bytes.length, ...bytes]);
}
