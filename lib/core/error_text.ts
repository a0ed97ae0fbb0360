/**
 * Errors in words: the one place that turns what a system call, SQLite or a wrapper around them says
 * into a cause in the user's world.
 *
 * @module
 */

/** What a system call's failure means, by its name in errno.h. */
const WORDS = {
  EPERM: "the system does not allow it",
  ENOENT: "no such file or directory",
  EIO: "I/O error (the disk may be failing)",
  ENXIO: "no such device",
  ENOEXEC: "not a program of this system",
  EAGAIN: "the system is out of resources for now",
  ENOMEM: "out of memory",
  EACCES: "permission denied",
  EBUSY: "it is in use",
  EEXIST: "it exists already",
  EXDEV: "it is on another file system",
  ENODEV: "no such device",
  ENOTDIR: "not a directory",
  EISDIR: "it is a directory",
  EINVAL: "the system does not accept it",
  ENFILE: "too many files are open on this machine",
  EMFILE: "too many files are open (raise the limit: ulimit -n)",
  ETXTBSY: "the program is running",
  EFBIG: "the file is too large for this file system",
  ENOSPC: "the disk is full",
  EROFS: "read-only file system",
  EMLINK: "too many links to it",
  EPIPE: "the other side closed the connection",
  ENAMETOOLONG: "the name is too long",
  ENOSYS: "this system cannot do it",
  ENOTEMPTY: "the directory is not empty",
  ELOOP: "too many symbolic links",
  EOVERFLOW: "the value is too large",
  EILSEQ: "the file system does not accept the name",
  EOPNOTSUPP: "the file system cannot do it",
  EADDRINUSE: "the address is in use by another program",
  EADDRNOTAVAIL: "this machine does not have that address",
  ENETDOWN: "the network is down",
  ENETUNREACH: "the network cannot be reached",
  ECONNABORTED: "the connection was cut",
  ECONNRESET: "the connection was cut",
  ENOTCONN: "not connected",
  ETIMEDOUT: "no answer in time",
  ECONNREFUSED: "connection refused (nothing listens there)",
  EHOSTDOWN: "the machine is down",
  EHOSTUNREACH: "the machine cannot be reached",
  ESTALE: "the network file system lost it (stale handle)",
  EUCLEAN: "the file system is damaged",
  EDQUOT: "disk quota exceeded",
  ENOMEDIUM: "no medium in the drive",
} as const;

type Name = keyof typeof WORDS;

/** Numbers of Linux. */
const NUMBERS: Readonly<Record<number, Name>> = {
  1: "EPERM",
  2: "ENOENT",
  5: "EIO",
  6: "ENXIO",
  8: "ENOEXEC",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  16: "EBUSY",
  17: "EEXIST",
  18: "EXDEV",
  19: "ENODEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  26: "ETXTBSY",
  27: "EFBIG",
  28: "ENOSPC",
  30: "EROFS",
  31: "EMLINK",
  32: "EPIPE",
  36: "ENAMETOOLONG",
  38: "ENOSYS",
  39: "ENOTEMPTY",
  40: "ELOOP",
  75: "EOVERFLOW",
  84: "EILSEQ",
  95: "EOPNOTSUPP",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  100: "ENETDOWN",
  101: "ENETUNREACH",
  103: "ECONNABORTED",
  104: "ECONNRESET",
  107: "ENOTCONN",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  112: "EHOSTDOWN",
  113: "EHOSTUNREACH",
  116: "ESTALE",
  117: "EUCLEAN",
  122: "EDQUOT",
  123: "ENOMEDIUM",
};

/** Primary result codes of SQLite that a person can do something about. */
const SQLITE: Readonly<Record<number, string>> = {
  5: "another program has the database open",
  8: "the database is read-only",
  10: WORDS.EIO,
  11: "the database is damaged",
  13: WORDS.ENOSPC,
  14: "the database cannot be opened",
  26: "the database is damaged",
};

/** Most errors of a chain that are told. */
const MAX_PARTS = 4;

