/**
 * The text of a TOML file in statements, to find the line of a key and to edit by hand's rules.
 * The text is one that a TOML parser has taken; values are only skipped here.
 *
 * @module
 */
import type { KeyPath } from "./config_schema.ts";

/** A statement with its line break: text from `start` up to `end`, `line` counted from 1. */
export interface TomlStatement {
  readonly kind: "blank" | "comment" | "table" | "array" | "pair";
  /** The header's or pair's key; empty for the other kinds. */
  readonly keys: readonly string[];
  readonly start: number;
  readonly end: number;
  readonly line: number;
  /** Comments within it, each with its `#`. */
  readonly comments: readonly string[];
}

/** Splits a TOML text into statements that together are the whole text. */
export function scanToml(text: string): TomlStatement[] {
  const statements: TomlStatement[] = [];
  let line = 1;
  for (let start = 0; start < text.length;) {
    const statement = readStatement(text, start, line);
    statements.push(statement);
    line += text.slice(start, statement.end).split("\n").length - 1;
    start = statement.end;
  }
  return statements;
}

/** Line of the key, or of the nearest table or value that would hold it. */
export function lineOfKey(
  statements: readonly TomlStatement[],
  keys: KeyPath,
): number | undefined {
  let best: { readonly line: number; readonly shared: number } | undefined;
  for (const { path, line } of placeStatements(statements)) {
    const shared = Math.min(path.length, keys.length);
    if (shared <= (best?.shared ?? 0)) continue;
    if (path.slice(0, shared).every((key, at) => key === keys[at])) {
      best = { line, shared };
    }
  }
  return best?.line;
}

/** Headers and pairs with their whole paths, lists counted. */
export function* placeStatements(
  statements: readonly TomlStatement[],
): Generator<{ path: KeyPath; line: number; statement: TomlStatement }> {
  const counts = new Map<string, number>();
  let table: KeyPath = [];
  for (const statement of statements) {
    const { kind, keys, line } = statement;
    if (kind === "table" || kind === "array") {
      table = headerPath(keys, kind === "array", counts);
      yield { path: table, line, statement };
    } else if (kind === "pair") {
      yield { path: [...table, ...keys], line, statement };
    }
  }
}

function headerPath(
  keys: readonly string[],
  array: boolean,
  counts: Map<string, number>,
): KeyPath {
  const path: (string | number)[] = [];
  for (const [at, key] of keys.entries()) {
    path.push(key);
    const id = JSON.stringify(path);
    if (array && at === keys.length - 1) {
      counts.set(id, (counts.get(id) ?? -1) + 1);
    }
    const index = counts.get(id);
    if (index !== undefined) path.push(index);
  }
  return path;
}

function readStatement(
  text: string,
  start: number,
  line: number,
): TomlStatement {
  const first = skip(text, start, /[ \t\uFEFF]/);
  const comments: string[] = [];
  const finish = (
    kind: TomlStatement["kind"],
    keys: readonly string[],
    from: number,
  ): TomlStatement => {
    const end = readValue(text, from, comments);
    return { kind, keys, start, end, line, comments };
  };
  switch (text[first]) {
    case undefined:
    case "\n":
    case "\r":
      return finish("blank", [], first);
    case "#":
      return finish("comment", [], first);
    case "[": {
      const array = text[first + 1] === "[";
      const { keys, end } = readKeys(text, first + (array ? 2 : 1));
      return finish(
        array ? "array" : "table",
        keys,
        end + (array ? 2 : 1),
      );
    }
    default: {
      const { keys, end } = readKeys(text, first);
      return finish("pair", keys, end + 1);
    }
  }
}

/** A dotted key; `end` is where its `=` or `]` stands. */
function readKeys(
  text: string,
  start: number,
): { keys: string[]; end: number } {
  const keys: string[] = [];
  let at = start;
  while (at < text.length) {
    at = skip(text, at, /[ \t]/);
    const quote = text[at];
    if (quote === '"' || quote === "'") {
      const end = endOfString(text, at);
      keys.push(text.slice(at + 1, end - 1));
      at = end;
    } else {
      const end = skip(text, at, /[^\s.=\]]/);
      keys.push(text.slice(at, end));
      at = end;
    }
    at = skip(text, at, /[ \t]/);
    if (text[at] !== ".") break;
    at++;
  }
  return { keys, end: at };
}

/** Where the statement ends whose value begins at `start`; gathers the comments on the way. */
function readValue(text: string, start: number, comments: string[]): number {
  let depth = 0;
  for (let at = start; at < text.length;) {
    switch (text[at]) {
      case '"':
      case "'":
        at = endOfString(text, at);
        break;
      case "#": {
        const end = skip(text, at, /[^\r\n]/);
        comments.push(text.slice(at, end));
        at = end;
        break;
      }
      case "[":
      case "{":
        depth++;
        at++;
        break;
      case "]":
      case "}":
        depth--;
        at++;
        break;
      case "\n":
        at++;
        if (depth === 0) return at;
        break;
      default:
        at++;
    }
  }
  return text.length;
}

/** Where the string that begins at `start` ends, its quotes included. */
function endOfString(text: string, start: number): number {
  const quote = text.slice(start, start + 1);
  const long = text.startsWith(quote.repeat(3), start);
  const close = long ? quote.repeat(3) : quote;
  let at = start + close.length;
  while (at < text.length && !text.startsWith(close, at)) {
    at += quote === '"' && text[at] === "\\" ? 2 : 1;
  }
  at += close.length;
  // Up to two quotes may stand right before the closing three.
  for (let more = 0; long && more < 2 && text[at] === quote; more++) at++;
  return Math.min(at, text.length);
}

function skip(text: string, start: number, over: RegExp): number {
  let at = start;
  while (at < text.length && over.test(text.slice(at, at + 1))) at++;
  return at;
}
