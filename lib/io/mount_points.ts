/**
 * Where one file system ends and another begins, found without writing anything.
 *
 * @module
 */
import { dirname } from "node:path";
import type { MountLook } from "../core/mounts.ts";
import { OWN_NAME } from "../core/path.ts";
import { codeOf, lstatIfAny } from "./files.ts";

/** What a harmless rename of nothing comes to. */
function probe(from: string, to: string): unknown {
  const name = `${OWN_NAME}.${crypto.randomUUID()}`;
  try {
    Deno.renameSync(`${from}/${name}`, `${to}/${name}.`);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

/**
 * True when the directory `full` is on another file system than `above`, which holds it. The device
 * tells it of another disk or subvolume. For a bind mount of the same disk only a rename does: the
 * kernel compares the mounts before it looks whether there is anything to rename.
 */
export function isMountedOn(above: string, full: string): boolean {
  const [outside, inside] = [Deno.statSync(above), lstatIfAny(full)];
  if (inside?.isDirectory !== true) return false;
  return outside.dev !== inside.dev || probe(above, full) === "EXDEV";
}

/** True when nothing can be written in a directory because of how it is mounted. */
export function isReadOnly(directory: string): boolean {
  return probe(directory, directory) === "EROFS";
}

/** What is at a directory now; one that cannot be looked at (a dead server, a pulled disk) is absent. */
export function lookAtMount(full: string): MountLook {
  try {
    const info = lstatIfAny(full);
    if (info?.isDirectory !== true) return { kind: "absent" };
    if (!isMountedOn(dirname(full), full)) return { kind: "directory" };
    const bornMs = info.birthtime?.getTime() ?? null;
    return { kind: "mounted", identity: { inode: info.ino ?? 0, bornMs } };
  } catch (error) {
    if (error instanceof Error) return { kind: "absent" };
    throw error;
  }
}