/** What a failed system call is called in a cause, by errno name or number; `undefined` when unknown. */
export function errnoWords(code: string | number): string | undefined {
  const name = typeof code === "number" ? NUMBERS[code] : code;
  return name !== undefined && Object.hasOwn(WORDS, name)
    ? WORDS[name as Name]
    : undefined;
}

/**
 * An error as one line of words, with the causes that say more than what came before them.
 *
 * @example
 * ```ts
 * import { errorText } from "./error_text.ts";
 * import assert from "node:assert/strict";
 * const raw = new Error("Permission denied (os error 13): open '/a'");
 * assert.equal(errorText(raw), "'/a': permission denied");
 * assert.equal(errorText(new Error("Cannot read '/a'", { cause: raw })), "Cannot read '/a': permission denied");
 * ```
 */
export function errorText(error: unknown): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  for (
    let current = error;
    current !== undefined && !seen.has(current) && parts.length < MAX_PARTS;
    current = current instanceof Error ? current.cause : undefined
  ) {
    seen.add(current);
    add(parts, current);
  }
  return undoubled(parts.join(": ")).replaceAll(/\s*\n\s*/g, " ").trim();
}

/** Adds what an error says beside what was said already. */
function add(parts: string[], error: unknown): void {
  const { text, subject } = wordsOf(error);
  if (text === "" || parts.some((part) => part.includes(text))) return;
  const isSaid = subject === undefined ||
    parts.some((part) => part.includes(subject));
  parts.push(isSaid ? text : `${quoted(subject)}: ${text}`);
}

interface Words {
  readonly text: string;
  /** The path that a system call was about. */
  readonly subject?: string | undefined;
}

function wordsOf(error: unknown): Words {
  if (!(error instanceof Error)) return { text: plainly(String(error)) };
  const { message, name } = error;
  if (name === "NotCapable") {
    const needed = message.replace(/, run again with.*$/s, "");
    return {
      text:
        `${needed}; start it through scripts/sinkd, which computes what it may do`,
    };
  }
  const sqlite = "errcode" in error && typeof error.errcode === "number"
    ? SQLITE[error.errcode & 0xff]
    : undefined;
  if (sqlite !== undefined) return { text: sqlite };
  if (message === "" && "code" in error && typeof error.code === "string") {
    return { text: errnoWords(error.code) ?? error.code };
  }
  const deno =
    /^[^\n:']*\(os error (\d+)\)(?:(?:,|:) (?:[a-z_ ]+ )?(?:'(.*)')?)?.*$/s
      .exec(message);
  const denoWords = deno === null ? undefined : errnoWords(Number(deno[1]));
  if (denoWords !== undefined) return { text: denoWords, subject: deno?.[2] };
  const node = /^(E[A-Z0-9]+): [^,']*(?:, \w+(?: '(.*)')?)?$/s.exec(message);
  const nodeWords = node === null ? undefined : errnoWords(node[1] ?? "");
  if (nodeWords !== undefined) return { text: nodeWords, subject: node?.[2] };
  return { text: plainly(message === "" ? name : message) };
}

/** Words in place of an errno in the middle of a sentence. */
function plainly(text: string): string {
  return text
    .replace(
      /[A-Z][a-z]+(?: [\w/-]+)*? \(os error (\d+)\)/g,
      (whole, code) => errnoWords(Number(code)) ?? withoutNumber(whole),
    )
    .replace(
      /\b(E[A-Z]{2,}): [^,:;']*(, \w+)?/g,
      (whole, code) => errnoWords(code) ?? whole,
    )
    .replaceAll(/ ?\(os error \d+\)/g, "");
}

function withoutNumber(text: string): string {
  return text.replace(/ \(os error \d+\)$/, "").toLowerCase();
}

/** `Cannot X: Cannot X: why` and `Cannot X: sinkd: Cannot X: why` as `Cannot X: why`. */
function undoubled(text: string): string {
  return text.replace(/^(.{4,}?): (?:(?:sinkd: )?\1(?:: |$))+/s, "$1: ")
    .replace(/: $/, "");
}

function quoted(subject: string): string {
  return `'${subject}'`;
}
