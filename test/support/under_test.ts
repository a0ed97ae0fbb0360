/**
 * What the end-to-end tests start: the checkout's launcher, or with SINKD_UNDER_TEST=DIRECTORY the
 * executables in that directory (relative to the checkout), such as `dist`.
 *
 * @module
 */

const DIRECTORY = new URL(
  `../../${Deno.env.get("SINKD_UNDER_TEST") ?? "scripts"}/`,
  import.meta.url,
).pathname;

/** The program that `sinkd ARGS…` means. */
export const LAUNCHER = `${DIRECTORY}sinkd`;

/** What its environment needs beside the test's own: one place where executables unpack. */
export const LAUNCHER_ENV: Readonly<Record<string, string>> = {
  SINKD_CACHE: `${DIRECTORY}.cache`,
};
