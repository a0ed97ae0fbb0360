/**
 * What every rsync is started with: a working directory of its own, so that one that writes where it
 * stands, for whatever reason, meets nobody's files, and none of the settings that a user's shell has
 * for rsync.
 *
 * @module
 */
import type { RsyncEnd } from "../ports.ts";
import { removeTree } from "./files.ts";
import { keptText } from "./pump.ts";

/** How long an rsync that was killed may take to be gone. */
const KILLED_LIMIT_MS = 5000;

/** Where an rsync starts, and what it finds in its environment. */
export interface RsyncStart {
  readonly cwd: string;
  readonly env: Record<string, string>;
}

/** Settings that would change a call; an empty one is none. */
const SETTINGS = [
  "RSYNC_CHECKSUM_LIST",
  "RSYNC_COMPRESS_LIST",
  "RSYNC_ICONV",
  "RSYNC_MAX_ALLOC",
  "RSYNC_OLD_ARGS",
  "RSYNC_PARTIAL_DIR",
  "RSYNC_PROTECT_ARGS",
  "RSYNC_SHELL",
];

/** A start in `directory`; that is also the home directory, as rsync looks for aliases there. */
export function rsyncStart(
  directory: string,
  env: Record<string, string> = {},
): RsyncStart {
  return {
    cwd: directory,
    env: {
      ...Object.fromEntries(SETTINGS.map((name) => [name, ""])),
      HOME: directory,
      LC_ALL: "C.UTF-8",
      ...env,
    },
  };
}

/** Runs `work` with a private, empty directory below `parent`, which is gone afterwards. */
export async function withChildDirectory<T>(
  parent: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
  const directory = Deno.makeTempDirSync({ dir: parent });
  try {
    return await work(directory);
  } finally {
    await removeTree(directory);
  }
}

/** What an rsync did that none may. */
export class RsyncFault extends Error {}

/** Runs an rsync that needs nobody else to its end; throws {@linkcode RsyncFault} past the limit. */
export async function runRsync(
  run: RsyncStart & {
    readonly args: string[];
    /** Goes on its standard input. */
    readonly list: Uint8Array;
    readonly limitMs: number | undefined;
  },
): Promise<RsyncEnd> {
  const { args, cwd, env, list, limitMs } = run;
  const rsync = new Deno.Command("rsync", {
    args,
    cwd,
    env,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const ended = Promise.all([
    rsync.status,
    keptText(rsync.stderr),
    writeList(rsync, list),
  ]).then(([{ code }, stderr]) => ({ code, stderr }));
  if (limitMs === undefined) return await ended;
  const end = await within(ended, limitMs);
  if (end !== undefined) return end;
  killIfRunning(rsync);
  // Its files go next. What it started may hold its pipes for longer than anybody waits.
  await within(ended, KILLED_LIMIT_MS);
  throw new RsyncFault(`it does not end within ${limitMs / 1000} s`);
}

/** What `work` gives within the time, or `undefined`. */
async function within<T>(
  work: Promise<T>,
  limitMs: number,
): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Ends a child that may have ended by itself. */
export function killIfRunning(
  child: Deno.ChildProcess,
  how: Deno.Signal = "SIGKILL",
): void {
  try {
    child.kill(how);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended: nothing to kill
  }
}

/** Writes a child's list to its standard input. */
export async function writeList(
  rsync: Deno.ChildProcess,
  list: Uint8Array,
): Promise<void> {
  const writer = rsync.stdin.getWriter();
  try {
    await writer.write(list);
    await writer.close();
  } catch (error) {
    // An rsync that ends early does not read its list; its exit code says why.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
