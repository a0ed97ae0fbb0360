/**
 * Exit codes and error messages: the one place where both are made.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { UsageError } from "../core/fault.ts";
import { plain } from "../core/plain_text.ts";
import type { StatusReport } from "../core/status.ts";
import { verdictOf } from "../core/verdict.ts";

/** What the process exits with. */
export const EXIT = {
  /** Up to date, or done. */
  done: 0,
  /** Working, offline, not everything synced; or it failed for a reason of its own. */
  working: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** No server or client runs. */
  notRunning: 3,
  /** Held, paused, revoked: a person must decide. */
  person: 4,
  /** Ctrl-C at a question (as shells have it: 128 and the signal). */
  interrupted: 130,
  /** The client wants to be started again with freshly computed permissions (sysexits: try again). */
  restart: 75,
} as const;

/** Exit code of an error that ends a command. */
export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError ? error.exitCode : EXIT.working;
}

/** The one line that an error prints: its message, and what caused it where that says more. */
export function messageOf(error: unknown): string {
  return plain(errorText(error));
}

/** What `sinkd status` exits with. */
export function exitCodeOfReport(report: StatusReport): number {
  return verdictOf(report).exitCode;
}
