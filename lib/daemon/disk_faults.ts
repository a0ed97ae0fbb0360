/**
 * Full disks for `sinkd status`, also while nothing waits for space on them.
 *
 * @module
 */
import { diskOf, type DiskRooms } from "../io/disk_room.ts";
import { lstatIfAny } from "../io/files.ts";
import type { Faults, StatedFault } from "./faults.ts";

/** States of each disk that nothing can be written to; `machine` as in "this server". */
export function restateDisks(
  faults: Faults,
  { rooms, directories, machine }: {
    readonly rooms: DiskRooms;
    readonly directories: readonly string[];
    readonly machine: string;
  },
): void {
  const full = new Map<string, Omit<StatedFault, "kind">>();
  for (const directory of directories) {
    if (!isFull(rooms, directory)) continue;
    const disk = diskOf(directory);
    full.set(`disk ${disk}`, {
      path: directory,
      cause:
        `disk full: no new files can be stored on the disk of ${disk} (${machine}), deletions go on`,
      fix: `free up space on the disk of ${disk}; sinkd retries by itself`,
    });
  }
  faults.restate("disk", full);
}

/** A disk that is away or fails is told of by what needs it. */
function isFull(rooms: DiskRooms, directory: string): boolean {
  try {
    return lstatIfAny(directory) !== undefined && rooms.isFull(directory);
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
