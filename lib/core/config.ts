/**
 * Configuration of a client: the machine's file, then the user's, which wins.
 *
 * @module
 */
import {
  type AnchorValues,
  type FileValues,
  type LogLevel,
  parseFileValues,
  type RsyncValues,
} from "./config_schema.ts";
import { resolveAnchorPath } from "./config_values.ts";
import type { MinFree } from "./room.ts";
import {
  type AnchorConfig,
  type Placed,
  refuseClashes,
  type RsyncSettings,
} from "./config_anchors.ts";
import {
  type At,
  ConfigError,
  type ConfigSource,
  faultAt,
  keyText,
} from "./config_error.ts";

export { treePathOf } from "./config_anchors.ts";
export { ConfigError } from "./config_error.ts";
export type { AnchorConfig, ConfigSource, LogLevel, RsyncSettings };

/** Both files together, defaults filled in. */
export interface Config {
  /** `host:port`. */
  readonly serverAddr: string | undefined;
  readonly anchors: readonly AnchorConfig[];
  readonly logLevel: LogLevel;
  readonly rescanIntervalMs: number;
  /** In which time every file is read through about once; 0: only when asked to. */
  readonly checksumIntervalMs: number;
  /** How much of a disk stays free. */
  readonly minFree: MinFree;
}

const RSYNC_DEFAULTS: RsyncSettings = {
  compress: false,
  bwlimit: undefined,
  partial: true,
  checksum: false,
  maxSize: undefined,
  minSize: undefined,
};
/** What SQLite, logs and other programs need, and no large part of a large disk. */
const MIN_FREE: MinFree = {
  kind: "percent",
  percent: 1,
  mostBytes: 100_000_000,
};
const RESCAN_INTERVAL_MS = 3_600_000;
const CHECKSUM_INTERVAL_MS = 30 * 24 * 3_600_000;

/** Checks the files and lays each over those before it. Throws {@linkcode ConfigError}. */
export function buildConfig(
  sources: readonly ConfigSource[],
  home: string,
): Config {
  const layers = sources.map((source) => ({
    source,
    values: fileValues(source),
  }));
  const last = <K extends keyof FileValues>(key: K): FileValues[K] =>
    layers.findLast(({ values }) => values[key] !== undefined)?.values[key];
  const rsync = layers.reduce(
    (settings, { source, values }) =>
      withRsync(settings, values.rsync ?? {}, { source, keys: ["rsync"] }),
    RSYNC_DEFAULTS,
  );
  const placed = new Map<string, Placed>();
  for (const { source, values } of layers) {
    const paths = anchorPaths(source, values, home);
    for (const [index, anchor] of (values.anchors ?? []).entries()) {
      const path = paths[index] ?? "";
      placed.set(path, {
        anchor: anchorConfig({ source, index, path, rsync, anchor }),
        source,
        index,
      });
    }
  }
  refuseClashes([...placed.values()]);
  return {
    serverAddr: last("server_addr"),
    anchors: Array.from(placed.values(), ({ anchor }) => anchor),
    logLevel: last("log_level") ?? "info",
    rescanIntervalMs: last("rescan_interval") ?? RESCAN_INTERVAL_MS,
    checksumIntervalMs: last("checksum_interval") ?? CHECKSUM_INTERVAL_MS,
    minFree: last("min_free") ?? MIN_FREE,
  };
}

/** Paths of one file's anchors, resolved, in its order. Throws {@linkcode ConfigError}. */
export function listAnchorPaths(source: ConfigSource, home: string): string[] {
  return anchorPaths(source, fileValues(source), home);
}

function fileValues(source: ConfigSource): FileValues {
  const parsed = parseFileValues(source.table);
  if (parsed.ok) return parsed.values;
  const [first] = parsed.faults
    .map((fault) => ({ ...fault, line: source.lineOf(fault.keys) }))
    .sort((left, right) => (left.line ?? 0) - (right.line ?? 0));
  throw new ConfigError(
    { file: source.file, line: first?.line, key: keyText(first?.keys ?? []) },
    first?.problem ?? "it has an unknown fault",
  );
}

function anchorPaths(
  source: ConfigSource,
  values: FileValues,
  home: string,
): string[] {
  const paths: string[] = [];
  for (const [index, anchor] of (values.anchors ?? []).entries()) {
    const keys = ["anchors", index, "path"];
    if (anchor.path === undefined) {
      throw faultAt(
        { source, keys },
        "is missing; write the directory to sync",
      );
    }
    const resolved = resolveAnchorPath(anchor.path, {
      directory: source.directory,
      home,
    });
    if (!resolved.ok) throw faultAt({ source, keys }, resolved.reason);
    const before = paths.indexOf(resolved.value);
    if (before >= 0) {
      throw faultAt(
        { source, keys },
        `anchor '${resolved.value}' is there twice${
          lineText(source.lineOf(["anchors", before, "path"]))
        }; delete one of them`,
      );
    }
    paths.push(resolved.value);
  }
  return paths;
}

function anchorConfig(from: {
  readonly source: ConfigSource;
  readonly index: number;
  readonly path: string;
  readonly rsync: RsyncSettings;
  readonly anchor: AnchorValues;
}): AnchorConfig {
  const { anchor } = from;
  return {
    path: from.path,
    name: anchor.name,
    excludes: anchor.excludes ?? [],
    intervalMs: anchor.interval ?? 0,
    trustsOthers: anchor.trust_writable_by_others ?? false,
    ...(anchor.added === undefined ? {} : { added: anchor.added }),
    rsync: withRsync(from.rsync, {
      compress: anchor.rsync_compress,
      bwlimit: anchor.rsync_bwlimit,
      partial: anchor.rsync_partial,
      checksum: anchor.rsync_checksum,
      max_size: anchor.rsync_max_size,
      min_size: anchor.rsync_min_size,
    }, { source: from.source, keys: ["anchors", from.index] }),
  };
}

/** `values` over `settings`; a limit of 0 takes the limit away. */
function withRsync(
  settings: RsyncSettings,
  values: RsyncValues,
  at: At,
): RsyncSettings {
  const limit = <T>(value: T | undefined, none: T, before: T | undefined) =>
    value === undefined ? before : value === none ? undefined : value;
  const merged: RsyncSettings = {
    compress: values.compress ?? settings.compress,
    bwlimit: limit(values.bwlimit, "0", settings.bwlimit),
    partial: values.partial ?? settings.partial,
    checksum: values.checksum ?? settings.checksum,
    maxSize: limit(values.max_size, 0, settings.maxSize),
    minSize: limit(values.min_size, 0, settings.minSize),
  };
  if ((merged.minSize ?? 0) > (merged.maxSize ?? Infinity)) {
    throw faultAt(
      at,
      `min_size (${merged.minSize} bytes) is larger than max_size (${merged.maxSize} bytes), so no file would be carried; change one of them`,
    );
  }
  return merged;
}

function lineText(line: number | undefined): string {
  return line === undefined ? "" : ` (first in line ${line})`;
}
