/**
 * The version of the program, from the one place that has it.
 *
 * @module
 */
import manifest from "../deno.json" with { type: "json" };

/** As in deno.json: `major.minor.patch`. */
export const VERSION: string = manifest.version;
