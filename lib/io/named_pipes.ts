/**
 * Named pipes that stop the watcher. Deno opens what it hears of, and to open a named pipe is to
 * wait for a writer; a writer for a moment sets it free.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { closeSync, constants, openSync } from "node:fs";
import { NO_EXCLUDES } from "../core/excludes.ts";
import { scanTree } from "./scan.ts";

/** Where and since when (milliseconds since 1970) a watcher that is silent may have met a named pipe. */
export interface PipeSearch {
  readonly directories: readonly string[];
  readonly sinceMs: number;
  /** What is known of the failure otherwise. */
  readonly cause: string;
  readonly signal: AbortSignal;
}

/** Sets free what named pipes have stopped, and says what happened: words that "and was started anew" can follow. */
export async function freeNamedPipes(search: PipeSearch): Promise<string> {
  const { directories, sinceMs, cause, signal } = search;
  try {
    const pipes = await findUsedPipes(directories, sinceMs, signal);
    if (pipes.length === 0) return `the watcher failed (${cause})`;
    const kept = pipes.map(freePipe).filter((reason) => reason !== undefined);
    return `the watcher hung on the named pipe ${pipes.join(", ")} ` +
      `(move it out of the anchor${kept.map((why) => `; ${why}`).join("")})`;
  } catch (error) {
    const reason = errorText(error);
    return `the watcher failed (${cause}; ${reason})`;
  }
}

/**
 * Full paths of the named pipes below `directories` that were made or used at `sinceMs` (since 1970)
 * or later. Others are left out: to open them would disturb the programs that use them.
 */
async function findUsedPipes(
  directories: readonly string[],
  sinceMs: number,
  signal: AbortSignal,
): Promise<string[]> {
  const pipes: string[] = [];
  for (const directory of directories) {
    const options = { rules: NO_EXCLUDES, only: undefined, signal };
    const { uncarriable } = await scanTree(directory, options);
    for (const { path } of uncarriable) {
      const fullPath = `${directory}/${path}`;
      if (isUsedPipe(fullPath, sinceMs)) pipes.push(fullPath);
    }
  }
  return pipes;
}

/** Sets free what waits for a writer of `pipe`; the reason when it may not. */
function freePipe(pipe: string): string | undefined {
  try {
    // O_NONBLOCK: never waits. O_RDWR: there is a writer, for as long as it is open.
    closeSync(openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK));
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}

function isUsedPipe(fullPath: string, sinceMs: number): boolean {
  let info;
  try {
    info = Deno.lstatSync(fullPath);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  const usedMs = Math.max(
    info.mtime?.getTime() ?? 0,
    info.ctime?.getTime() ?? 0,
  );
  // A ctime is in whole seconds.
  return info.isFifo === true && usedMs >= sinceMs - 1000;
}
