/**
 * strace on a process that runs: ends it at its N-th call of a kind, or has its calls fail. So a
 * crash or a fault comes at an exact step without any hook in the product.
 *
 * @module
 */
import { signalIfAlive } from "./detached.ts";
import { waitFor } from "./waiting.ts";

/** What strace does to a process. */
export interface Tampering {
  /** System calls, comma-separated: `rename`, `link,linkat`. */
  readonly calls: string;
  /** What happens at such a call, in strace's words: `signal=KILL:when=2`, `error=EIO`. */
  readonly inject: string;
  /** Only calls that name one of these paths. */
  readonly paths?: readonly string[];
  /** All threads and children, not just the main thread, on which all of sinkd's own work runs. */
  readonly threads?: boolean;
}

/** strace, attached to a process until disposed or until that ends. */
export class Strace implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #stderr: Promise<string>;
  #over = false;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#stderr = new Response(process.stderr).text();
    this.#ended = process.status.then(() => this.#over = true);
  }

  /** Attaches to the process `pid` and waits until it is watched. */
  static async attach(pid: number, tampering: Tampering): Promise<Strace> {
    const process = new Deno.Command("strace", {
      args: [
        "-qq",
        "-o",
        "/dev/null",
        ...straceOptions(tampering),
        "-p",
        String(pid),
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const strace = new Strace(process);
    await waitFor(`strace of process ${pid}`, async () => {
      if (strace.#over) {
        throw new Error(`Cannot trace ${pid}: ${await strace.#stderr}`);
      }
      return isTraced(pid, tampering.threads ?? false);
    });
    return strace;
  }

  /** True when strace has ended: what it watched is gone. */
  get over(): boolean {
    return this.#over;
  }

  /** Lets go of the process, which runs on. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) signalIfAlive(this.#process.pid, "SIGTERM");
    await this.#ended;
    await this.#stderr;
  }
}

/** Options of strace for a {@linkcode Tampering}, also for a command that it starts. */
export function straceOptions(tampering: Tampering): string[] {
  const { calls, inject, paths = [], threads = false } = tampering;
  return [
    ...(threads ? ["-f"] : []),
    ...paths.flatMap((path) => ["-P", path]),
    "-e",
    `trace=${calls}`,
    "-e",
    `inject=${calls}:${inject}`,
  ];
}

function isTraced(pid: number, threads: boolean): boolean {
  const tasks = threads
    ? [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name)
    : [String(pid)];
  return tasks.every((task) => tracerOf(`/proc/${pid}/task/${task}`) !== "0");
}

/** A thread that just ended needs no tracer. */
function tracerOf(directory: string): string | undefined {
  try {
    return /^TracerPid:\s+(\d+)$/m
      .exec(Deno.readTextFileSync(`${directory}/status`))?.[1];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Why strace cannot be used here; `undefined` when it can. */
export function missingForStrace(): string | undefined {
  if (Deno.build.os !== "linux") return "Linux";
  if (Deno.uid() !== 0) return "root";
  const places = (Deno.env.get("PATH") ?? "").split(":");
  const found = places.some((place) => isFile(`${place}/strace`));
  return found ? undefined : "strace";
}

function isFile(full: string): boolean {
  try {
    return Deno.statSync(full).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
