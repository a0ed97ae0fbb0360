/**
 * Excludes: lists of patterns with the meaning that rsync gives to a list of `--exclude=PATTERN`.
 * The first rule that matches decides; a directory that is excluded takes all below it along.
 *
 * @module
 */
import {
  burn,
  byteString,
  compileGlob,
  type Fuel,
  type Glob,
  matchesGlob,
} from "./glob.ts";

const MAX_PATTERNS = 1000;
const MAX_PATTERN_BYTES = 4095;

/** One pattern: whether it excludes (`- `, the default) or keeps (`+ `), and what it matches. */
export interface ExcludeRule {
  readonly excludes: boolean;
  readonly directoriesOnly: boolean;
  /** What of a path is compared. */
  readonly scope:
    | { readonly kind: "name" }
    | { readonly kind: "whole" }
    | { readonly kind: "last"; readonly names: number }
    | { readonly kind: "afterAnySlash" };
  /** `**` at the start also takes the `/` that stands before the whole path. */
  readonly slashBefore: boolean;
  /** `/***` at the end takes the directory itself and all in it. */
  readonly slashAfterDirectory: boolean;
  readonly pattern:
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "glob"; readonly glob: Glob };
}

/** A parsed list of patterns; made by {@linkcode parseExcludes}. */
export interface ExcludeRules {
  readonly list: readonly ExcludeRule[];
  /** Bounds patterns that a stranger made; a path that would cost more throws. */
  readonly fuel?: Fuel;
}

/** Outcome of {@linkcode parseExcludes}; `reason` names the pattern. */
export type ParsedExcludes =
  | { readonly ok: true; readonly rules: ExcludeRules }
  | { readonly ok: false; readonly reason: string };

/** Excludes nothing. */
export const NO_EXCLUDES: ExcludeRules = { list: [] };

/**
 * Parses patterns as rsync does for `--exclude=PATTERN`, `+ PATTERN` and `- PATTERN`. Other kinds
 * of filter rules, which `--exclude` would take as names, are refused rather than misread.
 *
 * @example
 * ```ts
 * import { isExcluded, parseExcludes } from "./excludes.ts";
 * import assert from "node:assert/strict";
 * const parsed = parseExcludes(["+ keep.o", "*.o", "/build/"]);
 * assert.ok(parsed.ok);
 * assert.equal(isExcluded(parsed.rules, "lib/a.o", false), true);
 * assert.equal(isExcluded(parsed.rules, "lib/keep.o", false), false);
 * assert.equal(isExcluded(parsed.rules, "build/keep.o", false), true);
 * ```
 */
export function parseExcludes(patterns: readonly string[]): ParsedExcludes {
  if (patterns.length > MAX_PATTERNS) {
    return {
      ok: false,
      reason: `${patterns.length} patterns are more than ${MAX_PATTERNS}`,
    };
  }
  for (const pattern of patterns) {
    const fault = patternFault(pattern);
    if (fault !== undefined) {
      return {
        ok: false,
        reason: `pattern ${JSON.stringify(pattern)} ${fault}`,
      };
    }
  }
  return { ok: true, rules: { list: patterns.map(parseRule) } };
}

/** Rules that exclude paths as they are written: `whole` in the anchor, `last` at the end of any path. */
export function excludesOf(
  paths: {
    readonly whole: readonly string[];
    readonly last: readonly string[];
  },
): ExcludeRule[] {
  const rule = (path: string, scope: ExcludeRule["scope"]): ExcludeRule => ({
    excludes: true,
    directoriesOnly: false,
    scope,
    slashBefore: false,
    slashAfterDirectory: false,
    pattern: { kind: "text", text: byteString(path) },
  });
  return [
    ...paths.whole.map((path) => rule(path, { kind: "whole" })),
    ...paths.last.map((path) =>
      rule(path, { kind: "last", names: path.split("/").length })
    ),
  ];
}

/**
 * True when rsync would leave `path` out. `path` is relative to the anchor, without a leading `/`;
 * `directory` says that it is one itself (a link to one is not).
 */
export function isExcluded(
  rules: ExcludeRules,
  path: string,
  directory: boolean,
): boolean {
  if (rules.list.length === 0) return false;
  const bytes = byteString(path);
  const fuel = fuelOf(rules);
  for (
    let slash = bytes.indexOf("/");
    slash >= 0;
    slash = bytes.indexOf("/", slash + 1)
  ) {
    if (decide(rules, bytes.slice(0, slash), true, fuel)) return true;
  }
  return decide(rules, bytes, directory, fuel);
}

