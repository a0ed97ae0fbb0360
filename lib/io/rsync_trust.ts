/**
 * The rsync that is there: refused when it is too old, or spoils what a trial of it brings. A trial is
 * remembered for as long as the program stays the same.
 *
 * @module
 */
import { UsageError } from "../core/fault.ts";
import { programPlaces } from "../core/program_path.ts";
import { TRIAL_VERSION } from "../core/rsync_trial.ts";
import { removeTree } from "./files.ts";
import { replaceFile } from "./replace_file.ts";
import { tryRsync } from "./rsync_trial.ts";
import { checkRsync, type RsyncVersion } from "./rsync_version.ts";

/** An rsync that may be used. */
export interface TrustedRsync extends RsyncVersion {
  /** Why it could not be tried. */
  readonly untried: string | undefined;
}

/** Checks the rsync on the PATH; throws with what to do when it cannot be used. */
export async function trustRsync(
  options: {
    /** Where each rsync has a working directory; what a crash left in it goes. */
    readonly runDirectory: string;
    /** Keeps what was tried. */
    readonly memory: string;
    /** How long a call of the trial may take. */
    readonly limitMs?: number;
  },
): Promise<TrustedRsync> {
  const { runDirectory, memory, limitMs } = options;
  await removeTree(runDirectory);
  const rsync = await checkRsync();
  const found = findRsync();
  if (found !== undefined && readIfAny(memory) === found.identity) {
    return { ...rsync, untried: undefined };
  }
  try {
    // Once more when it failed: a machine without memory or processes to spare spoils any call.
    const fault = await tryRsync(runDirectory, limitMs) &&
      await tryRsync(runDirectory, limitMs);
    if (fault !== undefined) {
      throw new UsageError(
        `Cannot use rsync ${rsync.version}${
          found === undefined ? "" : ` (${found.file})`
        }: ${fault}; install another version (3.4 or newer), or put a working one first on PATH`,
      );
    }
    if (found !== undefined) replaceFile(memory, found.identity);
    return { ...rsync, untried: undefined };
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    return { ...rsync, untried: error.message };
  }
}

/** The program, and what changes when it does; `undefined` where we may not look. */
function findRsync(): { file: string; identity: string } | undefined {
  for (const file of programPlaces("rsync", Deno.env.get("PATH") ?? "")) {
    try {
      const { isFile, mode, size, mtime, ctime, ino } = Deno.statSync(file);
      if (!isFile || ((mode ?? 0) & 0o111) === 0) continue;
      const times = [mtime?.getTime(), ctime?.getTime()];
      const seen = [TRIAL_VERSION, file, size, ino, mode, ...times];
      return { file, identity: `${JSON.stringify(seen)}\n` };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      return undefined;
    }
  }
  return undefined;
}

function readIfAny(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return undefined; // unreadable is as good as not there: it is tried again
  }
}
