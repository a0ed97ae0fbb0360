/**
 * Space on disks: what is free, what transfers under way were promised, and when one has to stop.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import {
  type DiskSpace,
  isTooFull,
  type MinFree,
  misfits,
  type Need,
  neededBytes,
  roomBytes,
  type Shortage,
} from "../core/room.ts";
import { nameOf, OWN_NAME, parentOf, type RelativePath } from "../core/path.ts";
import type { Room, RoomClaim } from "../ports.ts";
import { diskBytes, lstatIfAny } from "./files.ts";

const POLL_MS = 250;
/** How long a file that did not fit although there was space (a quota) bounds what is tried again. */
const CEILING_MS = 60_000;

/** What disks are asked about elsewhere. */
export interface RoomPorts {
  readonly minFree: MinFree;
  /** Drops what nobody needs just now on a device; gives how many bytes were freed. */
  readonly reclaim: (device: number, bytes: number) => number;
  /** Bytes of a device that a reserve gave back, and takes again first. */
  readonly owed: (device: number) => number;
}

interface Open {
  readonly device: number;
  readonly needs: readonly Need[];
  readonly stage: string;
  readonly stop: AbortController;
}

/** Of all transfers of one process. */
export class DiskRooms {
  readonly #ports: RoomPorts;
  readonly #open = new Set<Open>();
  readonly #ceilings = new Map<number, { bytes: number; untilMs: number }>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(ports: RoomPorts) {
    this.#ports = ports;
  }

  /** Space for what is staged in a directory that is absolute, or below `root`. */
  below(root: string): Room {
    return {
      claim: (stage, needs) =>
        this.#claim(stage.startsWith("/") ? stage : `${root}/${stage}`, needs),
    };
  }

  /** What may be used of the disk of `directory`, with all promises kept. */
  roomFor(directory: string): number {
    return this.#room(nearest(directory));
  }

  /** True when nothing at all may be written to the disk of `directory`. */
  isFull(directory: string): boolean {
    // What has no space for files either is of a kind that is never written to.
    return spaceOf(directory).freeFiles !== 0 && this.roomFor(directory) === 0;
  }

  #room(place: Place): number {
    let reservedBytes = this.#ports.owed(place.device);
    for (const open of this.#open) {
      if (open.device === place.device) {
        reservedBytes += outstanding(open, place);
      }
    }
    const { minFree } = this.#ports;
    const bytes = roomBytes(spaceOf(place.directory), {
      minFree,
      reservedBytes,
    });
    return Math.min(bytes, this.#ceiling(place.device));
  }

  #claim(stage: string, wanted: readonly Need[]): RoomClaim {
    const place = nearest(stage);
    const needs = wanted.map((need) => ({
      ...need,
      haveBytes: partialBytes(stage, need.path),
    }));
    let left = this.#misfits(place, needs);
    if (left.size > 0) {
      const missing = missingBytes(left);
      if (this.#ports.reclaim(place.device, missing) > 0) {
        left = this.#misfits(place, needs);
      }
    }
    const open: Open = {
      device: place.device,
      needs: needs.filter(({ path }) => !left.has(path)),
      stage,
      stop: new AbortController(),
    };
    if (open.needs.length > 0) this.#add(open);
    return {
      left,
      signal: open.stop.signal,
      overflow: (paths) => this.#overflow(open, paths),
      release: () => this.#remove(open),
    };
  }

  #misfits(place: Place, needs: readonly Need[]): Map<RelativePath, Shortage> {
    const { blockBytes, freeFiles } = spaceOf(place.directory);
    const room = { roomBytes: this.#room(place), blockBytes, freeFiles };
    const disk = diskOf(place.directory);
    return new Map(
      [...misfits(needs, room)].map(([path, sizes]) => [
        path,
        { disk, ...sizes },
      ]),
    );
  }

  /** What did not fit after all: others filled the disk, or its quota is less than what it has. */
  #overflow(
    open: Open,
    paths: readonly RelativePath[],
  ): Map<RelativePath, Shortage> {
    const place = nearest(open.stage);
    const { blockBytes } = spaceOf(place.directory);
    const disk = diskOf(place.directory);
    this.#remove(open);
    const room = this.#room(place);
    return new Map(paths.map((path) => {
      const need = open.needs.find((need) => need.path === path);
      const needBytes = neededBytes(
        { path, bytes: need?.bytes ?? 0 },
        blockBytes,
      );
      if (needBytes <= room) this.#lower(place.device, needBytes - 1);
      return [path, {
        disk,
        needBytes,
        roomBytes: Math.min(room, needBytes - 1),
      }];
    }));
  }

  #lower(device: number, bytes: number): void {
    const lower = Math.min(bytes, this.#ceiling(device));
    const untilMs = performance.now() + CEILING_MS;
    this.#ceilings.set(device, { bytes: lower, untilMs });
  }

  #ceiling(device: number): number {
    const known = this.#ceilings.get(device);
    if (known === undefined) return Infinity;
    if (known.untilMs > performance.now()) return known.bytes;
    this.#ceilings.delete(device);
    return Infinity;
  }

  #add(open: Open): void {
    this.#open.add(open);
    this.#timer ??= setInterval(() => this.#poll(), POLL_MS);
  }

  #remove(open: Open): void {
    this.#open.delete(open);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Stops the transfer that wants most of a disk that fills up; the others may still fit. */
  #poll(): void {
    const largest = new Map<number, { open: Open; bytes: number }>();
    for (const open of this.#open) {
      if (open.stop.signal.aborted) continue;
      const place = nearest(open.stage);
      const space = spaceOf(place.directory);
      if (!isTooFull(space, this.#ports.minFree)) continue;
      const bytes = outstanding(open, place);
      const known = largest.get(open.device);
      if (known === undefined || known.bytes < bytes) {
        largest.set(open.device, { open, bytes });
      }
    }
    for (const { open } of largest.values()) open.stop.abort();
  }
}

