/**
 * Single values of the configuration: durations, sizes, rates, addresses and paths, as people
 * write them. A reason says what is wrong and what to write instead.
 *
 * @module
 */
import { pathFault } from "./path.ts";
import type { MinFree } from "./room.ts";

/** A parsed value, or why it cannot be used. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

/** Port of a server when none is given. */
export const DEFAULT_PORT = 8883;

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const SIZE_LETTERS = "bkmgtp";

function good<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

function bad(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}

/** How a wrong value is quoted in a reason. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value).slice(0, 80);
  if (typeof value === "number" || typeof value === "boolean") {
    return `${value}`;
  }
  return Array.isArray(value)
    ? "a list"
    : value instanceof Date
    ? "a date"
    : "a table";
}

/** A string. */
export function parseText(value: unknown): Outcome<string> {
  return typeof value === "string"
    ? good(value)
    : bad(`${shown(value)} is not a string; write it in quotes`);
}

/** `true` or `false`. */
export function parseFlag(value: unknown): Outcome<boolean> {
  return typeof value === "boolean" ? good(value) : bad(
    `${shown(value)} is not true or false; write one of them, without quotes`,
  );
}

/** Milliseconds as a number, or a string such as `"500ms"`, `"2s"`, `"5m"`; result in whole milliseconds. */
export function parseDuration(
  value: unknown,
  limits: { readonly minMs: number; readonly maxMs: number },
): Outcome<number> {
  let durationMs: number | undefined;
  if (typeof value === "number") durationMs = value;
  if (typeof value === "string") {
    const [, amount, unit] =
      /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(value.trim()) ?? [];
    const unitMs = DURATION_UNITS_MS[unit ?? ""];
    if (unitMs !== undefined) durationMs = Number(amount) * unitMs;
  }
  if (durationMs === undefined || Number.isNaN(durationMs)) {
    return bad(
      `${
        shown(value)
      } is not a duration; write milliseconds, or such as "500ms", "2s" or "5m"`,
    );
  }
  if (durationMs < limits.minMs || durationMs > limits.maxMs) {
    return bad(
      `${shown(value)} is out of range; write ${
        durationText(limits.minMs)
      } to ${durationText(limits.maxMs)}`,
    );
  }
  return good(Math.round(durationMs));
}

function durationText(durationMs: number): string {
  const unit =
    ["d", "h", "m", "s"].find((name) =>
      durationMs > 0 && durationMs % (DURATION_UNITS_MS[name] ?? 1) === 0
    ) ?? "ms";
  return `"${durationMs / (DURATION_UNITS_MS[unit] ?? 1)}${unit}"`;
}

/** Bytes as a whole number, or a size as rsync reads it: `"100k"`, `"1.5g"`; K is 1024, KB 1000. */
export function parseSize(value: unknown): Outcome<number> {
  const bytes = typeof value === "number"
    ? value
    : typeof value === "string"
    ? rsyncSize(value, "b")
    : undefined;
  if (bytes === undefined || !(bytes >= 0)) {
    return bad(
      `${shown(value)} is not a size; write bytes, or such as "100k" or "1.5g"`,
    );
  }
  const whole = typeof value === "string" ? Math.floor(bytes) : bytes;
  return Number.isSafeInteger(whole)
    ? good(whole)
    : bad(`${shown(value)} is not a whole number of bytes within 2^53`);
}

/** How much of a disk stays free: such as `"5%"`, or a size. */
export function parseMinFree(value: unknown): Outcome<MinFree> {
  const percent = typeof value === "string"
    ? value.match(/^\s*(\d{1,2}(?:\.\d+)?)\s*%\s*$/)?.[1]
    : undefined;
  if (percent !== undefined) {
    return good({ kind: "percent", percent: Number(percent) });
  }
  const size = parseSize(value);
  return size.ok ? good({ kind: "bytes", bytes: size.value }) : bad(
    `${
      shown(value)
    } is not a part of a disk; write such as "5%" (less than 100), or a size such as "500m"`,
  );
}

