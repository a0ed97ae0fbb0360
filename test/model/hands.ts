/**
 * What users do to files, each in one indivisible step that tells what it replaced, so that nothing of
 * sinkd's can come in between unseen.
 *
 * @module
 */
import { dirname } from "node:path";
import { lstatIfAny } from "../../lib/io/files.ts";

const AT_WORKING_DIRECTORY = -100;
const NO_REPLACE = 1;
const EXCHANGE = 2;
const MOST_TRIES = 1000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How something was put in place. */
export interface Put {
  /** True when something was there. */
  readonly took: boolean;
  /**
   * True when that had a second name: a client was in the microseconds between setting it aside and
   * renaming another version over it, and may lose what was put (README, Limits).
   */
  readonly isExposed: boolean;
}

/** Hands of a user: they hold the system's call that exchanges two names. */
export class Hands implements Disposable {
  readonly #libc = Deno.dlopen("libc.so.6", {
    renameat2: {
      parameters: ["i32", "buffer", "i32", "buffer", "u32"],
      result: "i32",
    },
  });

  /**
   * Gives `spare`, a file or link on the same file system, the name `full`, as an editor's save does.
   * `spare` names what was there, if anything was.
   */
  put(spare: string, full: string): Put {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      if (this.#rename(spare, full, EXCHANGE)) {
        const { isFile, nlink } = Deno.lstatSync(spare);
        return { took: true, isExposed: isFile && (nlink ?? 1) > 1 };
      }
      if (this.move(spare, full)) return { took: false, isExposed: false };
    }
    throw new Error(`Cannot put '${full}': it comes and goes`);
  }

  /** Renames to a free name; false when it is not free. */
  move(from: string, to: string): boolean {
    if (this.#rename(from, to, NO_REPLACE)) return true;
    if (lstatIfAny(to) !== undefined) return false;
    Deno.lstatSync(from);
    Deno.lstatSync(dirname(to));
    return false; // it was there, or its directory was not, a moment ago
  }

  [Symbol.dispose](): void {
    this.#libc.close();
  }

  #rename(from: string, to: string, flags: number): boolean {
    return this.#libc.symbols.renameat2(
      AT_WORKING_DIRECTORY,
      encoder.encode(`${from}\0`),
      AT_WORKING_DIRECTORY,
      encoder.encode(`${to}\0`),
      flags,
    ) === 0;
  }
}

/**
 * Writes into the file that is there, with one call, as much as it holds already. Gives its text
 * before, or `undefined` when there is no file.
 */
export function rewrite(
  full: string,
  textOf: (size: number) => string,
): string | undefined {
  try {
    using file = Deno.openSync(full, { read: true, write: true });
    const { size } = file.statSync();
    const before = new Uint8Array(size);
    file.readSync(before);
    file.seekSync(0, Deno.SeekMode.Start);
    file.writeSync(encoder.encode(textOf(size)));
    return decoder.decode(before);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Takes a file away. Gives its text, or `undefined` when there was none. */
export function remove(full: string, spare: string): string | undefined {
  try {
    Deno.renameSync(full, spare);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return take(spare);
}

/** The text of a file, which goes. */
export function take(full: string): string {
  const text = Deno.readTextFileSync(full);
  Deno.removeSync(full);
  return text;
}

/** The text of a file, or `undefined` when there is none. */
export function read(full: string): string | undefined {
  try {
    return Deno.readTextFileSync(full);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
