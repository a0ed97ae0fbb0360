/**
 * Asking the server or client that runs, wherever the command line or the defaults say it is.
 *
 * @module
 */
import type { ControlReply, ControlRequest } from "../../core/control.ts";
import { RESTARTING } from "../../core/control_reply.ts";
import { UsageError } from "../../core/fault.ts";
import { askControl } from "../../io/ask_control.ts";
import {
  isPidFileHeld,
  isSuccessorDue,
  socketPathOf,
} from "../../io/pid_file.ts";
import { pidFileOnRoot } from "../../io/server_root.ts";
import type { Arguments } from "../arguments.ts";
import type { Context, Surroundings } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { pidFilesToAsk, serverPidFiles, serverRoot } from "../places.ts";

/** How long a client may take to start anew. */
const RESTART_LIMIT_MS = 45_000;
const LOOK_EVERY_MS = 25;
/** How long one that holds the pid file, or is about to, may take until it answers. */
const COMING_LIMIT_MS = 10_000;
/** Times of files lag the clock by up to one tick of the kernel. */
const FILE_CLOCK_MS = 20;

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
  return toldOf(await askEach(pidFilesToAsk(given, around), request));
}

/** As {@linkcode tryAsk}, for the server of a root, wherever its pid file is. */
export async function tryAskServer(
  given: Arguments,
  around: Surroundings,
  request: ControlRequest,
): Promise<Answer | undefined> {
  const onRoot = pidFileOnRoot(serverRoot(given, around));
  const pidFiles = serverPidFiles(given, around, onRoot);
  return toldOf(await askEach(pidFiles, request));
}

/** As {@linkcode tryAsk}; throws when nothing runs that answers us. */
export async function ask(
  given: Arguments,
  around: Surroundings,
  request: ControlRequest,
): Promise<Answer> {
  const files = pidFilesToAsk(given, around);
  const { answer, fault } = await askEach(files, request);
  if (answer !== undefined) return answer;
  if (fault !== undefined) throw fault;
  throw new UsageError(
    `Nothing runs here (looked at ${
      files.join(" and ")
    }); start it with 'sinkd client start' or 'sinkd server start', or name its pid file with --pid`,
    EXIT.notRunning,
  );
}

/**
 * Has a client read its configuration again; when it starts anew for that, waits until the new one
 * answers, so that what is asked next finds it.
 */
export async function askReload(
  given: Arguments,
  around: Surroundings,
): Promise<ControlReply> {
  const sinceMs = Date.now();
  const { reply, pidFile } = await ask(given, around, { command: "reload" });
  if (!reply.ok || reply.message !== RESTARTING) return reply;
  const deadlineMs = sinceMs + RESTART_LIMIT_MS;
  while (Date.now() < deadlineMs) {
    if (isHeldSince(pidFile, sinceMs) && await answers(pidFile)) return reply;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new Error(
    `Cannot tell whether the client came back: no answer within ${
      RESTART_LIMIT_MS / 1000
    } s; see 'sinkd status' and its log`,
  );
}

/** Whoever starts writes the pid file; a compiled executable keeps its pid when it starts anew. */
function isHeldSince(pidFile: string, sinceMs: number): boolean {
  try {
    const { mtime, size } = Deno.statSync(pidFile);
    return size > 0 && mtime !== null &&
      mtime.getTime() >= sinceMs - FILE_CLOCK_MS;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function answers(pidFile: string): Promise<boolean> {
  try {
    const reply = await askControl(socketPathOf(pidFile), {
      command: "status",
    });
    return reply?.ok === true;
  } catch {
    return false; // it is just ending or starting: the next look finds it
  }
}

/** The first answer, or else the first fault; one that only starts is waited for. */
async function askEach(
  pidFiles: readonly string[],
  request: ControlRequest,
): Promise<Asked> {
  const deadlineMs = Date.now() + COMING_LIMIT_MS;
  for (;;) {
    const asked = await askOnce(pidFiles, request);
    const { answer, fault } = asked;
    const waits = answer === undefined
      ? fault === undefined && pidFiles.some(isComing)
      : !answer.reply.ok && answer.reply.phase === "starting";
    if (!waits || Date.now() > deadlineMs) return asked;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Who answered; what is another account's counts as nobody. */
function toldOf({ answer, fault }: Asked): Answer | undefined {
  if (answer === undefined && fault !== undefined && !isForeign(fault)) {
    throw fault;
  }
  return answer;
}

interface Asked {
  readonly answer?: Answer;
  readonly fault?: Error;
}

async function askOnce(
  pidFiles: readonly string[],
  request: ControlRequest,
): Promise<Asked> {
  let fault: Error | undefined;
  for (const pidFile of pidFiles) {
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

/** True when somebody holds a pid file, or is about to: it will answer, or end. */
export function isComing(pidFile: string): boolean {
  try {
    return isPidFileHeld(pidFile) || isSuccessorDue(pidFile);
  } catch {
    return false; // it is another account's, and no business of ours
  }
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
