/**
 * Looking at one path: what is there now, without following any link, or why it cannot be carried.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import type { Found } from "../core/entry.ts";
import { MODE_MASK } from "../core/entry.ts";
import type { RelativePath } from "../core/path.ts";
import {
  ancestorsOf,
  MAX_TARGET_BYTES,
  MUNGED_PREFIX,
  pathFault,
} from "../core/path.ts";

/** What is at a path now. Causes read on after the path: "is a named pipe". */
export type Look =
  | { readonly kind: "found"; readonly found: Found }
  | { readonly kind: "absent" }
  | { readonly kind: "uncarriable"; readonly cause: string }
  | { readonly kind: "unreadable"; readonly cause: string };

const ABSENT: Look = { kind: "absent" };
const REPLACEMENT = "\ufffd";

/**
 * What is at `path` below `root`. Nothing is found through a link: below a link or a file, and in
 * a root that is missing, everything is absent.
 */
export function findPath(root: string, path: RelativePath): Look {
  for (const directory of ancestorsOf(path)) {
    const look = lookAt(`${root}/${directory}`, directory);
    if (look.kind === "unreadable") return look;
    if (look.kind !== "found" || look.found.entry.kind !== "directory") {
      return ABSENT;
    }
  }
  return lookAt(`${root}/${path}`, path);
}

/**
 * As {@linkcode findPath} at `fullPath`, for a caller that knows that no directory above is a link.
 * `path` is checked for what a path may contain.
 */
export function lookAt(fullPath: string, path: string): Look {
  const fault = pathFault(path);
  if (fault !== undefined) return { kind: "uncarriable", cause: fault };
  // A program may replace a link between lstat and readLink: look again, but not for ever.
  for (let attempt = 0; attempt < 3; attempt++) {
    let info;
    try {
      info = Deno.lstatSync(fullPath);
    } catch (error) {
      return missing(error) ? ABSENT : unreadable(error);
    }
    const look = lookOf(info, fullPath);
    if (look !== undefined) return look;
  }
  return { kind: "unreadable", cause: "changes all the time" };
}

function lookOf(info: Deno.FileInfo, fullPath: string): Look | undefined {
  const mode = (info.mode ?? 0) & MODE_MASK;
  if (info.isFile) {
    const mtimeMs = info.mtime?.getTime() ?? 0;
    return foundAs({ kind: "file", size: info.size, mtimeMs, mode }, info);
  }
  if (info.isDirectory) return foundAs({ kind: "directory", mode }, info);
  if (info.isSymlink) return lookAtLink(info, fullPath);
  return { kind: "uncarriable", cause: specialKind(info) };
}

function foundAs(entry: Found["entry"], info: Deno.FileInfo): Look {
  return {
    kind: "found",
    found: {
      entry,
      inode: info.ino ?? 0,
      ctimeS: Math.floor((info.ctime?.getTime() ?? 0) / 1000),
    },
  };
}

/** `undefined`: it is not a link any more. */
function lookAtLink(info: Deno.FileInfo, fullPath: string): Look | undefined {
  let target;
  try {
    target = Deno.readLinkSync(fullPath);
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) {
      const cause = "is a link whose target is not valid UTF-8";
      return { kind: "uncarriable", cause };
    }
    return missing(error) || codeOf(error) === "EINVAL"
      ? undefined
      : unreadable(error);
  }
  if (target.startsWith(MUNGED_PREFIX)) {
    const cause = `is a link whose target starts with ${MUNGED_PREFIX}`;
    return { kind: "uncarriable", cause };
  }
  if (new TextEncoder().encode(target).length > MAX_TARGET_BYTES) {
    const cause =
      `is a link whose target has more than ${MAX_TARGET_BYTES} bytes`;
    return { kind: "uncarriable", cause };
  }
  return foundAs({ kind: "link", target }, info);
}

/** True when `name` as listed may stand for bytes that are not UTF-8, under which nothing is found. */
export function mayBeLossyName(name: string): boolean {
  return name.includes(REPLACEMENT);
}

/** True when `error` says that nothing is there. */
export function missing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory;
}

/** The cause of an I/O error as words that read on after a path. */
export function causeOf(error: unknown): string {
  const words = error instanceof Deno.errors.NotCapable
    ? "permission denied"
    : errorText(error).replace(/^'[^']*': /, "");
  return `cannot be read: ${words}`;
}

function unreadable(error: unknown): Look {
  return { kind: "unreadable", cause: causeOf(error) };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

const PIPE = "is a named pipe (FIFO)";
const SOCKET = "is a socket";
const DEVICE = "is a device";

/** Causes of what cannot be carried and holds no bytes of its own. */
export const WITHOUT_CONTENT: ReadonlySet<string> = new Set([
  PIPE,
  SOCKET,
  DEVICE,
]);

function specialKind(info: Deno.FileInfo): string {
  if (info.isFifo === true) return PIPE;
  if (info.isSocket === true) return SOCKET;
  if (info.isBlockDevice === true || info.isCharDevice === true) return DEVICE;
  return "is neither a file nor a directory nor a link";
}
