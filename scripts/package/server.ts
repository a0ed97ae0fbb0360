/**
 * The bundle of the server and of all commands that the small one does not have.
 *
 * @module
 */
import { commandsOf, readProduct } from "../../lib/cli/product.ts";
import { runCommandLine } from "../../lib/cli/run.ts";
import { SERVER_COMMANDS } from "../../lib/cli/table_server.ts";
import {
  CONTROL_COMMANDS,
  LIFECYCLE_COMMANDS,
} from "../../lib/cli/table_control.ts";
import { INSTALL_COMMANDS } from "../../lib/cli/table_install.ts";
import { finish } from "./finish.ts";

const { product, argv } = readProduct(Deno.args);
const commands = commandsOf(product, [
  ...SERVER_COMMANDS,
  ...CONTROL_COMMANDS,
  ...LIFECYCLE_COMMANDS,
  ...INSTALL_COMMANDS,
]);
finish(await runCommandLine(argv, { product, commands }));
