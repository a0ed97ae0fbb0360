/**
 * A server or client as a real process, started by scripts/sinkd as a user would start it.
 *
 * @module
 */
import type { StatusReport } from "../../lib/core/status.ts";
import { askControl } from "../../lib/io/control.ts";
import { readPid, socketPathOf } from "../../lib/io/pid_file.ts";
import { waitFor } from "./waiting.ts";

/** The launcher of this checkout. */
export const LAUNCHER: string = new URL("../../scripts/sinkd", import.meta.url)
  .pathname;

const START_LIMIT_MS = 20_000;
const LOG_LINES = 25;

/** What one command printed, and how it ended. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** How to start a process: `env` is all of its environment. */
export interface DaemonOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly pidFile: string;
  readonly log: string;
}

/** Runs `sinkd ARGS` to its end. */
export async function runSinkd(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Said> {
  const { code, stdout, stderr } = await new Deno.Command(LAUNCHER, {
    args: [...args],
    env,
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** One server or client, running or not. */
export class DaemonProcess implements AsyncDisposable {
  readonly pidFile: string;
  readonly #options: DaemonOptions;
  #running:
    | { child: Deno.ChildProcess; status: Promise<Deno.CommandStatus> }
    | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.pidFile = options.pidFile;
  }

  /** Starts it and waits until it answers. */
  async start(): Promise<void> {
    const { args, env, log } = this.#options;
    const child = new Deno.Command(LAUNCHER, {
      args: [...args],
      env: { ...env, SINKD_LOG: log },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
    }).spawn();
    let ended = false;
    const status = child.status.then((end) => {
      ended = true;
      return end;
    });
    this.#running = { child, status };
    await waitFor(`'sinkd ${args[0]}' to answer`, async () => {
      if (ended) throw new Error(`Cannot start: it ended. ${this.logTail()}`);
      return await this.report();
    }, { limitMs: START_LIMIT_MS, tell: () => this.logTail() });
  }

  /** Ends it with SIGTERM; how it ended and how long that took. */
  async stop(
    signal: "SIGTERM" | "SIGINT" = "SIGTERM",
  ): Promise<{ code: number; tookMs: number }> {
    const running = this.#running;
    if (running === undefined) return { code: 0, tookMs: 0 };
    const fromMs = performance.now();
    signalIfAlive(running.child.pid, signal);
    const { code } = await running.status;
    this.#running = undefined;
    return { code, tookMs: performance.now() - fromMs };
  }

  /** Ends it as a crash does: the program first, then its launcher. */
  async kill(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    const pid = readPid(this.pidFile);
    if (pid !== undefined) signalIfAlive(pid, "SIGKILL");
    signalIfAlive(running.child.pid, "SIGKILL");
    await running.status;
    this.#running = undefined;
  }

  /** Sends a signal to what was started, as a terminal or a supervisor does. */
  signal(name: Deno.Signal): void {
    const running = this.#running;
    if (running === undefined) throw new Error("Cannot signal: it is stopped");
    signalIfAlive(running.child.pid, name);
  }

  /** What `sinkd status --json` shows, asked over the same socket; `undefined` when nothing answers. */
  async report(): Promise<StatusReport | undefined> {
    const reply = await askControl(socketPathOf(this.pidFile), {
      command: "status",
    });
    return reply?.ok === true ? reply.report : undefined;
  }

  /** The end of its log. */
  logTail(lines = LOG_LINES): string {
    const all = this.log().split("\n");
    return `Log ${this.#options.log}:\n${all.slice(-lines).join("\n")}`;
  }

  /** All of its log, of every start. */
  log(): string {
    try {
      return Deno.readTextFileSync(this.#options.log);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    const limit = setTimeout(() => void this.kill(), 5000);
    await this.stop();
    clearTimeout(limit);
  }
}

/** Signals a process that may have ended by itself. */
export function signalIfAlive(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
