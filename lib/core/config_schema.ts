/**
 * The shape of one configuration file, and what to say when it has another one.
 *
 * @module
 */
import { z } from "zod";
import {
  type Outcome,
  parseDuration,
  parseFlag,
  parseMinFree,
  parseRate,
  parseServerAddress,
  parseSize,
  parseText,
  shown,
} from "./config_values.ts";
import { parseExcludes } from "./excludes.ts";
import { nearest } from "./nearest.ts";
import { anchorNameFault } from "./path.ts";

/** Levels of `log_level`, most talkative first. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
/** See {@linkcode LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Where a value stands: keys, and numbers for the places in a list. */
export type KeyPath = readonly (string | number)[];

/** What is wrong with the value at `keys`. */
export interface SchemaFault {
  readonly keys: KeyPath;
  readonly problem: string;
}

const DAY_MS = 86_400_000;

/** An optional value that `parse` takes, with its reason as the message. */
function optional<T>(parse: (value: unknown) => Outcome<T>) {
  return z.unknown().transform((value, context): T => {
    const outcome = parse(value);
    if (outcome.ok) return outcome.value;
    context.issues.push({
      code: "custom",
      message: outcome.reason,
      input: value,
    });
    return z.NEVER;
  }).optional();
}

const rsyncFields = {
  compress: optional(parseFlag),
  bwlimit: optional(parseRate),
  partial: optional(parseFlag),
  checksum: optional(parseFlag),
  max_size: optional(parseSize),
  min_size: optional(parseSize),
};

const rsyncSchema = z.strictObject(rsyncFields);

const anchorSchema = z.strictObject({
  path: optional(parseText),
  name: optional(parseName),
  excludes: optional(parsePatterns),
  interval: optional((value) =>
    parseDuration(value, { minMs: 0, maxMs: DAY_MS })
  ),
  added: optional(parseText),
  trust_writable_by_others: optional(parseFlag),
  rsync_compress: rsyncFields.compress,
  rsync_bwlimit: rsyncFields.bwlimit,
  rsync_partial: rsyncFields.partial,
  rsync_checksum: rsyncFields.checksum,
  rsync_max_size: rsyncFields.max_size,
  rsync_min_size: rsyncFields.min_size,
});

const fileSchema = z.strictObject({
  server_addr: optional(parseServerAddress),
  anchors: z.array(anchorSchema).optional(),
  rsync: rsyncSchema.optional(),
  log_level: optional(parseLogLevel),
  rescan_interval: optional((value) =>
    parseDuration(value, { minMs: 1000, maxMs: 7 * DAY_MS })
  ),
  min_free: optional(parseMinFree),
  checksum_interval: optional((value) =>
    parseDuration(value, { minMs: 0, maxMs: 365 * DAY_MS })
  ),
});

/** The keys that there are, table by table. */
export const CONFIG_KEYS: Readonly<
  Record<"top" | "anchors" | "rsync", readonly string[]>
> = {
  top: Object.keys(fileSchema.shape),
  anchors: Object.keys(anchorSchema.shape),
  rsync: Object.keys(rsyncSchema.shape),
};

/** One file's values, as written: nothing is defaulted, and paths are not resolved. */
export type FileValues = z.infer<typeof fileSchema>;
/** One `[[anchors]]`, as written. */
export type AnchorValues = z.infer<typeof anchorSchema>;
/** `[rsync]`, as written. */
export type RsyncValues = z.infer<typeof rsyncSchema>;

/** Checks the shape of a parsed TOML file. */
export function parseFileValues(
  value: unknown,
):
  | { readonly ok: true; readonly values: FileValues }
  | { readonly ok: false; readonly faults: readonly SchemaFault[] } {
  const result = fileSchema.safeParse(value, { reportInput: true });
  if (result.success) return { ok: true, values: result.data };
  return { ok: false, faults: result.error.issues.flatMap(faultsOf) };
}

function faultsOf(issue: z.core.$ZodIssue): SchemaFault[] {
  const keys = issue.path.map((key) =>
    typeof key === "number" ? key : String(key)
  );
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      keys: [...keys, key],
      problem: unknownKey(keys, key),
    }));
  }
  if (issue.code === "custom") return [{ keys, problem: issue.message }];
  const value = shown(issue.input);
  return [{
    keys,
    problem: keys[0] === "rsync"
      ? `${value} is not a table; write [rsync] and its keys below it`
      : keys[0] === "anchors"
      ? `${value} is not a list of tables; write [[anchors]], with two brackets, before each anchor's path`
      : issue.message,
  }];
}

function unknownKey(table: KeyPath, key: string): string {
  const known = CONFIG_KEYS[
    table[0] === "rsync" || table[0] === "anchors" ? table[0] : "top"
  ];
  const meant = known.includes(`rsync_${key}`)
    ? `'rsync_${key}'`
    : table.length === 0 && CONFIG_KEYS.anchors.includes(key)
    ? `'${key}' below [[anchors]]`
    : table.length === 0 && CONFIG_KEYS.rsync.includes(key)
    ? `'${key}' below [rsync]`
    : table.length > 0 && CONFIG_KEYS.top.includes(key)
    ? `'${key}' above all tables`
    : known.map((name) =>
      `'${name}'`
    )[known.indexOf(nearest(key, known) ?? "")];
  return `unknown key ${shown(key)}; ${
    meant === undefined
      ? `the keys are ${known.join(", ")}`
      : `did you mean ${meant}?`
  }`;
}

function parseName(value: unknown): Outcome<string> {
  const text = parseText(value);
  if (!text.ok) return text;
  const fault = anchorNameFault(text.value);
  return fault === undefined
    ? text
    : { ok: false, reason: `${shown(value)} ${fault}; choose another name` };
}

function parsePatterns(value: unknown): Outcome<readonly string[]> {
  if (
    !Array.isArray(value) || !value.every((item) => typeof item === "string")
  ) {
    return {
      ok: false,
      reason: `${
        Array.isArray(value) ? "a list with other things in it" : shown(value)
      } is not a list of strings; write excludes = ["*.o", "build/"]`,
    };
  }
  const parsed = parseExcludes(value);
  return parsed.ok ? { ok: true, value } : parsed;
}

function parseLogLevel(value: unknown): Outcome<LogLevel> {
  const level = LOG_LEVELS.find((name) => name === value);
  return level !== undefined ? { ok: true, value: level } : {
    ok: false,
    reason: `${shown(value)} is not a level; write one of ${
      LOG_LEVELS.map((name) => `"${name}"`).join(", ")
    }`,
  };
}
