/**
 * Where a program may be, by the variable PATH.
 *
 * @module
 */

/**
 * Every file that may be the program, in the order of the search.
 *
 * @example
 * ```ts
 * import { programPlaces } from "./program_path.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(programPlaces("rsync", "/usr/bin:bin"), ["/usr/bin/rsync"]);
 * ```
 */
export function programPlaces(name: string, path: string): string[] {
  return [...new Set(path.split(":"))].filter((place) => place.startsWith("/"))
    .map((place) => `${place.replace(/\/+$/, "")}/${name}`);
}
