/**
 * The command table's part that puts the executable itself in its place.
 *
 * @module
 */
import type { Command, Option } from "./spec.ts";

const OPTIONS: readonly Option[] = [
  {
    name: "system",
    kind: "text",
    value: "USER",
    summary:
      "Client only, as root: also the service sinkd@USER, which runs without a login",
  },
  {
    name: "dry-run",
    kind: "flag",
    summary: "Shows what would be done and does nothing",
  },
];

/** See the module. */
export const INSTALL_COMMANDS: readonly Command[] = [
  {
    words: ["install"],
    role: "install",
    summary:
      "Installs this program, its manual and its systemd service on this machine",
    operands: [],
    options: OPTIONS,
    notes: [
      "As root below /usr/local and /etc, for all users; else below ~/.local and ~/.config, for you. It can be",
      "repeated, and updates an older version.",
    ],
    examples: ["sinkd install --dry-run", "sinkd install"],
    run: async (given, context, program) =>
      (await import("./commands/install.ts")).install(given, context, program),
  },
  {
    words: ["uninstall"],
    role: "install",
    summary: "Undoes install; synced files stay",
    operands: [],
    options: OPTIONS,
    examples: ["sinkd uninstall"],
    run: async (given, context, program) =>
      (await import("./commands/install.ts")).uninstall(
        given,
        context,
        program,
      ),
  },
];
