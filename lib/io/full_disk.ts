/**
 * A disk that is full: which one an error is about, and what to do about it in words.
 *
 * @module
 */
import { fullnessOf } from "../core/disk_full.ts";
import { bytesText } from "../core/size_text.ts";
import { diskOf, spaceOf } from "./disk_room.ts";
import { lstatIfAny } from "./files.ts";

/** With less than this, databases cannot be opened. */
const NEEDED_BYTES = 1024 * 1024;

/** A full disk in words: the cause, and the one thing to do. */
export interface FullDisk {
  readonly disk: string;
  readonly cause: string;
  readonly fix: string;
}

/**
 * The full disk that made an error; `undefined` when it has another cause. `directory` is what was
 * worked in, `machine` says whose it is, as in "this server".
 */
export function fullDiskOf(
  error: unknown,
  { directory, machine }: {
    readonly directory: string;
    readonly machine: string;
  },
): FullDisk | undefined {
  const fullness = fullnessOf(error);
  if (fullness === "no") return undefined;
  if (lstatIfAny(directory) === undefined) return undefined;
  const { availableBytes } = spaceOf(directory);
  if (fullness === "maybe" && availableBytes >= NEEDED_BYTES) return undefined;
  const disk = diskOf(directory);
  return {
    disk,
    cause: `the disk of ${disk} (${machine}) is full`,
    fix: `free up at least ${bytesText(NEEDED_BYTES, "up")} on it`,
  };
}
