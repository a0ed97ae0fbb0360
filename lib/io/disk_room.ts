/**
 * Room on a disk: how much of it must stay free.
 *
 * @module
 */
import { statfsSync } from "node:fs";

/** Throws with what to do when less than `minFreePercent` of the disk that holds `directory` is free. */
export function assertRoom(directory: string, minFreePercent: number): void {
  const { bavail, blocks } = statfsSync(directory);
  if (blocks === 0 || bavail * 100 >= blocks * minFreePercent) return;
  const free = (bavail * 100 / blocks).toFixed(1);
  throw new Error(
    `Cannot take more: only ${free} % of the disk of ${directory} is free, and ${minFreePercent} % must stay; free up space there (sinkd retries by itself)`,
  );
}
