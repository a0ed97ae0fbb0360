/**
 * Processes that belong to no test, so that one test may start them and another end them.
 *
 * @module
 */
import { waitFor } from "./waiting.ts";

/** What a process exits with is written to a file, for its parent is not the test. */
const SPAWN = `
end=$1
shift
( "$@" </dev/null >/dev/null 2>&1 & echo $!; exec >&-; wait $!
  echo $? >"$end.new"; mv "$end.new" "$end" ) &
`;

/** A process that was started. */
export interface Detached {
  readonly pid: number;
  /** What it exited with; `undefined` while it runs. */
  exitCode(): number | undefined;
  /** Waits for its end and gives what it exited with. */
  ended(options?: { tell?: () => string }): Promise<number>;
}

/**
 * Starts a program with `env` as its whole environment, in the directory that this names as `PWD`;
 * `endFile` must be new.
 */
export async function spawnDetached(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  endFile: string,
): Promise<Detached> {
  const { stdout } = await new Deno.Command("setsid", {
    args: ["sh", "-c", SPAWN, "sh", endFile, ...args],
    env,
    ...(env["PWD"] === undefined ? {} : { cwd: env["PWD"] }),
    clearEnv: true,
    stdin: "null",
    stderr: "null",
  }).output();
  const exitCode = () => {
    try {
      return Number(Deno.readTextFileSync(endFile));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
  return {
    pid: Number(new TextDecoder().decode(stdout)),
    exitCode,
    ended: (options) => waitFor(`${args[0]} to end`, exitCode, options),
  };
}

/** Signals a process that may have ended by itself. */
export function signalIfAlive(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
