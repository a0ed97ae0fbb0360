/**
 * File operations that may be repeated: what is already done, or no longer there, is no error.
 *
 * @module
 */
import fs from "node:fs";
import { dirname } from "node:path";
import { ancestorsOf, type RelativePath } from "../core/path.ts";

/** True when nothing is at the path. */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory;
}

/** What is at a path, not following a link; `undefined` when nothing is. */
export function lstatIfAny(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** `lstat` counts blocks of this size, whatever the file system has. */
const STAT_BLOCK_BYTES = 512;

/** What a file takes of its disk; 0 when none is there. */
export function diskBytes(path: string): number {
  const info = lstatIfAny(path);
  if (info?.isFile !== true) return 0;
  const { blocks } = info;
  return typeof blocks === "number" ? blocks * STAT_BLOCK_BYTES : info.size;
}

/** What a file takes of its disk, when holes make it less than its size. */
export function dataBytes(path: string): number | undefined {
  const info = lstatIfAny(path);
  if (info?.isFile !== true) return undefined;
  const bytes = diskBytes(path);
  return bytes < info.size ? bytes : undefined;
}

/** Removes a file, link or empty directory if it is there. */
export function removeIfAny(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Removes a file, link or directory tree if it is there. */
export async function removeTree(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/**
 * Removes a directory if it is there and empty; true when none is there (any more). By rmdir itself:
 * `Deno.remove` looks first, and would take a file that comes into its place in between.
 */
export function removeIfEmpty(path: string): boolean {
  try {
    fs.rmdirSync(path);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (isMissing(error) || code === "ENOENT" || code === "ENOTDIR") {
      return true;
    }
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    throw Object.assign(
      new Deno.errors.PermissionDenied(
        `Cannot remove directory '${path}': permission denied`,
        { cause: error },
      ),
      { code },
    );
  }
}

/** A second name for a file or link; true when made, false when the new name was already taken. */
export function linkIfFree(from: string, to: string): boolean {
  try {
    Deno.linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/**
 * Gives a file or link another name; false when that name was already taken. By a second name, or
 * where the file system has none (FAT), or the kernel allows none of another's file
 * (`fs.protected_hardlinks`), over an empty file of our own: a rename alone would replace what
 * somebody makes there this very moment.
 */
export function moveIfFree(from: string, to: string): boolean {
  try {
    if (!linkIfFree(from, to)) return false;
  } catch (error) {
    if (!isLinkRefused(error)) throw error;
    return moveOverOwn(from, to);
  }
  Deno.removeSync(from);
  return true;
}

/** True when a file cannot have a second name here, though it may well be renamed. */
export function isLinkRefused(error: unknown): boolean {
  const code = codeOf(error);
  return code === "EPERM" || code === "EOPNOTSUPP" || code === "EMLINK";
}

function moveOverOwn(from: string, to: string): boolean {
  try {
    Deno.openSync(to, { write: true, createNew: true }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
  try {
    Deno.renameSync(from, to);
    return true;
  } catch (error) {
    Deno.removeSync(to);
    throw error;
  }
}

/** Makes the directory of a path, and all above it, with `mode` less the umask. */
export function makeParents(path: string, mode: number): void {
  Deno.mkdirSync(dirname(path), { recursive: true, mode });
}

/** Makes a directory, and all above it that are missing, with just `mode`, whatever the umask is. */
export function makeDirectories(path: string, mode: number): void {
  const made = missingDirectories(path);
  Deno.mkdirSync(path, { recursive: true, mode });
  for (const directory of made) {
    const now = Deno.lstatSync(directory).mode ?? mode;
    // A setgid bit that came from above stays: an account outside the group could not set it again.
    const wanted = (now & 0o7000) | mode;
    if ((now & 0o7777) !== wanted) Deno.chmodSync(directory, wanted);
  }
}

/** `path` and what is above it, as far as it is not there and may be looked at, topmost last. */
function missingDirectories(path: string): string[] {
  const missing: string[] = [];
  for (let at = path; isAbsent(at); at = dirname(at)) missing.push(at);
  return missing;
}

function isAbsent(path: string): boolean {
  try {
    return lstatIfAny(path) === undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
}

/** The first thing above `path` that is there and no directory, not even by a link. */
export function blockedAt(
  root: string,
  path: RelativePath,
): RelativePath | undefined {
  return ancestorsOf(path).find((above) =>
    lstatIfAny(`${root}/${above}`)?.isDirectory === false
  );
}

/** Runs `work`; when the directory of `path` forbids it, opens that for the time being. */
export function inWritableParent<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    const parent = dirname(path);
    const mode = Deno.lstatSync(parent).mode;
    if (mode === null || (mode & 0o300) === 0o300) throw error;
    Deno.chmodSync(parent, (mode & 0o7777) | 0o700);
    try {
      return work();
    } finally {
      Deno.chmodSync(parent, mode & 0o7777);
    }
  }
}

/** The system's name of an error: "EXDEV". */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** How many files are written through at one time: a file system takes them together. */
const FLUSHES = 32;

/**
 * Writes files through to the disk, so that no power loss leaves a name without its bytes. What is
 * not there, or may not be opened, is passed over.
 */
export async function flushFiles(paths: readonly string[]): Promise<void> {
  const left = paths.values();
  const flushers = Array.from(
    { length: Math.min(FLUSHES, paths.length) },
    async () => {
      for (const path of left) await flushFile(path);
    },
  );
  await Promise.all(flushers);
}

async function flushFile(path: string): Promise<void> {
  try {
    using file = await Deno.open(path);
    await file.syncData();
  } catch (error) {
    const barred = error instanceof Deno.errors.PermissionDenied;
    if (!barred && !isMissing(error)) throw error;
  }
}
