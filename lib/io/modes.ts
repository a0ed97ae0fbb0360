/**
 * Modes and groups of what users see: only permission bits are carried, so the setuid, setgid and
 * sticky bits of this machine stay, and a file that comes in has the group that it would have if it
 * had been made here.
 *
 * @module
 */
import { dirname } from "node:path";
import { codeOf, lstatIfAny } from "./files.ts";

/** The bits of a mode that are this machine's own. */
const LOCAL_BITS = 0o7000;
const SETGID = 0o2000;

/** Gives permission bits (and more, on the server) to what is there; the local bits stay. */
export function setMode(full: string, mode: number): void {
  const now = Deno.lstatSync(full).mode ?? 0;
  const wanted = (now & LOCAL_BITS) | mode;
  // A chmod by an account outside the group takes the setgid bit away: none without need.
  if ((now & 0o7777) !== wanted) Deno.chmodSync(full, wanted);
}

/** Makes a staged file ready to be put at `full`: its mode, and the group that belongs there. */
export function dressStaged(staged: string, full: string, mode: number): void {
  try {
    Deno.chmodSync(staged, mode);
  } catch (error) {
    // It is our own file: its file system (FAT) has no such modes.
    if (codeOf(error) !== "EPERM") throw error;
  }
  const group = groupAt(full);
  if (group === undefined || lstatIfAny(staged)?.gid === group) return;
  try {
    Deno.chownSync(staged, null, group);
  } catch (error) {
    // Only the groups that this account belongs to can be given.
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}

/** The group of the file that is replaced, or of a directory whose files inherit it. */
function groupAt(full: string): number | undefined {
  const replaced = lstatIfAny(full);
  if (replaced?.isFile === true) return replaced.gid ?? undefined;
  const parent = lstatIfAny(dirname(full));
  return ((parent?.mode ?? 0) & SETGID) === 0
    ? undefined
    : parent?.gid ?? undefined;
}
