/**
 * The bundle that prints the permission flags for one command line, as shell words:
 * `flags.js NAME FORM LAUNCHER ARGS…`.
 *
 * @module
 */
import { readSurroundings } from "../../lib/cli/context.ts";
import { lineGrants } from "../../lib/cli/line_grants.ts";
import { flagsOf, shellWords } from "../../lib/cli/permissions.ts";
import { commandsOf, readProduct, tableWords } from "../../lib/cli/product.ts";
import { COMMANDS } from "../../lib/cli/table.ts";

const { product, argv: [launcher = "", ...argv] } = readProduct(Deno.args);
const grants = await lineGrants(
  tableWords(product, argv),
  readSurroundings(),
  {
    product,
    commands: commandsOf(product, COMMANDS),
    modules: new URL(".", import.meta.url).pathname,
    launcher,
  },
);
await Deno.stdout.write(
  new TextEncoder().encode(`${shellWords(flagsOf(grants))}\n`),
);
