/**
 * A file's text replaced at once: it is the old or the new one at any moment, also after a crash.
 *
 * @module
 */
import { basename, dirname, resolve } from "node:path";

const NEW_FILE_MODE = 0o600;
const NEW_DIRECTORY_MODE = 0o700;
const MAX_LINKS = 40;

/**
 * Writes `text` by a temporary file beside `file` and a rename. Mode and group of an old file
 * stay; a new one is 0600 in a directory that is made when it is missing. A symbolic link stays
 * and the file that it leads to is replaced.
 */
export function replaceFile(file: string, text: string): void {
  const target = followLinks(file);
  const old = statOrUndefined(target);
  const directory = dirname(target);
  Deno.mkdirSync(directory, { recursive: true, mode: NEW_DIRECTORY_MODE });
  const temporary = `${directory}/.${
    basename(target)
  }.${crypto.randomUUID()}.tmp`;
  try {
    writeSynced(temporary, text);
    const own = Deno.statSync(temporary);
    if (old !== undefined && (old.uid !== own.uid || old.gid !== own.gid)) {
      Deno.chownSync(temporary, old.uid, old.gid);
    }
    Deno.chmodSync(
      temporary,
      old?.mode === undefined || old.mode === null
        ? NEW_FILE_MODE
        : old.mode & 0o7777,
    );
    Deno.renameSync(temporary, target);
  } catch (cause) {
    if (statOrUndefined(temporary) !== undefined) Deno.removeSync(temporary);
    throw cause;
  }
}

function writeSynced(file: string, text: string): void {
  using open = Deno.openSync(file, {
    write: true,
    createNew: true,
    mode: NEW_FILE_MODE,
  });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += open.writeSync(bytes.subarray(at));
  open.syncSync();
}

/** Where `file` leads, whether or not a file is there. */
function followLinks(file: string): string {
  let target = resolve(file);
  for (let links = 0; links < MAX_LINKS; links++) {
    if (!lstatOrUndefined(target)?.isSymlink) return target;
    target = resolve(dirname(target), Deno.readLinkSync(target));
  }
  throw new Error(`Cannot replace '${file}': too many symbolic links`);
}

function statOrUndefined(file: string): Deno.FileInfo | undefined {
  return absentAsUndefined(() => Deno.statSync(file));
}

function lstatOrUndefined(file: string): Deno.FileInfo | undefined {
  return absentAsUndefined(() => Deno.lstatSync(file));
}

function absentAsUndefined<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
}
