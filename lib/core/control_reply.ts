/**
 * Reading a control reply without its schema: making the schemas costs each `sinkd status` 20 ms,
 * and what answers is this program, at a socket that only its own account reaches. It may be of
 * another version, so keys that are not known are no fault.
 *
 * @module
 */
import type { ControlReply, Read } from "./control.ts";

/** What a client says to `reload` when it ends to be started again, with permissions for its new anchors. */
export const RESTARTING =
  "the configuration was read again; the client restarts for its new anchors";

/** What a program says that is not ready to be asked yet: ask again in a moment. */
export const STARTING_REPLY: ControlReply = {
  ok: false,
  message: "it is starting; ask again in a moment",
  exitCode: 1,
  phase: "starting",
};

/** Largest reply in bytes, its newline included. */
export const MAX_REPLY_BYTES = 33_554_432;

/** Keys of each report that hold lists and objects, which a renderer goes into. */
const CONTENT: Readonly<Record<string, readonly string[]>> = {
  client: ["anchors", "errors", "server", "stamp", "watcher"],
  server: ["users", "errors"],
};

/** Reads a reply line; never throws. What the schema of replies takes, this takes too. */
export function readReply(line: string): Read<ControlReply> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { ok: false, reason: "not JSON" };
  }
  return isReply(value)
    ? { ok: true, value }
    : { ok: false, reason: "not a reply of sinkd" };
}

function isReply(value: unknown): value is ControlReply {
  if (!isRecord(value)) return false;
  const { ok, message, exitCode, report } = value;
  if (ok === false) {
    return typeof message === "string" && Number.isInteger(exitCode) &&
      Number(exitCode) >= 1 && Number(exitCode) <= 4;
  }
  return ok === true &&
    (message === undefined || typeof message === "string") &&
    (report === undefined || isReport(report));
}

function isReport(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { role, pid, version, state } = value;
  const content = CONTENT[String(role)];
  return content !== undefined && Number.isInteger(pid) &&
    typeof version === "string" && typeof state === "string" &&
    content.every((key) => isRecord(value[key]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
