/**
 * rsync calls: arguments of a job, lists of paths, and what an exit code means.
 *
 * @module
 */
import type { Transfer } from "./channel_protocol.ts";
import { OWN_NAME, type RelativePath } from "./path.ts";

/** Name of the one module that a client offers for a call. */
export const MODULE = "anchor";
/** Account name inside the per-call daemon. */
export const MODULE_ACCOUNT = "sinkd";
/** Seconds without a byte after which rsync gives up. */
export const IO_TIMEOUT_S = 60;

/** One call that the server makes through a client's data channel. */
export interface RsyncJob {
  /** `edits` fetches from the client, `update` sends to it. */
  readonly direction: "edits" | "update";
  readonly port: number;
  /** Directory on the server: where it stages (`edits`) or reads (`update`); absolute. */
  readonly local: string;
  /** Directory inside the client's module: where it reads or stages; relative, may be empty. */
  readonly remote: string;
  /** Live tree at the receiver, for deltas; absolute, or inside the module from its root. */
  readonly compareDest: string;
  /** Compare bytes instead of size and mtime. */
  readonly verify: boolean;
  readonly transfer: Transfer;
  /** A file that is larger by the time of the call is left out: there may be no space for it. */
  readonly maxBytes?: number | undefined;
}

/** Arguments for rsync; the list of paths goes on its standard input. */
export function rsyncArguments(job: RsyncJob): string[] {
  const { transfer } = job;
  // Where it reads in the module is in the list: see `fileList`.
  const inside = job.direction === "edits" ? "" : job.remote;
  const module =
    `rsync://${MODULE_ACCOUNT}@127.0.0.1:${job.port}/${MODULE}/${inside}`;
  const local = job.local.endsWith("/") ? job.local : `${job.local}/`;
  const remote = module.endsWith("/") ? module : `${module}/`;
  return [
    "--times",
    "--links",
    "--munge-links",
    "--omit-link-times",
    "--modify-window=-1",
    // Costs nothing on files without holes (measured), and keeps those of others.
    "--sparse",
    "--no-implied-dirs",
    "--chmod=D700,F600",
    // Over pipes the far end prints its faults on its own stderr, and the call ends with 0, unless:
    "--stderr=client",
    // Messages name paths as they are, but for control characters: see `namesPath`.
    "--8-bit-output",
    "--from0",
    "--files-from=-",
    `--compare-dest=${job.compareDest}`,
    ...(transfer.partial ? [`--partial-dir=${OWN_NAME}`] : []),
    ...(transfer.compress ? ["--compress"] : []),
    ...(transfer.bwlimit === undefined
      ? []
      : [`--bwlimit=${transfer.bwlimit}`]),
    ...(job.verify || (transfer.checksum && job.direction === "edits")
      ? ["--checksum"]
      : []),
    ...(job.maxBytes === undefined ? [] : [`--max-size=${job.maxBytes}`]),
    `--timeout=${IO_TIMEOUT_S}`,
    "--sockopts=TCP_NODELAY",
    "--",
    ...(job.direction === "edits" ? [remote, local] : [local, remote]),
  ];
}

/**
 * Has a call talk to a daemon of its own, on pipes. `config` is split at spaces: a plain name, relative
 * to the working directory. What rsync adds, as for a remote shell, is no option of the daemon's.
 */
export function ownDaemon(config: string): string {
  return `--rsh=rsync --server --daemon --config=${config} -- .`;
}

/**
 * Arguments of the call that makes true links of staged, munged ones below `to`, an absolute path.
 * It reads from a daemon of its own on pipes, which strips the prefix as it does for a restore: both
 * sides are what any other call uses. Between two directories the side that reads can be told not to
 * munge by `--remote-option` alone, which rsync up to 3.2.7 spoils (RsyncProject/rsync #408): it
 * then writes into its working directory.
 */
export function linkArguments(
  config: string,
  to: string,
  { munged = false }: { munged?: boolean | undefined } = {},
): string[] {
  return [
    "--links",
    ...(munged ? ["--munge-links"] : []),
    "--omit-link-times",
    "--no-implied-dirs",
    "--from0",
    "--files-from=-",
    `--timeout=${IO_TIMEOUT_S}`,
    ownDaemon(config),
    "--",
    `own::${MODULE}/`,
    `${to}/`,
  ];
}

/**
 * A NUL list for `--files-from=-`; the leading `./` keeps names such as `#x` from being comments.
 * `base` is where the paths are below the source: rsync 3.5.0, reading from a directory inside a
 * module without chroot, lists that directory and then opens the names at the top of the module.
 */
export function fileList(
  paths: readonly RelativePath[],
  base = "",
): Uint8Array {
  const start = base === "" ? "./" : `./${base}/./`;
  return new TextEncoder().encode(
    paths.map((path) => `${start}${path}\0`).join(""),
  );
}

/**
 * The same for a call that receives. rsync checks that it gets only what it asked for, and takes the
 * list for patterns then: of a backslash before a wildcard or a bracket it makes something else, and
 * refuses the whole call for the name that it asked for itself. A name that is a pattern for such a
 * one is asked for with it; as a rule nothing has that name, and the call ends with 23.
 */
export function receivedList(
  paths: readonly RelativePath[],
  base = "",
): Uint8Array {
  const odd = paths.filter((path) => /\\[*?[\]]/.test(path));
  const patterns = odd.map((path) => path.replace(/[\\*?[\]]/g, "?"));
  return fileList([...paths, ...new Set(patterns)] as RelativePath[], base);
}

