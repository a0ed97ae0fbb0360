/**
 * Copies of files that others may exchange at any moment.
 *
 * @module
 */
import { isMissing, lstatIfAny, removeIfAny } from "./files.ts";

const COPY_BYTES = 1024 * 1024;

/**
 * Copies the file that is at `from`, with its permission bits; false when none is, or it may not be
 * read. Never what a link leads to, whoever exchanges what at this very moment.
 */
export async function copyPlainFile(
  from: string,
  to: string,
): Promise<boolean> {
  const looked = lstatIfAny(from);
  if (looked?.isFile !== true) return false;
  using source = await openReadable(from);
  if (source === undefined) return false;
  const { dev, ino, mode } = await source.stat();
  if (ino !== looked.ino || dev !== looked.dev) return false;
  removeIfAny(to);
  using copy = await Deno.open(to, {
    write: true,
    createNew: true,
    mode: 0o600,
  });
  const buffer = new Uint8Array(COPY_BYTES);
  for (;;) {
    const count = await source.read(buffer);
    if (count === null) break;
    for (let at = 0; at < count;) {
      at += await copy.write(buffer.subarray(at, count));
    }
  }
  Deno.chmodSync(to, (mode ?? 0o600) & 0o777);
  return true;
}

/** A file for reading; `undefined` when it is gone, or may not be read. */
export async function openReadable(
  full: string,
): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(full);
  } catch (error) {
    if (isMissing(error) || error instanceof Deno.errors.PermissionDenied) {
      return undefined;
    }
    throw error;
  }
}
