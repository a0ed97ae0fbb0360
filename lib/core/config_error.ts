/**
 * Faults of the configuration, with file, line and key.
 *
 * @module
 */
import type { KeyPath } from "./config_schema.ts";
import { UsageError } from "./fault.ts";

/** One file, parsed as TOML, and where its keys stand. */
export interface ConfigSource {
  readonly file: string;
  /** What relative paths in it are relative to. */
  readonly directory: string;
  readonly table: unknown;
  /** Line of a key, from 1; of what holds it when it is not there itself. */
  lineOf(keys: KeyPath): number | undefined;
}

/** Where a fault is. */
export interface ConfigPlace {
  readonly file: string;
  readonly line?: number | undefined;
  readonly key?: string | undefined;
}

/** A configuration that cannot be used, or an edit of it that cannot be made: where, why, and the fix. */
export class ConfigError extends UsageError {
  readonly file: string;
  readonly line: number | undefined;
  readonly key: string | undefined;
  /** What is wrong and the fix, without the place. */
  readonly problem: string;

  constructor(place: ConfigPlace, problem: string, options?: ErrorOptions) {
    super(`Cannot use ${placeText(place)}: ${problem}`, 2, options);
    this.name = "ConfigError";
    this.file = place.file;
    this.line = place.line;
    this.key = place.key;
    this.problem = problem;
  }
}

/** A key of a file. */
export interface At {
  readonly source: ConfigSource;
  readonly keys: KeyPath;
}

/** A fault at a key of a file. */
export function faultAt(at: At, problem: string): ConfigError {
  return new ConfigError({
    file: at.source.file,
    line: at.source.lineOf(at.keys),
    key: keyText(at.keys),
  }, problem);
}

/** A key path as people write it. */
export function keyText(keys: KeyPath): string | undefined {
  return keys.length === 0
    ? undefined
    : keys.filter((key) => typeof key === "string").join(".");
}

/** A place as people read it. */
export function placeText({ file, line, key }: ConfigPlace): string {
  return file + (line === undefined ? "" : `, line ${line}`) +
    (key === undefined ? "" : `, ${key}`);
}
