/**
 * Text of others made harmless: the one place that escapes what a terminal, an editor or a log would
 * take for more than text. Status, commands, errors and the log all go through it.
 *
 * @module
 */

/** What is never shown as it is: control characters, line separators, what changes the direction of text. */
export const UNSHOWN: RegExp =
  // deno-lint-ignore no-control-regex -- control characters are just what is escaped
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * `text` with control characters as `\xNN`, and what turns the direction of text or begins a line as
 * `\uNNNN`, so that a name cannot move the cursor or pass for another one.
 *
 * @example
 * ```ts
 * import { plain } from "./plain_text.ts";
 * import assert from "node:assert/strict";
 * assert.equal(plain("a\nb\x1b[2J\u202e"), "a\\x0ab\\x1b[2J\\u202e");
 * assert.equal(plain("Grüße 日本"), "Grüße 日本");
 * ```
 */
export function plain(text: string): string {
  return text.toWellFormed().replace(UNSHOWN, (character) => {
    const code = character.charCodeAt(0);
    return code < 256
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
