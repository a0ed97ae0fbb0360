/**
 * A log file that this process, and what it was started by, write at the end of: kept within bounds
 * while it is written. The file stays the same one, so that everything that has it open goes on.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { isMissing, lstatIfAny } from "./files.ts";

/** How large one file may become, in bytes, and how many there may be, the current one included. */
export interface LogBounds {
  readonly maxBytes: number;
  readonly files: number;
}

/** What logs may take: 30 MB in all. */
export const LOG_BOUNDS: LogBounds = { maxBytes: 10_000_000, files: 3 };

const MODE = 0o600;
const COPY_BYTES = 1 << 20;

/** All names that a log has, the current one first. */
export function logNames(
  path: string,
  { files }: LogBounds = LOG_BOUNDS,
): string[] {
  return Array.from(
    { length: files },
    (_, age) => age === 0 ? path : `${path}.${age}`,
  );
}

/** See the module. */
export class LogFile {
  readonly #path: string;
  readonly #bounds: LogBounds;
  #size: number;

  private constructor(path: string, bounds: LogBounds, size: number) {
    this.#path = path;
    this.#bounds = bounds;
    this.#size = size;
  }

  /**
   * The log at `path`, made private, and made when it is missing; `undefined` when it is no file, as
   * `/dev/null` is none. Throws when it cannot be written.
   */
  static open(
    path: string,
    bounds: LogBounds = LOG_BOUNDS,
  ): LogFile | undefined {
    const info = lstatIfAny(path);
    if (info !== undefined && !info.isFile) return undefined;
    const options = { append: true, create: true, mode: MODE };
    Deno.openSync(path, options).close();
    if (info !== undefined && ((info.mode ?? 0) & 0o7777) !== MODE) {
      Deno.chmodSync(path, MODE);
    }
    return new LogFile(path, bounds, info?.size ?? 0);
  }

  /** Its size now, in bytes. */
  get size(): number {
    return this.#size;
  }

  /**
   * Before `bytes` more are written: moves what is there on to the next name when it would become too
   * much. Gives what went wrong with that, in words; throws when the file cannot even be emptied.
   */
  makeRoom(bytes: number): string | undefined {
    this.#size += bytes;
    if (this.#size <= this.#bounds.maxBytes) return undefined;
    // The launcher writes here too, and a person may have emptied it.
    const size = lstatIfAny(this.#path)?.size ?? 0;
    this.#size = size + bytes;
    if (this.#size <= this.#bounds.maxBytes || size === 0) return undefined;
    const fault = this.#rotate();
    this.#size = bytes;
    return fault;
  }

  /** Whatever fails in between, the file is emptied at the end. */
  #rotate(): string | undefined {
    const names = logNames(this.#path, this.#bounds);
    try {
      removeIfThere(names.at(-1) ?? "");
      for (let age = names.length - 1; age > 1; age--) {
        renameIfThere(names[age - 1] ?? "", names[age] ?? "");
      }
      copyTo(this.#path, names[1] ?? "");
      return undefined;
    } catch (error) {
      removeIfThere(names[1] ?? "");
      return `older lines were dropped: ${errorText(error)}`;
    } finally {
      Deno.truncateSync(this.#path, 0);
    }
  }
}

function copyTo(path: string, to: string): void {
  using from = Deno.openSync(path, { read: true });
  using target = Deno.openSync(to, {
    write: true,
    createNew: true,
    mode: MODE,
  });
  const buffer = new Uint8Array(COPY_BYTES);
  for (;;) {
    const count = from.readSync(buffer);
    if (count === null) return;
    let rest = buffer.subarray(0, count);
    while (rest.length > 0) rest = rest.subarray(target.writeSync(rest));
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
