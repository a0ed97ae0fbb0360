/**
 * The small bundle: `status`, the other questions to whoever runs, and start and stop.
 *
 * @module
 */
import { commandsOf, readProduct } from "../../lib/cli/product.ts";
import { runCommandLine } from "../../lib/cli/run.ts";
import {
  CONTROL_COMMANDS,
  LIFECYCLE_COMMANDS,
} from "../../lib/cli/table_control.ts";
import { finish } from "./finish.ts";

const { product, argv } = readProduct(Deno.args);
const commands = commandsOf(product, [
  ...CONTROL_COMMANDS,
  ...LIFECYCLE_COMMANDS,
]);
finish(await runCommandLine(argv, { product, commands }));
