/**
 * rsync on the server: one call against a one-shot loopback port, pumped through a data channel.
 *
 * @module
 */
import { callList, rsyncArguments, type RsyncJob } from "../core/rsync.ts";
import type { RelativePath } from "../core/path.ts";
import type { RsyncEnd } from "../ports.ts";
import type { Channel } from "./channel.ts";
import {
  killIfRunning,
  rsyncStart,
  withChildDirectory,
  writeList,
} from "./rsync_child.ts";
import { openRsyncDoor } from "./rsync_door.ts";
import { connectionEnd, drainRun, keptText, pump } from "./pump.ts";

/** A call: the job but for its port, the paths, and the client's password for this one call. */
export interface RsyncCall extends Omit<RsyncJob, "port"> {
  readonly paths: readonly RelativePath[];
  readonly password: string;
  /** Where the call has a working directory of its own. */
  readonly runDirectory: string;
  /** Ends the call in order. */
  readonly signal?: AbortSignal | undefined;
  /** How long the client may take to end the call when rsync has ended here; 3 minutes by default. */
  readonly lateMs?: number | undefined;
}

const LATE_MS = 180_000;

/** Runs one call; bytes go through `channel` until both ends are done. Throws when the channel breaks. */
export function callRsync(
  channel: Channel,
  call: RsyncCall,
): Promise<RsyncEnd> {
  return withChildDirectory(
    call.runDirectory,
    (directory) => callFrom(directory, channel, call),
  );
}

async function callFrom(
  directory: string,
  channel: Channel,
  call: RsyncCall,
): Promise<RsyncEnd> {
  const secret = crypto.getRandomValues(new Uint8Array(16)).toHex();
  const door = openRsyncDoor(secret);
  const rsync = new Deno.Command("rsync", {
    args: rsyncArguments({ ...call, port: door.port }),
    ...rsyncStart(directory, {
      RSYNC_PASSWORD: call.password,
      RSYNC_PROXY: door.proxy,
    }),
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  using _stop = stopOn(call.signal, rsync);
  using _late = closeAfter(rsync.status, channel, call.lateMs ?? LATE_MS);
  const stderr = keptText(rsync.stderr);
  const list = writeList(rsync, callList(call, call.paths));
  try {
    const connection = await door.admit(rsync.status);
    if (connection === undefined) await drainRun(channel);
    else {
      using _open = connection;
      connection.setNoDelay(true);
      await pump(channel, connectionEnd(connection));
    }
    const { code } = await rsync.status;
    return { code, stderr: await stderr };
  } catch (error) {
    killIfRunning(rsync);
    await rsync.status;
    await stderr;
    throw error;
  } finally {
    await list;
  }
}

/** Closes the channel when its other end does not end the call: rsync, whose timeout it was, is gone. */
function closeAfter(
  ended: Promise<unknown>,
  channel: Channel,
  lateMs: number,
): Disposable {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = false;
  void ended.then(() => {
    if (!over) timer = setTimeout(() => channel.close(), lateMs);
  });
  return {
    [Symbol.dispose]() {
      over = true;
      clearTimeout(timer);
    },
  };
}

/** Ends a child in order when `signal` says so, until disposed. */
export function stopOn(
  signal: AbortSignal | undefined,
  child: Deno.ChildProcess,
): Disposable {
  const stop = () => killIfRunning(child, "SIGTERM");
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop);
  return {
    [Symbol.dispose]: () => signal?.removeEventListener("abort", stop),
  };
}
