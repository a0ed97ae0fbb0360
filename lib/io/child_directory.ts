/**
 * Working directories of child processes: each child has one of its own, so that a program that
 * writes where it stands, for whatever reason, meets nobody's files.
 *
 * @module
 */
import { removeTree } from "./files.ts";

/** Runs `work` with a private, empty directory below `parent`, which is gone afterwards. */
export async function withChildDirectory<T>(
  parent: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
  const directory = Deno.makeTempDirSync({ dir: parent });
  try {
    return await work(directory);
  } finally {
    await removeTree(directory);
  }
}
