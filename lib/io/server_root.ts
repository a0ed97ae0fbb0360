/**
 * The server's root directory and what is the server's own in it.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { OWN_NAME } from "../core/own_name.ts";

const ROOT_MODE = 0o2770;
const OWN_MODE = 0o700;

/** Where the server keeps its certificate, its log and nothing of any user. */
export function serverOwnDirectory(root: string): string {
  return `${root}/${OWN_NAME}`;
}

/** Where each rsync of the server has a working directory of its own. */
export function serverRunDirectory(root: string): string {
  return `${serverOwnDirectory(root)}/run`;
}

/** Keeps which rsync was tried. */
export function serverRsyncFile(root: string): string {
  return `${serverOwnDirectory(root)}/rsync`;
}

/** Makes the root (2770) and the server's own directory (0700) when they are missing. */
export function makeServerRoot(root: string): void {
  makeDirectory(root, ROOT_MODE);
  makeDirectory(serverOwnDirectory(root), OWN_MODE);
}

function makeDirectory(path: string, mode: number): void {
  try {
    if (Deno.statSync(path).isDirectory) return;
    throw new Error(`Cannot use ${path}: it is not a directory`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  try {
    Deno.mkdirSync(path, { recursive: true, mode: OWN_MODE });
    Deno.chmodSync(path, mode);
  } catch (cause) {
    const why = errorText(cause);
    throw new Error(
      `Cannot make ${path}: ${why}; make it for this account, or name another with --root DIR`,
      { cause },
    );
  }
}
