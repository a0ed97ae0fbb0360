/**
 * A transfer under way, as status tells it.
 *
 * @module
 */
import type { TransferReport } from "../core/status.ts";
import type { Progress } from "../turn/transfer_meter.ts";

/** What is over within this time is not worth a line. */
const SHORT_MS = 1_000;

/** As seen from the client or the server; `undefined` when there is nothing to tell yet. */
export function transferReport(
  progress: Progress | undefined,
  side: "client" | "server",
): TransferReport | undefined {
  if (progress === undefined || progress.forMs < SHORT_MS) return undefined;
  const { direction, files, bytes, done, bytesPerSecond, forMs } = progress;
  const isSent = (direction === "edits") === (side === "client");
  return {
    direction: isSent ? "send" : "receive",
    files,
    bytes,
    done,
    bytesPerSecond,
    since: new Date(Date.now() - forMs).toISOString(),
  };
}