/** A rate for rsync's `--bwlimit`: KiB/s as a number, or such as `"2m"`; `"0"` is no limit. */
export function parseRate(value: unknown): Outcome<string> {
  const text = typeof value === "number" ? `${value}` : value;
  const bytes = typeof text === "string" ? rsyncSize(text, "k") : undefined;
  if (typeof text !== "string" || bytes === undefined) {
    return bad(
      `${
        shown(value)
      } is not a rate; write KiB per second, or such as "2m" for 2 MiB per second`,
    );
  }
  if (bytes === 0) return good("0");
  return bytes >= 512 && Number.isSafeInteger(Math.floor(bytes))
    ? good(text.trim())
    : bad(
      `${
        shown(value)
      } is out of rsync's range; write at least 1 (KiB per second), or 0 for no limit`,
    );
}

/** Bytes of a size in rsync's syntax, whose unit is `unit` when it names none. */
function rsyncSize(text: string, unit: string): number | undefined {
  const [, amount, letter, rest, step] =
    /^(\d+(?:\.\d*)?|\.\d+)(?:([bkmgtp])(b|ib)?)?([+-]1)?$/i.exec(
      text.trim(),
    ) ??
      [];
  if (amount === undefined) return undefined;
  const base = rest?.toLowerCase() === "b" ? 1000 : 1024;
  const power = SIZE_LETTERS.indexOf((letter ?? unit).toLowerCase());
  return Number(amount) * base ** power + Number(step ?? 0);
}

/** `host`, `host:port`, `[IPv6]` or `[IPv6]:port`; result always with the port. */
export function parseServerAddress(value: unknown): Outcome<string> {
  if (typeof value !== "string") return parseText(value);
  const example = `write it as "host" or "host:${DEFAULT_PORT}"`;
  if (value.includes("//")) {
    return bad(`${shown(value)} has a scheme; ${example}`);
  }
  if (!value.startsWith("[") && value.split(":").length > 2) {
    return bad(
      `${
        shown(value)
      } is not host:port; write an IPv6 address in brackets: "[::1]:${DEFAULT_PORT}"`,
    );
  }
  const [, host, port] =
    /^(\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[\w.]+)?\]|[A-Za-z0-9_](?:[\w.-]{0,252}))(?::(\d{1,5}))?$/
      .exec(value) ?? [];
  if (host === undefined) {
    return bad(`${shown(value)} is not an address; ${example}`);
  }
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  return number >= 1 && number <= 65_535
    ? good(`${host}:${number}`)
    : bad(`${shown(value)} has no port from 1 to 65535; ${example}`);
}

/** Where `~` and relative paths lead. */
export interface PathRoots {
  /** Directory of the configuration file, absolute. */
  readonly directory: string;
  readonly home: string;
}

/** An anchor's path, absolute and without `.`, `..`, doubled or trailing `/`. */
export function resolveAnchorPath(
  text: string,
  roots: PathRoots,
): Outcome<string> {
  if (text.trim() === "") {
    return bad(`the path is empty; write the directory to sync`);
  }
  if (/^~[^/]/.test(text)) {
    return bad(
      `${
        shown(text)
      } names another user's home or a file; write the whole path, or ${
        shown(`./${text}`)
      }`,
    );
  }
  const whole = text === "~" || text.startsWith("~/")
    ? roots.home + text.slice(1)
    : text.startsWith("/")
    ? text
    : `${roots.directory}/${text}`;
  const path = normalizePath(whole);
  if (path === "/") {
    return bad(
      `${
        shown(text)
      } is the root of the file system; write a directory below it`,
    );
  }
  const fault = pathFault(path.slice(1));
  return fault === undefined
    ? good(path)
    : bad(`${shown(path)} ${fault}; choose another path`);
}

/** An absolute path without `.`, `..`, doubled or trailing `/`. */
export function normalizePath(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}
