/**
 * The bundle that prints the permission flags for one command line, as shell words:
 * `flags.js NAME FORM LAUNCHER ARGS…`.
 *
 * @module
 */
import { readSurroundings } from "../../lib/cli/context.ts";
import { accountToBecome, accountWords } from "../../lib/cli/owner.ts";
import { lineGrants } from "../../lib/cli/line_grants.ts";
import { flagsOf, shellWords } from "../../lib/cli/permissions.ts";
import { commandsOf, readProduct, tableWords } from "../../lib/cli/product.ts";
import { COMMANDS } from "../../lib/cli/table.ts";

const { product, argv: [launcher = "", ...argv] } = readProduct(Deno.args);
const commands = commandsOf(product, COMMANDS);
const around = readSurroundings();
const line = tableWords(product, argv);
const modules = new URL(".", import.meta.url).pathname;
const grants = await lineGrants(line, around, {
  product,
  commands,
  modules,
  launcher,
});
const words = [
  ...accountWords(accountToBecome(line, commands, around)),
  ...flagsOf(grants),
];
await Deno.stdout.write(
  new TextEncoder().encode(`${shellWords(words)}\n`),
);
