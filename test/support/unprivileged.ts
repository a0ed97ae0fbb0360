/**
 * Work as an account that file modes bind, when the tests run as root.
 *
 * @module
 */
import process from "node:process";

const NOBODY = 65534;

/**
 * Runs `work` as nobody (the whole process, for as long as it takes: tests of a process run one after
 * the other); as it is when the tests do not run as root.
 */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (Deno.uid() !== 0) return await work();
  if (process.setegid === undefined || process.seteuid === undefined) {
    throw new Error("Cannot become nobody: this system has no seteuid");
  }
  process.setegid(NOBODY);
  process.seteuid(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid(0);
    process.setegid(0);
  }
}
