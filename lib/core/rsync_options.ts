/**
 * The options that each of our rsync daemons takes; it refuses all others, whoever calls.
 *
 * Names are as rsync sends them, which is not always as they are given: `--chmod` stays with the one
 * that calls, and `--stderr=client` is sent as `--no-msgs2stderr`.
 *
 * @module
 */

/** What any call of ours sends, in either direction. */
const ANY_CALL = [
  "links",
  "relative",
  "no-implied-dirs",
  "timeout",
] as const;

/** What a call that carries files sends. */
const FILES_CALL = [
  ...ANY_CALL,
  "times",
  "sparse",
  "checksum",
  "compress",
  "bwlimit",
  "no-msgs2stderr",
] as const;

/** A daemon that is read from with a list: the reader does everything else. */
export const EDITS_OPTIONS: readonly string[] = [
  ...FILES_CALL,
  "sender",
  "files-from",
  "from0",
];

/** A daemon that is written to. */
export const UPDATE_OPTIONS: readonly string[] = [
  ...FILES_CALL,
  "omit-link-times",
  "modify-window",
  "compare-dest",
  "partial-dir",
  "max-size",
];

/** A daemon that gives links only. */
export const LINKS_OPTIONS: readonly string[] = [
  ...ANY_CALL,
  "sender",
  "files-from",
  "from0",
];

/** The server's daemon, which people call: what chooses, compares and reports what they read. */
export const RESTORE_OPTIONS: readonly string[] = [
  "sender",
  "recursive",
  "dirs",
  "no-dirs",
  "list-only",
  "relative",
  "no-relative",
  "no-implied-dirs",
  "files-from",
  "from0",
  "one-file-system",
  "links",
  "safe-links",
  "hard-links",
  "perms",
  "times",
  "group",
  "owner",
  "D",
  "specials",
  "no-specials",
  "numeric-ids",
  "ignore-times",
  "checksum",
  "checksum-choice",
  "whole-file",
  "block-size",
  "partial",
  "inplace",
  "append",
  "sparse",
  "compress",
  "new-compress",
  "old-compress",
  "compress-choice",
  "compress-level",
  "skip-compress",
  "dry-run",
  "verbose",
  "quiet",
  "info",
  "msgs2stderr",
  "no-msgs2stderr",
  "timeout",
  "bwlimit",
];

/**
 * What rsync's `*` leaves out of a list of refused options, by the names that it takes; but for
 * `no-iconv`, which a daemon says to itself.
 */
const NOT_WILD = [
  "sender",
  "dry-run",
  "from0",
  "s",
  "iconv",
  "checksum-seed",
  "log-format",
  "copy-devices",
  "write-devices",
] as const;

/**
 * The line of a daemon's configuration that refuses all options but these. `--server` and `-e` stay:
 * no call is without them. `--ignore-missing-args` and `--delete-missing-args` stay too, as rsync has
 * no way to refuse them: what the latter could delete is bounded by the module's rules.
 *
 * @example
 * ```ts
 * import { refuseAllBut } from "./rsync_options.ts";
 * import assert from "node:assert/strict";
 * assert.match(refuseAllBut(["times"]), /^refuse options = \* .*sender.* !times$/);
 * ```
 */
export function refuseAllBut(options: readonly string[]): string {
  const refused = NOT_WILD.filter((name) => !options.includes(name));
  const taken = options.filter((name) =>
    !NOT_WILD.some((other) => other === name)
  );
  return [
    "refuse options = *",
    ...refused,
    ...taken.map((name) => `!${name}`),
  ].join(" ");
}
