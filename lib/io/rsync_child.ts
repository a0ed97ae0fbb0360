/**
 * What every rsync is started with: a working directory of its own, so that one that writes where it
 * stands, for whatever reason, meets nobody's files, and none of the settings that a user's shell has
 * for rsync.
 *
 * @module
 */
import { removeTree } from "./files.ts";

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
