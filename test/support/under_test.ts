/**
 * What the end-to-end tests start: the checkout's launcher, or with SINKD_UNDER_TEST=DIRECTORY the
 * executables in that directory (relative to the checkout), such as `dist`.
 *
 * @module
 */

const CHECKOUT = new URL("../../", import.meta.url);
const directory = Deno.env.get("SINKD_UNDER_TEST");

/** The program that `sinkd ARGS…` means. */
export const LAUNCHER: string = directory === undefined
  ? new URL("scripts/sinkd", CHECKOUT).pathname
  : new URL(`${directory}/sinkd`, CHECKOUT).pathname;

/** What its environment needs beside the test's own: one place where executables unpack. */
export const LAUNCHER_ENV: Readonly<Record<string, string>> =
  directory === undefined
    ? {}
    : { SINKD_CACHE: new URL(`${directory}/.cache`, CHECKOUT).pathname };
