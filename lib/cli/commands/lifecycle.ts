/**
 * `sinkd server|client start|stop|restart|reload`: the program in the background, by its pid file.
 *
 * @module
 */
import type { ControlReply, ControlRequest } from "../../core/control.ts";
import { UsageError } from "../../core/fault.ts";
import type { StatusReport } from "../../core/status.ts";
import { askControl } from "../../io/ask_control.ts";
import { readPid, socketPathOf } from "../../io/pid_file.ts";
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { ownPidFile, pidFilesToAsk } from "../places.ts";
import { ask, askReload, isComing, printReply, tryAsk } from "./ask.ts";
import { launch } from "./launch.ts";

const STOP_DEADLINE_MS = 10_000;
const LOOK_EVERY_MS = 20;

/** What is asked for, of which program. */
export interface Lifecycle {
  readonly role: "server" | "client";
  readonly word: "start" | "stop" | "restart" | "reload";
}

/** See the module. */
export async function lifecycle(
  asked: Lifecycle,
  given: Arguments,
  context: Context,
): Promise<number> {
  switch (asked.word) {
    case "start":
      return await start(asked.role, given, context);
    case "stop":
      return await stop(asked.role, given, context);
    case "restart": {
      const pidFile = ownPidFile(given, context.around);
      await stopHolder(asked.role, pidFile);
      return await start(asked.role, given, context);
    }
    case "reload": {
      const running = await ask(given, context.around, { command: "status" });
      const report = reportOf(running.reply);
      checkRole(asked.role, report, running.pidFile);
      const reply = await askReload(given, context.around);
      return printReply(reply, context);
    }
  }
}

async function start(
  role: Lifecycle["role"],
  given: Arguments,
  context: Context,
): Promise<number> {
  const pidFile = ownPidFile(given, context.around);
  const running = await runningAt(pidFile);
  if (running !== undefined) {
    checkRole(role, running, pidFile);
    context.out(`The ${role} runs already, pid ${running.pid}.\n`);
    return EXIT.done;
  }
  const report = await launch(role, pidFile, given, context);
  context.out(`The ${role} runs, pid ${report.pid}.\n`);
  return EXIT.done;
}

async function stop(
  role: Lifecycle["role"],
  given: Arguments,
  context: Context,
): Promise<number> {
  const running = await tryAsk(given, context.around, { command: "status" });
  const pidFile = running?.pidFile ??
    pidFilesToAsk(given, context.around).find(isComing);
  if (pidFile === undefined) {
    context.out(`No ${role} runs.\n`);
    return EXIT.done;
  }
  await stopHolder(role, pidFile);
  context.out(`The ${role} has stopped.\n`);
  return EXIT.done;
}

/**
 * Asks whoever holds `pidFile` to stop, and whoever comes to hold it meanwhile, until it is released:
 * one that is starting, or about to be started again, hears it as soon as it can.
 */
async function stopHolder(
  role: Lifecycle["role"],
  pidFile: string,
): Promise<void> {
  const deadline = Date.now() + STOP_DEADLINE_MS;
  let asked: number | undefined;
  while (isComing(pidFile)) {
    const running = await reportAt(pidFile);
    if (running !== undefined && running.pid !== asked) {
      checkRole(role, running, pidFile);
      const reply = await tryControl(pidFile, { command: "stop" });
      if (reply?.ok === false) throw new UsageError(reply.message, EXIT.person);
      if (reply !== undefined) asked = running.pid;
    }
    if (Date.now() > deadline) {
      const pid = readPid(pidFile) ?? "unknown";
      throw new Error(
        `Cannot stop the ${role}: pid ${pid} still holds ${pidFile} after ${
          STOP_DEADLINE_MS / 1000
        } s; look at its log, or end it with 'kill -9 ${pid}' (nothing is lost by that)`,
      );
    }
    await pause();
  }
}

/** What runs and goes on running: one that starts or ends is waited for. */
async function runningAt(pidFile: string): Promise<StatusReport | undefined> {
  const deadline = Date.now() + STOP_DEADLINE_MS;
  for (;;) {
    const reply = await tryControl(pidFile, { command: "status" });
    const isSettled = reply === undefined
      ? !isComing(pidFile)
      : reply.phase === undefined;
    if (isSettled || Date.now() > deadline) {
      return reply === undefined ? undefined : reportOf(reply);
    }
    await pause();
  }
}

/** The report of what answers now; one that starts, or is just ending, has none. */
async function reportAt(pidFile: string): Promise<StatusReport | undefined> {
  const reply = await tryControl(pidFile, { command: "status" });
  if (reply === undefined || !reply.ok && reply.phase !== undefined) {
    return undefined;
  }
  return reportOf(reply);
}

/** As `askControl`; what ends while it is asked gives no answer. */
async function tryControl(
  pidFile: string,
  request: ControlRequest,
): Promise<ControlReply | undefined> {
  try {
    return await askControl(socketPathOf(pidFile), request);
  } catch (error) {
    const denied = error instanceof Error &&
      error.cause instanceof Deno.errors.PermissionDenied;
    if (denied || !(error instanceof Error)) throw error;
    return undefined;
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}

function reportOf(reply: ControlReply): StatusReport {
  if (!reply.ok) throw new Error(`Cannot ask what runs: ${reply.message}`);
  if (reply.report === undefined) {
    throw new Error("Cannot ask what runs: the answer has no report");
  }
  return reply.report;
}

function checkRole(
  role: Lifecycle["role"],
  running: StatusReport,
  pidFile: string,
): void {
  if (running.role === role) return;
  throw new UsageError(
    `A ${running.role} (pid ${running.pid}) holds ${pidFile}, not a ${role}; name the ${role}'s pid file with --pid FILE`,
  );
}
