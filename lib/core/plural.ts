/**
 * Counts in words.
 *
 * @module
 */

/**
 * A count with its noun: `1 path`, `1,204 paths`, `2 conflict copies`.
 *
 * @example
 * ```ts
 * import { counted } from "./plural.ts";
 * import assert from "node:assert/strict";
 * assert.equal(counted(1, "path"), "1 path");
 * assert.equal(counted(1204, "path"), "1,204 paths");
 * assert.equal(counted(2, "conflict copy"), "2 conflict copies");
 * assert.equal(counted(0, "directory"), "0 directories");
 * ```
 */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${count === 1 ? noun : pluralOf(noun)}`;
}

/** A whole number with a comma between thousands. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** What is not empty, with commas and `and`. */
export function joined(parts: readonly string[]): string {
  const said = parts.filter((part) => part !== "");
  return said.length < 2
    ? said.join("")
    : `${said.slice(0, -1).join(", ")} and ${said.at(-1)}`;
}

function pluralOf(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}
