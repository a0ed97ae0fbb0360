/**
 * The pid file: the flock that a server or client holds before it touches anything else, and the
 * place that tells commands where the control socket is.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";

const ATTEMPTS = 6;
const PAUSE_MS = 10;
/** What a holder leaves in the file that ends to be started again by its launcher. */
const SUCCEEDED = "restarting";
/** How long its successor may take to come, in milliseconds. */
const SUCCESSION_MS = 20_000;

/** Where the control socket of the holder of `pidFile` is: beside it, same stem, `.sock`. */
export function socketPathOf(pidFile: string): string {
  return pidFile.replace(/\.pid$/, "") + ".sock";
}

/** A held pid file. Letting go of it removes the file, or empties it where the directory is not ours. */
export class PidLock {
  /** The file that is held. */
  readonly path: string;
  readonly #file: Deno.FsFile;
  #succeeded = false;

  constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
  }

  /** False when the file was removed, or its directory is gone. */
  isThere(): boolean {
    return isStillAt(this.path, this.#file);
  }

  /** The launcher starts this program again: the file stays, and says so. */
  leaveToSuccessor(): void {
    this.#succeeded = true;
  }

  /** Removes the file while it is still locked, so that no second holder can be hit. */
  [Symbol.asyncDispose](): Promise<void> {
    if (!this.isThere()) {
      this.#file.close();
      return Promise.resolve(); // what is there now is another's
    }
    try {
      this.#file.truncateSync(0);
      if (this.#succeeded) writeOver(this.#file, SUCCEEDED);
      else Deno.removeSync(this.path);
    } catch (error) {
      const gone = error instanceof Deno.errors.NotFound;
      const notOurs = error instanceof Deno.errors.PermissionDenied;
      if (!gone && !notOurs) return Promise.reject(error);
    } finally {
      this.#file.close();
    }
    return Promise.resolve();
  }
}

/**
 * Takes the pid file and writes our pid into it.
 *
 * @returns `undefined` when another process holds it
 * @throws when the file cannot be made or opened
 */
export function lockPidFile(path: string): PidLock | undefined {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) pauseSync(PAUSE_MS);
    const file = openForLock(path);
    // A command that looks whether we run holds a shared lock for an instant; hence the attempts.
    if (!file.tryLockSync(true)) {
      file.close();
      continue;
    }
    if (!isStillAt(path, file)) {
      file.close();
      continue;
    }
    file.truncateSync(0);
    writeOver(file, `${Deno.pid}`);
    file.syncSync();
    return new PidLock(path, file);
  }
  return undefined;
}

/** True while a process holds `path`; false too when there is no such file. */
export function isPidFileHeld(path: string): boolean {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new Error(`Cannot read pid file ${JSON.stringify(path)}`, {
      cause: error,
    });
  }
  try {
    return !file.tryLockSync(false);
  } finally {
    file.close();
  }
}

/** True when nobody holds `path`, but who held it last is about to be started again. */
export function isSuccessorDue(path: string): boolean {
  try {
    const { mtime } = Deno.statSync(path);
    return Deno.readTextFileSync(path).trim() === SUCCEEDED &&
      Date.now() - (mtime?.getTime() ?? 0) < SUCCESSION_MS;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The pid written in `path`, or `undefined` when there is none. Says nothing about who lives. */
export function readPid(path: string): number | undefined {
  try {
    const pid = Number(Deno.readTextFileSync(path).trim());
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`Cannot read pid file ${JSON.stringify(path)}`, {
      cause: error,
    });
  }
}

function openForLock(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, {
      read: true,
      write: true,
      create: true,
      mode: 0o600,
    });
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "its directory does not exist"
      : error instanceof Deno.errors.PermissionDenied
      ? "permission denied"
      : errorText(error);
    throw new Error(
      `Cannot open pid file ${
        JSON.stringify(path)
      }: ${reason}; name another with --pid FILE`,
      { cause: error },
    );
  }
}

function writeOver(file: Deno.FsFile, line: string): void {
  file.seekSync(0, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** False when the previous holder removed the file between our open and our lock. */
function isStillAt(path: string, file: Deno.FsFile): boolean {
  try {
    const [ours, there] = [file.statSync(), Deno.lstatSync(path)];
    return ours.ino === there.ino && ours.dev === there.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function pauseSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
