/**
 * The command table: every command with its operands, options, examples and what it runs. Commands
 * are loaded when they run, so that `status` does not pay for the server.
 *
 * @module
 */
import type { Command } from "./spec.ts";
import { CLIENT_COMMANDS } from "./table_client.ts";
import { CONTROL_COMMANDS, LIFECYCLE_COMMANDS } from "./table_control.ts";
import { INSTALL_COMMANDS } from "./table_install.ts";
import { SERVER_COMMANDS } from "./table_server.ts";

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...SERVER_COMMANDS,
  ...CLIENT_COMMANDS,
  ...CONTROL_COMMANDS,
  ...LIFECYCLE_COMMANDS,
  ...INSTALL_COMMANDS,
];
