/**
 * sinkd: your files, on your own machines, the same everywhere. argv goes to lib/cli.
 *
 * @module
 */
import { CHECKOUT } from "./lib/cli/product.ts";
import { runCommandLine } from "./lib/cli/run.ts";
import { COMMANDS } from "./lib/cli/table.ts";

Deno.exit(
  await runCommandLine(Deno.args, { product: CHECKOUT, commands: COMMANDS }),
);
