/**
 * Which rsync is there: too old ones are refused, old ones warned of.
 *
 * @module
 */
import { UsageError } from "../core/fault.ts";

const OLDEST = [3, 2, 7] as const;
const SAFE = [3, 4, 0] as const;

/** The version of the rsync on the PATH, and a warning when it has known security holes. */
export interface RsyncVersion {
  readonly version: string;
  readonly warning: string | undefined;
}

/** Asks rsync; throws with what to do when there is none or it is too old. */
export async function checkRsync(): Promise<RsyncVersion> {
  const version = await askVersion();
  if (isOlder(version, OLDEST)) {
    throw new UsageError(
      `Cannot use rsync ${version}: at least ${
        OLDEST.join(".")
      } is needed; install a newer one`,
    );
  }
  const warning = isOlder(version, SAFE)
    ? `rsync ${version} has known security holes (CVE-2024-12084 and others, fixed in ${
      SAFE.join(".")
    }); upgrade it`
    : undefined;
  return { version, warning };
}

/** The version that rsync tells; `undefined` when there is none, or none that tells. */
export async function rsyncVersion(): Promise<string | undefined> {
  try {
    return await askVersion();
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

async function askVersion(): Promise<string> {
  let output;
  try {
    output = await new Deno.Command("rsync", {
      args: ["--version"],
      cwd: "/",
      stderr: "null",
    }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UsageError("Cannot find rsync: install it (package 'rsync')", 2, {
      cause,
    });
  }
  const text = new TextDecoder().decode(output.stdout);
  const version = /version v?(\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (version === undefined) {
    throw new UsageError(
      "Cannot use rsync: it does not tell its version; install rsync 3.2.7 or newer",
    );
  }
  return version;
}

function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of than.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
