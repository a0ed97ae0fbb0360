/**
 * Asking the server or client that runs, wherever the command line or the defaults say it is.
 *
 * @module
 */
import type { ControlReply, ControlRequest } from "../../core/control.ts";
import { UsageError } from "../../core/fault.ts";
import { askControl } from "../../io/ask_control.ts";
import { socketPathOf } from "../../io/pid_file.ts";
import type { Arguments } from "../arguments.ts";
import type { Context, Surroundings } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { pidFilesToAsk } from "../places.ts";

/** A reply and the pid file of the process that gave it. */
export interface Answer {
  readonly reply: ControlReply;
  readonly pidFile: string;
}

/**
 * Asks each place in turn; `undefined` when nothing runs at any, or only what is another account's.
 */
export async function tryAsk(
  given: Arguments,
  around: Surroundings,
  request: ControlRequest,
): Promise<Answer | undefined> {
  const { answer, fault } = await askEach(given, around, request);
  if (answer === undefined && fault !== undefined && !isForeign(fault)) {
    throw fault;
  }
  return answer;
}

/** As {@linkcode tryAsk}; throws when nothing runs that answers us. */
export async function ask(
  given: Arguments,
  around: Surroundings,
  request: ControlRequest,
): Promise<Answer> {
  const { answer, fault } = await askEach(given, around, request);
  if (answer !== undefined) return answer;
  if (fault !== undefined) throw fault;
  const files = pidFilesToAsk(given, around);
  throw new UsageError(
    `Nothing runs here (looked at ${
      files.join(" and ")
    }); start it with 'sinkd client start' or 'sinkd server start', or name its pid file with --pid`,
    EXIT.notRunning,
  );
}

/** The first answer, or else the first fault. */
async function askEach(
  given: Arguments,
  around: Surroundings,
  request: ControlRequest,
): Promise<{ readonly answer?: Answer; readonly fault?: Error }> {
  let fault: Error | undefined;
  for (const pidFile of pidFilesToAsk(given, around)) {
    try {
      const reply = await askControl(socketPathOf(pidFile), request);
      if (reply !== undefined) return { answer: { reply, pidFile } };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      fault ??= error;
    }
  }
  return fault === undefined ? {} : { fault };
}

/** True when the system keeps us from a socket: a program of another account, such as the server. */
function isForeign(fault: Error): boolean {
  return fault.cause instanceof Deno.errors.PermissionDenied;
}

/** Prints what the reply says; gives the exit code. */
export function printReply(reply: ControlReply, context: Context): number {
  if (!reply.ok) {
    context.say(`sinkd: ${reply.message}`);
    return reply.exitCode;
  }
  if (reply.message !== undefined) context.out(`${reply.message}\n`);
  return EXIT.done;
}
