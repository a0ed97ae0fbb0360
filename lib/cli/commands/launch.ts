/**
 * Starting the program in the background: detached, with a log file, until it answers.
 *
 * @module
 */
import { errorText } from "../../core/error_text.ts";
import { UsageError } from "../../core/fault.ts";
import type { StatusReport } from "../../core/status.ts";
import { askControl } from "../../io/ask_control.ts";
import { socketPathOf } from "../../io/pid_file.ts";
import { LOG_BOUNDS, LogFile } from "../../io/log_file.ts";
import { makeServerRoot, serverOwnDirectory } from "../../io/server_root.ts";
import type { Arguments } from "../arguments.ts";
import { absolute, type Context, type Surroundings } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { CLIENT_OPTIONS, SERVER_OPTIONS } from "../options.ts";
import { checkRootOwner } from "../owner.ts";
import { serverRoot, stateDirectory } from "../places.ts";

const START_DEADLINE_MS = 20_000;
const LOOK_EVERY_MS = 25;
const LOG_LINES = 6;

/** A compiled executable has no launcher that sends what is said to the log. */
const LAUNCHER = `
umask 077
ulimit -c 0 2>/dev/null
exec >>"$SINKD_LOG" 2>&1
unset JOURNAL_STREAM
exec "$@"
`;

/** Starts `role` and waits for its first report; throws with the log's last lines when none comes. */
export async function launch(
  role: "server" | "client",
  pidFile: string,
  given: Arguments,
  context: Context,
): Promise<StatusReport> {
  if (role === "server") {
    checkRootOwner(serverRoot(given, context.around), context.around);
  }
  const log = await openLog(role, given, context);
  const launcher = context.around.variable("SINKD_LAUNCHER");
  const args = [role, ...sameOptions(role, given, context.around)];
  const child = new Deno.Command(
    launcher ?? "sh",
    {
      args: launcher === undefined
        ? ["-c", LAUNCHER, "sh", Deno.execPath(), ...args]
        : args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
      env: { SINKD_LOG: log.path ?? "/dev/null" },
    },
  ).spawn();
  let ended: number | undefined;
  const ending = child.status.then((status) => {
    ended = status.code;
  });
  const deadline = Date.now() + START_DEADLINE_MS;
  while (Date.now() < deadline) {
    const reply = await askControl(socketPathOf(pidFile), {
      command: "status",
    });
    if (reply?.ok === true && reply.report !== undefined) {
      child.unref();
      return reply.report;
    }
    if (ended !== undefined) break;
    const pause = new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    await Promise.race([ending, pause]);
  }
  child.unref();
  throw await startFault(role, ended, log);
}

/** Where the program writes what it says; without a file there is no log. */
interface Log {
  readonly path: string | undefined;
  /** Where what this start writes begins. */
  readonly from: number;
}

async function startFault(
  role: string,
  code: number | undefined,
  log: Log,
): Promise<Error> {
  const said = await linesSince(log);
  const where = log.path === undefined ? "" : ` (log: ${log.path})`;
  const tail = said.length === 0
    ? log.path === undefined ? "it could write no log" : "it said nothing"
    : said.join("; ");
  if (code === undefined) {
    const limit = START_DEADLINE_MS / 1000;
    return new Error(
      `Cannot start the ${role}: no answer within ${limit} s: ${tail}${where}`,
    );
  }
  // What ends a start says itself what it could not do.
  const message = tail.startsWith("Cannot start")
    ? `${tail}${where}`
    : `Cannot start the ${role}: ${tail}${where}`;
  return code === EXIT.usage || code === EXIT.person
    ? new UsageError(message, code)
    : new Error(message);
}

/** Makes the log's directory and file; says so when it cannot, and goes on without. */
async function openLog(
  role: "server" | "client",
  given: Arguments,
  context: Context,
): Promise<Log> {
  const root = serverRoot(given, context.around);
  const directory = role === "server"
    ? serverOwnDirectory(root)
    : stateDirectory(given, context.around);
  const path = `${directory}/${role}.log`;
  try {
    if (role === "server") makeServerRoot(root);
    else await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    return { path, from: LogFile.open(path, LOG_BOUNDS)?.size ?? 0 };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const why = errorText(error);
    context.say(
      `sinkd: cannot write the log ${path} (${why}); starting without one`,
    );
    return { path: undefined, from: 0 };
  }
}

async function linesSince(log: Log): Promise<string[]> {
  if (log.path === undefined) return [];
  const bytes = await Deno.readFile(log.path);
  return new TextDecoder().decode(bytes.subarray(log.from)).split("\n")
    .map((line) => line.trim().replace(/^sinkd: /, "")).filter((line) =>
      line !== ""
    )
    .slice(-LOG_LINES);
}

/** The options again, with absolute paths: the program in the background has no directory of ours. */
function sameOptions(
  role: "server" | "client",
  given: Arguments,
  around: Surroundings,
): string[] {
  const options = role === "server" ? SERVER_OPTIONS : CLIENT_OPTIONS;
  return options.flatMap((option) => {
    const value = given.text(option.name);
    if (value === undefined) return [];
    const absoluteValue = option.kind === "path"
      ? absolute(value, around)
      : value;
    return [`--${option.name}=${absoluteValue}`];
  });
}
