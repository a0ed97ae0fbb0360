/**
 * Configuration files on disk: read, and edited as text so that a hand-written file stays one.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import {
  buildConfig,
  type Config,
  ConfigError,
  type ConfigSource,
  listAnchorPaths,
} from "../core/config.ts";
import { resolveAnchorPath } from "../core/config_values.ts";
import {
  appendAnchor,
  hasInlineAnchors,
  type NewAnchor,
  removeAnchor as removeAnchorText,
} from "../core/toml_edit.ts";
import { lineOfKey, scanToml } from "../core/toml_text.ts";
import { replaceFile } from "./replace_file.ts";

/** Where the configuration is. */
export interface ConfigFiles {
  readonly machineFile: string;
  /** Wins over the machine's; the one that is edited. */
  readonly userFile: string;
  /** What `~` stands for. */
  readonly home: string;
}

const MAX_CONFIG_BYTES = 1_048_576;

/** Reads both files; one that is missing is an empty one. Throws {@linkcode ConfigError}. */
export function loadConfig(files: ConfigFiles): Config {
  return buildConfig(readSources(files), files.home);
}

/**
 * Adds an anchor to the user's file, which is made when it is missing. `path` is absolute or
 * begins with `~`. Nothing is written unless the whole configuration is then right.
 */
export function addAnchor(files: ConfigFiles, anchor: NewAnchor): Config {
  const file = resolve(files.userFile);
  const path = absoluteAnchorPath(files, anchor.path);
  for (const source of readSources(files)) {
    const index = listAnchorPaths(source, files.home).indexOf(path);
    if (index < 0) continue;
    throw new ConfigError(
      { file: source.file, line: source.lineOf(["anchors", index, "path"]) },
      `'${path}' is an anchor already; edit this entry to change it`,
    );
  }
  loadConfig(files);
  const text = readText(file) ?? "";
  refuseInline(file, text, "add");
  return writeChecked(files, {
    text: appendAnchor(text, { ...anchor, path }),
    purpose: `add '${path}'`,
    paths: [...listAnchorPaths(parseSource(file, text), files.home), path],
  });
}

/** Takes an anchor out of the user's file; its comments stay. The result is what is configured then. */
export function removeAnchor(files: ConfigFiles, path: string): Config {
  const file = resolve(files.userFile);
  const wanted = absoluteAnchorPath(files, path);
  const sources = readSources(files);
  loadConfig(files);
  const holder = sources.findLast((source) =>
    listAnchorPaths(source, files.home).includes(wanted)
  );
  if (holder === undefined) {
    throw new ConfigError(
      { file },
      `'${wanted}' is not an anchor; 'sinkd ls' lists them`,
    );
  }
  if (holder.file !== file) {
    throw new ConfigError(
      { file: holder.file },
      `'${wanted}' is an anchor of this file, which is for the whole machine; edit it by hand`,
    );
  }
  const text = readText(file) ?? "";
  refuseInline(file, text, "remove");
  const paths = listAnchorPaths(holder, files.home);
  return writeChecked(files, {
    text: removeAnchorText(text, paths.indexOf(wanted)),
    purpose: `remove '${wanted}'`,
    paths: paths.filter((path) => path !== wanted),
  });
}

/** What could not be read about a configuration file, as an error with the fix. */
export function unreadableConfig(file: string, cause: unknown): ConfigError {
  const isDirectory = cause instanceof Deno.errors.IsADirectory;
  const denied = cause instanceof Deno.errors.PermissionDenied ||
    cause instanceof Deno.errors.NotCapable;
  return new ConfigError(
    { file },
    isDirectory
      ? "it is a directory; move it away, or name another file"
      : denied
      ? "permission denied; make it readable for the user that sinkd runs as"
      : `cannot read it (${
        cause instanceof Error ? cause.message : cause
      }); make it a readable file`,
    { cause },
  );
}

function readSources(files: ConfigFiles): ConfigSource[] {
  const names = new Set(
    [files.machineFile, files.userFile].map((file) => resolve(file)),
  );
  return Array.from(
    names,
    (file) => parseSource(file, readText(file) ?? ""),
  );
}

function parseSource(file: string, text: string): ConfigSource {
  let table: unknown;
  try {
    table = parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const what = cause.message.split("\n")[0]?.replace(/^.*?: /, "");
    throw new ConfigError(
      { file, line: cause.line },
      `not TOML at column ${cause.column}: ${what}; correct the line`,
      { cause },
    );
  }
  const statements = scanToml(text);
  return {
    file,
    directory: dirname(file),
    table,
    lineOf: (keys) => lineOfKey(statements, keys),
  };
}

/** The text of a file, `undefined` when there is none. */
function readText(file: string): string | undefined {
  let bytes: Uint8Array;
  try {
    if (Deno.statSync(file).size > MAX_CONFIG_BYTES) {
      throw new Error(`larger than ${MAX_CONFIG_BYTES} bytes`);
    }
    bytes = Deno.readFileSync(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw unreadableConfig(file, cause);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch (cause) {
    throw new ConfigError(
      { file },
      "it is not UTF-8 text; save it as UTF-8",
      { cause },
    );
  }
}

function absoluteAnchorPath(files: ConfigFiles, path: string): string {
  const file = resolve(files.userFile);
  const resolved = resolveAnchorPath(path, {
    directory: dirname(file),
    home: files.home,
  });
  if (!resolved.ok) throw new ConfigError({ file }, resolved.reason);
  if (!/^[/~]/.test(path)) {
    throw new ConfigError(
      { file },
      `'${path}' is not an absolute path; write it whole`,
    );
  }
  return resolved.value;
}

function refuseInline(file: string, text: string, verb: string): void {
  if (!hasInlineAnchors(text)) return;
  throw new ConfigError(
    { file, line: lineOfKey(scanToml(text), ["anchors"]), key: "anchors" },
    `cannot ${verb} an anchor in 'anchors = [...]'; edit it by hand, or write each as [[anchors]]`,
  );
}

interface Edit {
  readonly text: string;
  readonly purpose: string;
  /** Anchors that the file must then have, in its order. */
  readonly paths: readonly string[];
}

/** Writes the user's file when the configuration is right with it. */
function writeChecked(files: ConfigFiles, edit: Edit): Config {
  const file = resolve(files.userFile);
  let config: Config;
  try {
    const sources = readSources(files).filter((source) => source.file !== file);
    const edited = parseSource(file, edit.text);
    config = buildConfig([...sources, edited], files.home);
    const paths = listAnchorPaths(edited, files.home);
    if (JSON.stringify(paths) !== JSON.stringify(edit.paths)) {
      throw new ConfigError(
        { file },
        "the file is written in a way that is not understood here; edit it by hand",
      );
    }
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError(
      { file },
      `cannot ${edit.purpose}: ${cause.problem}`,
      { cause },
    );
  }
  try {
    replaceFile(file, edit.text);
  } catch (cause) {
    throw new ConfigError(
      { file },
      `cannot write it (${
        cause instanceof Error ? cause.message : cause
      }); make the file and its directory writable`,
      { cause },
    );
  }
  return config;
}
