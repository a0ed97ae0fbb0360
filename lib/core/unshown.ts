/**
 * Characters that are never shown as they are.
 *
 * @module
 */

/** Control characters and what turns the direction of text: they move the cursor, or hide what is there. */
export const UNSHOWN: RegExp =
  // deno-lint-ignore no-control-regex -- control characters are just what is meant
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