/** The list of a call, as it must be for its direction. */
export function callList(
  { direction, remote }: Pick<RsyncJob, "direction" | "remote">,
  paths: readonly RelativePath[],
): Uint8Array {
  return direction === "edits" ? receivedList(paths, remote) : fileList(paths);
}

/** What an exit code asks for. */
export type Outcome =
  | { readonly kind: "done" }
  /** Some paths are not whole: they are found by looking; the rest is good. */
  | { readonly kind: "partial" }
  /** As partial: the receiver cannot write something; `full` when it does not fit on the disk. */
  | { readonly kind: "hold"; readonly reason: string; readonly full: boolean }
  /** `begun`: the call broke, and what came of it may be looked at. */
  | { readonly kind: "retry"; readonly reason: string; readonly begun: boolean }
  | { readonly kind: "fault"; readonly reason: string };

const REFUSED: Record<number, string> = {
  5: "the rsync daemon on the client refused",
  35: "the client's rsync did not answer",
};
const BROKEN: Record<number, string> = {
  10: "the connection broke",
  12: "the data stream broke",
  20: "rsync was interrupted",
  30: "no data for a minute",
};
/** How a line of rsync ends that says that a disk, or its quota, is full. */
const FULL = /: (?:No space left on device|Dis[ck] quota exceeded) \(\d+\)$/;

/**
 * Exit code and last words of an rsync to what to do next.
 *
 * @example
 * ```ts
 * import { rsyncOutcome } from "./rsync.ts";
 * import assert from "node:assert/strict";
 * assert.equal(rsyncOutcome(24, "").kind, "partial");
 * ```
 */
export function rsyncOutcome(code: number, stderr: string): Outcome {
  if (stderr.split("\n").some((line) => FULL.test(line))) {
    return { kind: "hold", reason: "the disk is full", full: true };
  }
  if (code === 0) return { kind: "done" };
  if (code === 23 || code === 24) return { kind: "partial" };
  if (code === 11) {
    const reason = `rsync cannot write: ${lastLine(stderr)}`;
    return { kind: "hold", reason, full: false };
  }
  const known = BROKEN[code] ?? REFUSED[code];
  if (known !== undefined) {
    const reason = `${known} (rsync exit ${code})`;
    return { kind: "retry", reason, begun: BROKEN[code] !== undefined };
  }
  if (code >= 1 && code <= 4) {
    return {
      kind: "fault",
      reason: `rsync refused the call (exit ${code}): ${lastLine(stderr)}`,
    };
  }
  return {
    kind: "retry",
    reason: `rsync ended with exit ${code}: ${lastLine(stderr)}`,
    begun: false,
  };
}

/** The line of rsync's messages that names `path`, or a general sentence. */
export function reasonFor(path: string, stderr: string): string {
  const tail = lineNaming(path, stderr)?.match(/: ([^:]+ \(\d+\))$/)?.[1];
  return tail ?? "it was not whole after the transfer";
}

/** True when rsync's messages name `path`. */
export function namesPath(path: string, stderr: string): boolean {
  return lineNaming(path, stderr) !== undefined;
}

/** True when rsync's messages say that `path` did not fit on the disk. */
export function namesFull(path: string, stderr: string): boolean {
  return linesNaming(path, stderr).some((line) => FULL.test(line));
}

function lineNaming(path: string, stderr: string): string | undefined {
  return linesNaming(path, stderr)[0];
}

function linesNaming(path: string, stderr: string): string[] {
  const shown = escaped(path);
  return stderr.split("\n").filter((line) =>
    line.includes(`"${shown}"`) || line.includes(`/${shown}"`) ||
    (line.includes(MAKING) && isMaking(path, line)) ||
    (line.startsWith(IN_THE_WAY) && line.endsWith(`: ${shown}`)) ||
    line.startsWith(`ERROR: ${shown} failed verification`)
  );
}

/** A receiver that cannot make the file that will become a path names only that file. */
const MAKING = ' mkstemp "';
const IN_THE_WAY = "could not make way for new ";
/** Bytes of a name that a temporary name surely keeps (`get_tmpname`, receiver.c). */
const KEPT_BYTES = 240;

/** True when the temporary name that `line` tells is one for `path`: `.NAME.` and six characters. */
function isMaking(path: string, line: string): boolean {
  const slash = path.lastIndexOf("/") + 1;
  const name = path.slice(slash).replace(/^\./, "");
  const bytes = new TextEncoder().encode(name);
  const kept = bytes.length <= KEPT_BYTES
    ? `${name}.`
    : new TextDecoder().decode(bytes.subarray(0, KEPT_BYTES))
      .replace(/\uFFFD$/, "");
  const begin = escaped(`${path.slice(0, slash)}.${kept}`);
  return ['"', "/"].some((before) => {
    const at = line.lastIndexOf(`${before}${begin}`);
    if (at < 0) return false;
    const rest = line.slice(at + before.length + begin.length);
    return bytes.length > KEPT_BYTES || /^[A-Za-z0-9]{6}"/.test(rest);
  });
}

/** A name as rsync prints it with --8-bit-output (log.c): control characters, and what looks escaped. */
function escaped(path: string): string {
  const octal = (character: string) =>
    `\\#${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
  return path
    .replace(/\\(?=#\d{3})/g, octal)
    // deno-lint-ignore no-control-regex -- these are just what is escaped
    .replace(/[\u0000-\u0008\u000a-\u001f]/g, octal);
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
}
