/**
 * The server's root directory and what is the server's own in it.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { UsageError } from "../core/fault.ts";
import { OWN_NAME } from "../core/own_name.ts";
import { lastHolder } from "./directory_lock.ts";
import { isMissing, lstatIfAny } from "./files.ts";

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

/** Locked by the server that runs on a root; that it is there tells that one has. */
export function serverLockFile(root: string): string {
  return `${serverOwnDirectory(root)}/server-lock`;
}

/** The pid file of the server that runs on a root, or ran on it last, when that can be known. */
export function pidFileOnRoot(root: string): string | undefined {
  const file = lastHolder(serverLockFile(root));
  return file?.startsWith("/") === true ? file : undefined;
}

/** How long a server that is just starting on an empty root has to make it its own, in milliseconds. */
const BEGINNING_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** Throws, in words, unless a server has run on `root`; makes nothing. */
export async function assertServerRoot(root: string): Promise<void> {
  const deadlineMs = Date.now() + BEGINNING_MS;
  for (;;) {
    const fault = serverRootFault(root);
    if (fault === undefined) return;
    if (fault !== BEGINNING || Date.now() > deadlineMs) {
      throw new UsageError(
        `Cannot use ${root} as a server's root: ${fault}; check --root, or start the server on it once: sinkd server start --root ${root}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

const BEGINNING = "no server has run on it yet";

function serverRootFault(root: string): string | undefined {
  try {
    if (!Deno.statSync(root).isDirectory) return "it is not a directory";
    const entries = [...Deno.readDirSync(root)];
    if (lstatIfAny(serverLockFile(root))?.isFile === true) return undefined;
    return entries.every(({ name }) => isFresh(name))
      ? BEGINNING
      : "it is a directory of something else";
  } catch (error) {
    if (isMissing(error)) return "there is no such directory";
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    return "this account may not read it (run this as the server's account, or as root)";
  }
}

/** Makes the root (2770) and the server's own directory (0700) when they are missing. */
export function makeServerRoot(root: string): void {
  refuseForeign(root);
  makeDirectory(root, ROOT_MODE);
  makeDirectory(serverOwnDirectory(root), OWN_MODE);
}

/** A directory with other things in it does not become a root: its modes would change, and its parts be taken for users. */
export function refuseForeign(root: string): void {
  if (lstatIfAny(root) === undefined || !Deno.statSync(root).isDirectory) {
    return;
  }
  if (lstatIfAny(serverLockFile(root)) !== undefined) return;
  const foreign = [...Deno.readDirSync(root)].find(({ name }) =>
    !isFresh(name) &&
    lstatIfAny(`${root}/${name}/${OWN_NAME}`)?.isDirectory !== true
  );
  if (foreign === undefined) return;
  throw new UsageError(
    `Cannot use ${root} as a server's root: there is something else in it (${foreign.name}); name an empty directory, or one that is to be made, with --root`,
  );
}

/** What may be in a root before a server has run on it. */
function isFresh(name: string): boolean {
  return name === OWN_NAME || name === "lost+found";
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
