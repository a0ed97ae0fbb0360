/**
 * Processes of this machine, as /proc shows them: to find what a test left running.
 *
 * @module
 */

/** A process and its command line. */
export interface Running {
  readonly pid: number;
  readonly command: string;
}

/** Processes whose environment has `variable` with `value`, zombies apart. */
export function processesWith(variable: string, value: string): Running[] {
  const wanted = `${variable}=${value}`;
  const found: Running[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const environment = textOf(`/proc/${name}/environ`).split("\0");
    if (!environment.includes(wanted)) continue;
    const command = textOf(`/proc/${name}/cmdline`).replaceAll("\0", " ");
    if (command !== "") found.push({ pid: Number(name), command });
  }
  return found;
}

/** Empty for a process that is gone, or not ours. */
function textOf(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    // A process that ends while it is read gives "no such process", which is no class of Deno's.
    if (error instanceof Error) return "";
    throw error;
  }
}
