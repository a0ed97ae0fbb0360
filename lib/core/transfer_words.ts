/**
 * A transfer under way, in words.
 *
 * @module
 */
import { counted } from "./plural.ts";
import { bytesText } from "./size_text.ts";
import type { TransferReport } from "./status.ts";

/**
 * How far a transfer is.
 *
 * @example
 * ```ts
 * import { transferWords } from "./transfer_words.ts";
 * import assert from "node:assert/strict";
 * const transfer = { direction: "send", files: 12, bytes: 3_400_000_000, done: 1_200_000_000,
 *   bytesPerSecond: 35_000_000, since: "2026-11-22T12:00:00Z" } as const;
 * assert.equal(
 *   transferWords(transfer),
 *   "sending 12 files: 1.2 GB of 3.4 GB, 35 MB/s, about 1 min left",
 * );
 * ```
 */
export function transferWords(transfer: TransferReport): string {
  const { direction, files, bytes, done, bytesPerSecond } = transfer;
  const verb = direction === "send" ? "sending" : "receiving";
  const rate = bytesPerSecond === 0
    ? "nothing passes now"
    : `${bytesText(bytesPerSecond)}/s, about ${
      durationText((bytes - done) / bytesPerSecond)
    } left`;
  return `${verb} ${counted(files, "file")}: ${bytesText(done)} of ${
    bytesText(bytes)
  }, ${rate}`;
}

function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
