/**
 * A reserve: a file that takes space while there is some, and gives it back on a disk that is full, so
 * that deletions can still be recorded and a log written.
 *
 * @module
 */
import { type DiskSpace, type MinFree, roomBytes } from "../core/room.ts";
import { spaceOf } from "./disk_room.ts";
import { lstatIfAny, removeIfAny } from "./files.ts";

const MOST_BYTES = 8 * 1024 * 1024;
/** What part of a small disk it takes. */
const PART = 50;
const PIECE = new Uint8Array(64 * 1024).fill(0x5a);

/** The reserve in a directory. */
export class Reserve {
  readonly #directory: string;
  readonly #file: string;
  readonly #minFree: MinFree;

  constructor(directory: string, minFree: MinFree) {
    this.#directory = directory;
    this.#file = `${directory}/reserve`;
    this.#minFree = minFree;
  }

  /** Bytes of a device that it gave back and will take again. */
  owed(device: number): number {
    if (lstatIfAny(this.#directory)?.dev !== device) return 0;
    if (lstatIfAny(this.#file) !== undefined) return 0;
    return reserveBytes(spaceOf(this.#directory));
  }

  /** Gives it back where the disk is full, takes it again where there is space. Never throws. */
  balance(): void {
    try {
      const space = spaceOf(this.#directory);
      const bytes = reserveBytes(space);
      const have = lstatIfAny(this.#file)?.size ?? 0;
      if (have > 0) {
        // Too large for a disk that it was moved to, it would be more than deletions need.
        if (isFull(space) || have > bytes) Deno.removeSync(this.#file);
      } else if (roomBytes(space, { minFree: this.#minFree }) > 3 * bytes) {
        this.#take(bytes);
      }
    } catch (error) {
      // A disk that fails is told of by what needs it.
      if (!(error instanceof Error)) throw error;
    }
  }

  #take(bytes: number): void {
    const making = `${this.#file}.new`;
    try {
      using file = Deno.openSync(making, {
        write: true,
        create: true,
        truncate: true,
        mode: 0o600,
      });
      for (let left = bytes; left > 0;) {
        left -= file.writeSync(PIECE.subarray(0, Math.min(left, PIECE.length)));
      }
      Deno.renameSync(making, this.#file);
    } catch (error) {
      removeIfAny(making);
      throw error;
    }
  }
}

/** Gives back the reserve in a directory where the disk is full, for whoever does not keep one. */
export function giveBackReserve(directory: string): void {
  const file = `${directory}/reserve`;
  if (lstatIfAny(file) === undefined || !isFull(spaceOf(directory))) return;
  removeIfAny(file);
}

function isFull(space: DiskSpace): boolean {
  return space.availableBytes < reserveBytes(space) / 2;
}

function reserveBytes({ totalBytes }: DiskSpace): number {
  return Math.min(Math.floor(totalBytes / PART), MOST_BYTES);
}
