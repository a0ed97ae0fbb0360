/**
 * A server or client as a real process, started as a user would start it.
 *
 * @module
 */
import type { StatusReport } from "../../lib/core/status.ts";
import { askControl } from "../../lib/io/control.ts";
import { isPidFileHeld, readPid, socketPathOf } from "../../lib/io/pid_file.ts";
import { type Detached, signalIfAlive, spawnDetached } from "./detached.ts";
import { LAUNCHER, LAUNCHER_ENV } from "./under_test.ts";
import { waitFor } from "./waiting.ts";

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
  /** What goes before the command, such as to run it on another host. */
  readonly via?: readonly string[];
}

/** Runs `sinkd ARGS` to its end, in the directory that `env` names as `PWD`. */
export async function runSinkd(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  via: readonly string[] = [],
): Promise<Said> {
  const [program = LAUNCHER, ...before] = [...via, LAUNCHER];
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...before, ...args],
    env: { ...LAUNCHER_ENV, ...env },
    ...(env["PWD"] === undefined ? {} : { cwd: env["PWD"] }),
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** One server or client, running or not. */
export class DaemonProcess implements AsyncDisposable {
  readonly pidFile: string;
  /** A program with arguments that starts it from now on, and becomes it: `env`, `setpriv`, `unshare`. */
  under: readonly string[] = [];
  /** Arguments that it gets beside its own from now on. */
  more: readonly string[] = [];
  readonly #options: DaemonOptions;
  #running: Detached | undefined;
  #starts = 0;
  #unanswered = "";

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.pidFile = options.pidFile;
  }

  /** Starts it and waits until it answers. */
  async start(): Promise<void> {
    const { args, env, log, via = [] } = this.#options;
    this.#starts++;
    const running = await spawnDetached(
      [...via, ...this.under, LAUNCHER, ...args, ...this.more],
      { ...LAUNCHER_ENV, ...env, SINKD_LOG: log },
      `${this.pidFile}.end-${this.#starts}`,
    );
    this.#running = running;
    await waitFor(`'sinkd ${args[0]}' to answer`, async () => {
      if (running.exitCode() !== undefined) {
        throw new Error(`Cannot start: it ended. ${this.logTail()}`);
      }
      return await this.report();
    }, { tell: () => this.logTail() });
  }

  /** Ends it with SIGTERM; how it ended and how long that took. */
  async stop(): Promise<{ code: number; tookMs: number }> {
    const fromMs = performance.now();
    const code = await this.#end((pid) => signalIfAlive(pid, "SIGTERM"));
    return { code, tookMs: performance.now() - fromMs };
  }

  /** Ends it as a crash does: the program first, then its launcher. */
  async kill(): Promise<void> {
    await this.#end((pid) => {
      const program = readPid(this.pidFile);
      if (program !== undefined) signalIfAlive(program, "SIGKILL");
      signalIfAlive(pid, "SIGKILL");
    });
    await waitFor("its lock to be free", () => !isPidFileHeld(this.pidFile));
  }

  /** Sends a signal to what was started, as a terminal or a supervisor does. */
  signal(name: Deno.Signal): void {
    if (this.#running === undefined) {
      throw new Error("Cannot signal: it does not run");
    }
    signalIfAlive(this.#running.pid, name);
  }

  async #end(how: (pid: number) => void): Promise<number> {
    const running = this.#running;
    if (running === undefined) return 0;
    how(running.pid);
    const code = await running.ended({ tell: () => this.logTail() });
    this.#running = undefined;
    return code;
  }

  /** What `sinkd status --json` shows, asked over the same socket; `undefined` when nothing answers. */
  async report(): Promise<StatusReport | undefined> {
    const socket = socketPathOf(this.pidFile);
    try {
      const reply = await askControl(socket, { command: "status" });
      return reply?.ok === true ? reply.report : undefined;
    } catch (error) {
      // It may come or go this very moment; whoever waits in vain is told.
      this.#unanswered = String(error);
      return undefined;
    }
  }

  /** The end of its log. */
  logTail(lines = LOG_LINES): string {
    const all = this.log().split("\n");
    const tail = all.slice(-lines).join("\n");
    return `${this.#unanswered}\nLog ${this.#options.log}:\n${tail}`;
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
    try {
      await this.stop();
    } catch (error) {
      await this.kill();
      throw error;
    }
  }
}
