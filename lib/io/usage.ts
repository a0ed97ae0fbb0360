/**
 * Counting what lies on the disk for a user.
 *
 * @module
 */
import { NO_USAGE, plus, type Usage, usageOf } from "../core/quota.ts";
import { OWN_NAME } from "../core/path.ts";
import { dataBytes, isMissing, lstatIfAny } from "./files.ts";

/** So many things are counted before others have their turn. */
const AT_ONCE = 500;

/** How to count. */
export interface CountOptions {
  /** How long to rest after every few hundred things, in milliseconds. */
  readonly restMs: number;
  /** Ends it: it then throws. */
  readonly signal: AbortSignal;
}

/** What the tree of a user in `directory` and its history take: nothing else of sinkd's own counts. */
export async function usageOfUser(
  directory: string,
  options: CountOptions,
): Promise<Usage> {
  const tree = await usageBelow(directory, options);
  const history = await usageBelow(
    `${directory}/${OWN_NAME}/history`,
    options,
  );
  return plus(tree, history);
}

/**
 * What lies in a directory, without `.sinkd` directories; nothing when it is not there. `isStage`: rsync
 * keeps partial files in such ones there, and what counts are the files.
 */
export async function usageBelow(
  directory: string,
  { restMs, signal, isStage = false }: CountOptions & {
    readonly isStage?: boolean;
  },
): Promise<Usage> {
  const waiting = [directory];
  let sum = NO_USAGE;
  let since = 0;
  for (
    let next = waiting.pop();
    next !== undefined;
    next = waiting.pop()
  ) {
    for (const { name, isDirectory } of entriesOf(next)) {
      if (name === OWN_NAME && !isStage) continue;
      const path = `${next}/${name}`;
      if (isDirectory) waiting.push(path);
      if (!isDirectory || !isStage) sum = plus(sum, usageAt(path));
      if (++since % AT_ONCE !== 0) continue;
      await new Promise((resolve) => setTimeout(resolve, restMs));
      signal.throwIfAborted();
    }
  }
  return sum;
}

/** What may go while it is counted is gone. */
function entriesOf(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory)];
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function usageAt(path: string): Usage {
  const info = lstatIfAny(path);
  if (info === undefined) return NO_USAGE;
  const { size } = info;
  return info.isFile
    ? usageOf({ kind: "file", size, mtimeMs: 0, mode: 0 }, dataBytes(path))
    : usageOf({ kind: "link", target: "" }, undefined);
}
