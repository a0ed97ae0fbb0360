/**
 * Exit codes and error messages: the one place where both are made.
 *
 * @module
 */
import { UsageError } from "../core/fault.ts";

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
  /** The client wants to be started again with freshly computed permissions (sysexits: try again). */
  restart: 75,
} as const;

/** Exit code of an error that ends a command. */
export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError ? error.exitCode : EXIT.working;
}

/** The one line that an error prints: its message, and what caused it where that says more. */
export function messageOf(error: unknown): string {
  const parts: string[] = [];
  let current = error;
  while (current !== undefined && parts.length < 4) {
    const text = textOf(current);
    if (text !== "" && !parts.some((part) => part.includes(text))) {
      parts.push(text);
    }
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(": ").replaceAll(/\s*\n\s*/g, " ");
}

function textOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return `${
      error.message.replace(/, run again with.*$/s, "")
    }; start it through scripts/sinkd, which computes what it may do`;
  }
  return error instanceof Error ? error.message : String(error);
}
