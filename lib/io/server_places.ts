/**
 * Places and modes of a commit on the server's disk.
 *
 * @module
 */
import type { RelativePath } from "../core/path.ts";
import type { ServerStep } from "../core/server_commit.ts";
import { blockedAt, lstatIfAny, makeParents } from "./files.ts";
import { setMode } from "./modes.ts";

/** Mode of directories on the server's disk: setgid, so that the group stays. */
export const DIRECTORY_MODE = 0o2770;

/** Directories of a commit; absolute. */
export interface Places {
  readonly live: string;
  readonly stage: string;
  readonly history: string;
}

/** Gives what is at a path its mode, if it still is of that kind. */
export function giveMode(
  path: string,
  { mode, directory }: Extract<ServerStep, { do: "mode" }>,
): void {
  const info = lstatIfAny(path);
  if (directory && info?.isDirectory) setMode(path, diskMode(mode));
  else if (!directory && info?.isFile) setMode(path, mode | 0o600);
}

/** Where a version of `path` can go: beside an earlier one, when a commit of the same stamp was given up. */
export function freeInHistory(path: RelativePath, { history }: Places): string {
  for (let attempt = 1;; attempt++) {
    const root = attempt === 1 ? history : `${history}~${attempt}`;
    const full = `${root}/${path}`;
    if (blockedAt(root, path) === undefined && lstatIfAny(full) === undefined) {
      makeParents(full, DIRECTORY_MODE);
      return full;
    }
  }
}

/** A directory's true mode, with what the server's account needs, and setgid. */
export function diskMode(mode: number): number {
  return mode | 0o2700;
}
