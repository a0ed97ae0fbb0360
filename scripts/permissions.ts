/**
 * Prints, as shell words, the permission flags for one command line: `permissions.ts LAUNCHER ARGS…`.
 *
 * @module
 */
import { readSurroundings } from "../lib/cli/context.ts";
import { lineGrants } from "../lib/cli/line_grants.ts";
import { flagsOf, shellWords } from "../lib/cli/permissions.ts";
import { CHECKOUT } from "../lib/cli/product.ts";
import { COMMANDS } from "../lib/cli/table.ts";

const [launcher = "", ...argv] = Deno.args;
const modules = decodeURIComponent(
  new URL("../lib/", import.meta.url).pathname,
);
const grants = await lineGrants(argv, readSurroundings(), {
  product: CHECKOUT,
  commands: COMMANDS,
  modules,
  launcher,
});
await Deno.stdout.write(
  new TextEncoder().encode(`${shellWords(flagsOf(grants))}\n`),
);