/** {@linkcode isExcluded} for a caller that knows that no directory above `path` is excluded. */
export function isExcludedItself(
  rules: ExcludeRules,
  path: string,
  directory: boolean,
): boolean {
  if (rules.list.length === 0) return false;
  return decide(rules, byteString(path), directory, fuelOf(rules));
}

/** The fuel for one more path. */
function fuelOf({ fuel }: ExcludeRules): Fuel | undefined {
  if (fuel !== undefined) {
    fuel.left = Math.min(fuel.left + fuel.perPath, fuel.most);
  }
  return fuel;
}

/** Why a pattern cannot be used, or `undefined`. */
function patternFault(pattern: string): string | undefined {
  if (/[\0\n]/.test(pattern)) return "has a NUL or a newline";
  if (!pattern.isWellFormed()) return "is not valid Unicode";
  if (byteString(pattern).length > MAX_PATTERN_BYTES) {
    return `is longer than ${MAX_PATTERN_BYTES} bytes`;
  }
  if (pattern === "!") {
    return "clears the list, which is not supported; delete the patterns before it instead";
  }
  if (["", "- ", "+ "].includes(pattern)) return "is empty";
  if (
    /^(?:[:.PRHS](?:,\S*)? |[-+],?[!/Csrpx]+ |[:-],?C$)/.test(pattern) ||
    /^(?:clear|dir-merge|exclude|hide|include|merge|protect|risk|show)(?:,\S*)? /
      .test(pattern)
  ) {
    return "is a filter rule, and only 'PATTERN', '- PATTERN' and '+ PATTERN' are supported; " +
      `for files of just this name write ${JSON.stringify(`- ${pattern}`)}`;
  }
  return undefined;
}

function parseRule(pattern: string): ExcludeRule {
  const prefixed = /^[-+] /.test(pattern);
  const bytes = byteString(prefixed ? pattern.slice(2) : pattern);
  const directoriesOnly = bytes.length > 1 && bytes.endsWith("/");
  const text = directoriesOnly ? bytes.slice(0, -1) : bytes;
  const anchored = text.startsWith("/");
  const glob = /[*[?]/.test(text);
  // Even an escaped or bracketed '**' counts for where rsync looks.
  const globstar = text.includes("**");
  const slashes = text.split("/").length - 1;
  const body = anchored ? text.slice(1) : text;
  return {
    excludes: !pattern.startsWith("+ "),
    directoriesOnly,
    scope: slashes === 0 && !globstar
      ? { kind: "name" }
      : anchored || text.startsWith("**")
      ? { kind: "whole" }
      : globstar
      ? { kind: "afterAnySlash" }
      : { kind: "last", names: slashes + 1 },
    slashBefore: text.startsWith("**"),
    slashAfterDirectory: text.endsWith("***"),
    pattern: glob
      ? { kind: "glob", glob: compileGlob(body) }
      : { kind: "text", text: body },
  };
}

/** What the first matching rule says of a path itself; not excluded when none matches. */
function decide(
  rules: ExcludeRules,
  path: string,
  directory: boolean,
  fuel: Fuel | undefined,
): boolean {
  return rules.list.find((rule) => matches(rule, path, directory, fuel))
    ?.excludes ?? false;
}

function matches(
  rule: ExcludeRule,
  path: string,
  directory: boolean,
  fuel: Fuel | undefined,
): boolean {
  if (fuel !== undefined) burn(fuel);
  if (rule.directoriesOnly && !directory) return false;
  const { pattern } = rule;
  if (pattern.kind === "text") {
    return rule.scope.kind === "whole"
      ? path === pattern.text
      : path === pattern.text || path.endsWith(`/${pattern.text}`);
  }
  const after = rule.slashAfterDirectory && directory ? "/" : "";
  switch (rule.scope.kind) {
    case "name":
      return matchesGlob(
        pattern.glob,
        path.slice(path.lastIndexOf("/") + 1),
        fuel,
      );
    case "whole":
      return matchesGlob(
        pattern.glob,
        (rule.slashBefore ? "/" : "") + path + after,
        fuel,
      );
    case "last": {
      const names = path.split("/");
      return names.length >= rule.scope.names &&
        matchesGlob(
          pattern.glob,
          names.slice(-rule.scope.names).join("/"),
          fuel,
        );
    }
    case "afterAnySlash": {
      const text = path + after;
      for (let at = 0; at >= 0; at = nextStart(text, at)) {
        if (matchesGlob(pattern.glob, text.slice(at), fuel)) return true;
      }
      return false;
    }
  }
}

/** Where the part after the next `/` begins, or -1. */
function nextStart(text: string, at: number): number {
  const slash = text.indexOf("/", at);
  return slash < 0 ? -1 : slash + 1;
}