interface Place {
  readonly directory: string;
  readonly device: number;
}

/** The directory itself, or the nearest one above that is there already. */
function nearest(directory: string): Place {
  for (let path = directory;; path = dirname(path)) {
    const info = lstatIfAny(path);
    if (info !== undefined) return { directory: path, device: info.dev };
    if (path === dirname(path)) {
      throw new Error(`Cannot find the disk of '${directory}'`);
    }
  }
}

/** What the file system of a directory has. */
export function spaceOf(directory: string): DiskSpace {
  const { bavail, blocks, bsize, ffree, files } = statfsSync(directory);
  return {
    totalBytes: blocks * bsize,
    // A file system without a size of its own tells 0 blocks.
    availableBytes: blocks === 0 ? Infinity : bavail * bsize,
    blockBytes: bsize,
    freeFiles: files === 0 ? undefined : ffree,
  };
}

/** The topmost directory of the same file system, as far as this process may look. */
export function diskOf(directory: string): string {
  const device = Deno.statSync(directory).dev;
  for (let path = directory;; path = dirname(path)) {
    const above = dirname(path);
    if (above === path || deviceOf(above) !== device) return path;
  }
}

function deviceOf(directory: string): number | undefined {
  try {
    return Deno.statSync(directory).dev;
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** What a transfer was promised and has not written yet. */
function outstanding({ needs, stage }: Open, { directory }: Place): number {
  const { blockBytes } = spaceOf(directory);
  return needs.reduce((sum, need) => {
    const all = neededBytes({ path: need.path, bytes: need.bytes }, blockBytes);
    const written = diskBytes(`${stage}/${need.path}`) +
      writingBytes(stage, need.path);
    return sum + Math.max(all - written, 0);
  }, 0);
}

/** What a broken transfer of a file left, which the next one writes over in place. */
export function partialBytes(stage: string, path: RelativePath): number {
  return diskBytes(`${stage}/${partialOf(path)}`) +
    diskBytes(`${stage}/${path}`);
}

/** The name of rsync's `--partial-dir` for a path. */
export function partialOf(path: RelativePath): string {
  const parent = parentOf(path);
  const own = `${OWN_NAME}/${nameOf(path)}`;
  return parent === undefined ? own : `${parent}/${own}`;
}

/** rsync writes into a temporary file beside the path, or on in the partial one. */
function writingBytes(stage: string, path: RelativePath): number {
  const directory = dirname(`${stage}/${path}`);
  const start = `.${nameOf(path).replace(/^\./, "")}.`;
  let bytes = diskBytes(`${stage}/${partialOf(path)}`);
  if (lstatIfAny(directory)?.isDirectory !== true) return bytes;
  for (const { name, isFile } of Deno.readDirSync(directory)) {
    if (isFile && name.startsWith(start)) {
      bytes += diskBytes(`${directory}/${name}`);
    }
  }
  return bytes;
}

function missingBytes(left: ReadonlyMap<RelativePath, Shortage>): number {
  const [first] = left.values();
  let sum = 0;
  for (const { needBytes } of left.values()) sum += needBytes;
  return sum - (first?.roomBytes ?? 0);
}
