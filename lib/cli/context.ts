/**
 * What a command runs in: the streams, and the places that environment and account decide.
 *
 * @module
 */
import type { LogPlace } from "../io/log.ts";

/** Names the file that `start` has the program write its log to. */
export const LOG_VARIABLE = "SINKD_LOG";

/** Has the join link of `sinkd join -`, which must not be an argument. */
export const LINK_VARIABLE = "SINKD_JOIN_LINK";

/** Names of the environment variables that the program may read. */
export const ENVIRONMENT_NAMES: readonly string[] = [
  "HOME",
  "JOURNAL_STREAM",
  "NO_COLOR",
  "PATH",
  LINK_VARIABLE,
  "SINKD_LAUNCHER",
  LOG_VARIABLE,
  "TERM",
  "USER",
  "XDG_RUNTIME_DIR",
  "XDG_STATE_HOME",
];

/** Account and environment, as values. */
export interface Surroundings {
  readonly uid: number;
  readonly directory: string;
  readonly variable: (name: string) => string | undefined;
}

/** Streams and surroundings of one run. */
export interface Context {
  readonly around: Surroundings;
  /** Writes to stdout as it is. */
  out(text: string): void;
  /** Writes one line to stderr. */
  say(line: string): void;
  readonly colour: boolean;
  readonly columns: number;
  readonly isTerminal: boolean;
}

/** Reads the surroundings of this process; needs env of {@linkcode ENVIRONMENT_NAMES} and sys uid. */
export function readSurroundings(): Surroundings {
  return {
    uid: Deno.uid() ?? 0,
    directory: Deno.cwd(),
    variable: (name) => {
      const value = Deno.env.get(name);
      return value === "" ? undefined : value;
    },
  };
}

/** The context of this process. */
export function openContext(): Context {
  const around = readSurroundings();
  const isTerminal = Deno.stdout.isTerminal();
  const encoder = new TextEncoder();
  return {
    around,
    out: (text) => writeAllSync(Deno.stdout, encoder.encode(text)),
    say: (line) => writeAllSync(Deno.stderr, encoder.encode(`${line}\n`)),
    isTerminal,
    colour: isTerminal && around.variable("NO_COLOR") === undefined &&
      around.variable("TERM") !== "dumb",
    columns: isTerminal ? Deno.consoleSize().columns : 100,
  };
}

/** Where a log on our stderr goes: to systemd's journal, or to the file that the launcher opened. */
export function logPlace(around: Surroundings): LogPlace {
  return {
    journal: around.variable("JOURNAL_STREAM") !== undefined,
    file: around.variable(LOG_VARIABLE),
  };
}

/**
 * `path` made absolute and freed of `.`, `..` and doubled slashes, with `~` for the home directory.
 * (Its own few lines: `node:path` would cost every command 10 ms.)
 */
export function absolute(path: string, around: Surroundings): string {
  const home = around.variable("HOME");
  const isHome = home !== undefined && /^~(\/|$)/.test(path);
  const whole = isHome
    ? `${home}${path.slice(1)}`
    : path.startsWith("/")
    ? path
    : `${around.directory}/${path}`;
  const parts: string[] = [];
  for (const part of whole.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function writeAllSync(
  to: { writeSync(bytes: Uint8Array): number },
  bytes: Uint8Array,
): void {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(to.writeSync(rest));
    } catch (error) {
      // The reader of a pipe has seen enough (`sinkd ls | head -1`).
      if (error instanceof Deno.errors.BrokenPipe) return;
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
  }
}
