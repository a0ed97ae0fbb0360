/**
 * Small file systems for tests: a tmpfs on a directory, which can be filled and made larger.
 *
 * @module
 */
import { runToEnd } from "./network_programs.ts";

/** A tmpfs until disposed; whoever still uses it then keeps it to the end. */
export class Tmpfs implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Mounts one on a directory that is there; `options` as mount has them: `size=8m`. */
  static async mount(directory: string, options: string): Promise<Tmpfs> {
    await run("mount", "-t", "tmpfs", "-o", options, "tmpfs", directory);
    return new Tmpfs(directory);
  }

  /** Changes options of it: `size=40m`, `ro`, `rw`. */
  async remount(options: string): Promise<void> {
    await run("mount", "-o", `remount,${options}`, this.directory);
  }

  /** Takes all room but `leftBytes`, until the given file is removed. */
  fill(file: string, leftBytes: number): void {
    using ballast = Deno.openSync(file, { write: true, create: true });
    const piece = new Uint8Array(4096).fill(0x5a);
    let written = 0;
    try {
      for (;;) written += ballast.writeSync(piece);
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    ballast.truncateSync(Math.max(written - leftBytes, 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", "-l", this.directory);
  }
}

/** Why nothing can be mounted here; `undefined` when it can. */
export function missingForMounts(): string | undefined {
  if (Deno.build.os !== "linux") return "Linux";
  return Deno.uid() === 0 ? undefined : "root";
}

async function run(...args: string[]): Promise<void> {
  const { code, err } = await runToEnd(args);
  if (code !== 0) throw new Error(`Cannot ${args.join(" ")}: ${err}`);
}

function isFull(error: unknown): boolean {
  return error instanceof Error && /No space left/.test(error.message);
}
