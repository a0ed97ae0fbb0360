/**
 * Prints, as shell words, the permission flags for one command line: `permissions.ts LAUNCHER ARGS…`.
 *
 * @module
 */
import { readSurroundings } from "../lib/cli/context.ts";
import { accountToBecome, accountWords } from "../lib/cli/owner.ts";
import { lineGrants } from "../lib/cli/line_grants.ts";
import { flagsOf, shellWords } from "../lib/cli/permissions.ts";
import { CHECKOUT } from "../lib/cli/product.ts";
import { COMMANDS } from "../lib/cli/table.ts";

const [launcher = "", ...argv] = Deno.args;
const modules = decodeURIComponent(
  new URL("../lib/", import.meta.url).pathname,
);
const around = readSurroundings();
const grants = await lineGrants(argv, around, {
  product: CHECKOUT,
  commands: COMMANDS,
  modules,
  launcher,
});
const words = [
  ...accountWords(accountToBecome(argv, COMMANDS, around)),
  ...flagsOf(grants),
];
await Deno.stdout.write(
  new TextEncoder().encode(`${shellWords(words)}\n`),
);
