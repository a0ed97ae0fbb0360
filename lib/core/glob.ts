/**
 * Globs as rsync reads them: `?` and `*` stay within a name, `**` crosses `/`, `[...]` is a set.
 * rsync compares bytes, so text and pattern are byte strings here: one UTF-16 unit per UTF-8 byte.
 *
 * @module
 */

/** What a position of a pattern takes. */
type Token =
  | { readonly kind: "byte"; readonly byte: number }
  | { readonly kind: "set"; readonly has: readonly boolean[] }
  | { readonly kind: "star" }
  | { readonly kind: "globstar" }
  | { readonly kind: "never" };

/** What comparing may cost, in steps, with patterns that a stranger made. */
export interface Fuel {
  left: number;
  /** What comes back with each path, */
  readonly perPath: number;
  /** but no more than this is saved up. */
  readonly most: number;
}

/** Takes one step; throws when none is left. */
export function burn(fuel: Fuel): void {
  if (--fuel.left < 0) {
    throw new Error(
      "Cannot compare a path with the patterns: they cost too much",
    );
  }
}

/** A compiled pattern. */
export type Glob = readonly Token[];

const SLASH = 0x2f;
const STAR: Token = { kind: "star" };
const GLOBSTAR: Token = { kind: "globstar" };
const NEVER: Token = { kind: "never" };

/** POSIX classes over ASCII; bytes from 128 on are in none, as in the C locale. */
const POSIX_CLASSES: ReadonlyMap<string, RegExp> = new Map([
  ["alnum", /[0-9A-Za-z]/],
  ["alpha", /[A-Za-z]/],
  ["blank", /[ \t]/],
  // deno-lint-ignore no-control-regex -- control characters are what [:cntrl:] is
  ["cntrl", /[\x00-\x1f\x7f]/],
  ["digit", /[0-9]/],
  ["graph", /[!-~]/],
  ["lower", /[a-z]/],
  ["print", /[ -~]/],
  ["punct", /[!-/:-@[-`{-~]/],
  ["space", /[ \t\n\v\f\r]/],
  ["upper", /[A-Z]/],
  ["xdigit", /[0-9A-Fa-f]/],
]);

const encoder = new TextEncoder();

/** `text` with one UTF-16 unit per byte of its UTF-8. */
export function byteString(text: string): string {
  // deno-lint-ignore no-control-regex -- all of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return Array.from(
    encoder.encode(text),
    (byte) => String.fromCharCode(byte),
  ).join("");
}

/**
 * Compiles a pattern given as a byte string. What can match nothing (an unclosed set, an unknown
 * class, a backslash at the end) compiles to a pattern that matches nothing, as in rsync.
 *
 * @example
 * ```ts
 * import { compileGlob, matchesGlob } from "./glob.ts";
 * import assert from "node:assert/strict";
 * assert.equal(matchesGlob(compileGlob("a/*.[ch]"), "a/b.c"), true);
 * assert.equal(matchesGlob(compileGlob("a/*.[ch]"), "a/b/d.c"), false);
 * ```
 */
export function compileGlob(pattern: string): Glob {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length;) {
    switch (pattern[at]) {
      case "*": {
        const start = at;
        while (pattern[at] === "*") at++;
        tokens.push(at - start > 1 ? GLOBSTAR : STAR);
        break;
      }
      case "?":
        tokens.push({ kind: "set", has: setOf(() => true) });
        at++;
        break;
      case "[": {
        const set = parseSet(pattern, at + 1);
        if (set === undefined) return [NEVER];
        tokens.push({ kind: "set", has: set.has });
        at = set.end;
        break;
      }
      case "\\":
        if (at + 1 === pattern.length) return [NEVER];
        tokens.push({ kind: "byte", byte: pattern.charCodeAt(at + 1) });
        at += 2;
        break;
      default:
        tokens.push({ kind: "byte", byte: pattern.charCodeAt(at) });
        at++;
    }
  }
  return tokens;
}

/**
 * True when `glob` takes all of `text` (a byte string); throws when there is too little `fuel` to tell. On a mismatch only the last `*` and the
 * last `**` grow: nothing before them can do better by taking more, so time stays bounded.
 */
export function matchesGlob(glob: Glob, text: string, fuel?: Fuel): boolean {
  let token = 0;
  let at = 0;
  let star: { next: number; end: number } | undefined;
  let globstar: { next: number; end: number } | undefined;
  while (true) {
    if (fuel !== undefined) burn(fuel);
    const current = glob[token];
    if (current === undefined) {
      if (at === text.length) return true;
    } else if (current.kind === "star") {
      star = { next: ++token, end: at };
      continue;
    } else if (current.kind === "globstar") {
      globstar = { next: ++token, end: at };
      star = undefined;
      if (token === glob.length) return true;
      continue;
    } else if (at < text.length && takes(current, text.charCodeAt(at))) {
      token++;
      at++;
      continue;
    }
    if (
      star !== undefined && star.end < text.length &&
      text.charCodeAt(star.end) !== SLASH
    ) {
      at = ++star.end;
      token = star.next;
    } else if (globstar !== undefined && globstar.end < text.length) {
      at = ++globstar.end;
      token = globstar.next;
      star = undefined;
    } else {
      return false;
    }
  }
}

function takes(
  token: Exclude<Token, { kind: "star" | "globstar" }>,
  byte: number,
): boolean {
  switch (token.kind) {
    case "byte":
      return token.byte === byte;
    case "set":
      return token.has[byte] === true;
    case "never":
      return false;
  }
}

/** All bytes that `wanted` picks; never `/`, which no set matches. */
function setOf(wanted: (byte: number) => boolean): boolean[] {
  return Array.from(
    { length: 256 },
    (_, byte) => byte !== SLASH && wanted(byte),
  );
}

/** The set whose members begin at `start`, and where the pattern goes on; `undefined` when it is malformed. */
function parseSet(
  pattern: string,
  start: number,
): { has: boolean[]; end: number } | undefined {
  const members = new Set<number>();
  const negated = pattern[start] === "!" || pattern[start] === "^";
  const first = negated ? start + 1 : start;
  // The last single member, which a following '-' makes the start of a range.
  let previous: number | undefined;
  let at = first;
  // A ']' in the first place is a member.
  while (at === first || pattern[at] !== "]") {
    if (at >= pattern.length) return undefined;
    const next = pattern[at + 1];
    const named = /^\[:([^\]]*):\]/.exec(pattern.slice(at));
    if (named !== null) {
      const class_ = POSIX_CLASSES.get(named[1] ?? "");
      if (class_ === undefined) return undefined;
      for (let byte = 0; byte < 128; byte++) {
        if (class_.test(String.fromCharCode(byte))) members.add(byte);
      }
      previous = undefined;
      at += named[0].length;
      continue;
    }
    const range = pattern[at] === "-" && previous !== undefined &&
      next !== undefined && next !== "]";
    if (range) at++;
    if (pattern[at] === "\\") at++;
    if (at >= pattern.length) return undefined;
    const byte = pattern.charCodeAt(at);
    for (let low = range ? previous ?? byte : byte; low <= byte; low++) {
      members.add(low);
    }
    previous = range ? undefined : byte;
    at++;
  }
  return { has: setOf((byte) => members.has(byte) !== negated), end: at + 1 };
}
