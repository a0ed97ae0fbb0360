/**
 * The command table's part for the client: running it, joining, and what is kept in step.
 *
 * @module
 */
import { CLIENT_OPTIONS, PID, STATE, USER_CONFIG } from "./options.ts";
import type { Command } from "./spec.ts";

/** See the module. */
export const CLIENT_COMMANDS: readonly Command[] = [
  {
    words: ["client"],
    role: "client",
    summary: "Runs the client in the foreground",
    operands: [],
    options: CLIENT_OPTIONS,
    examples: [
      "sinkd client",
      "sinkd client --user-config ./a.conf --state ./a",
    ],
    run: async (given, context) =>
      (await import("./commands/client.ts")).client(given, context),
  },
  {
    words: ["join"],
    role: "join",
    summary: "Joins this machine to a server with the link from adduser",
    operands: [{ name: "LINK", required: true }],
    options: [USER_CONFIG, STATE, {
      name: "name",
      kind: "text",
      value: "CLIENT",
      summary: "What this machine is called there (default: its host name)",
    }, {
      name: "move",
      kind: "flag",
      summary:
        "Lets the anchors of this machine go to another user's tree or server",
    }],
    notes: [
      "With - it asks for the link, or reads it from standard input. A link is a secret until it is used, and one",
      "that is an argument stays in the shell's history and shows in the list of processes. In one go:",
      "  ssh homeserver sudo sinkd-server adduser alice | sinkd join -",
    ],
    examples: [
      "sinkd join -",
      "sinkd join - --name laptop",
    ],
    run: async (given, context) =>
      (await import("./commands/join.ts")).join(given, context),
  },
  {
    words: ["add"],
    role: "anchors",
    summary: "Syncs a directory or file from now on",
    operands: [{ name: "PATH", required: true }],
    options: [
      {
        name: "name",
        kind: "text",
        value: "N",
        summary: "Its name on the server, for machines where its path differs",
      },
      {
        name: "exclude",
        kind: "list",
        value: "PATTERN",
        summary: "What stays here, as an rsync filter pattern; may be repeated",
      },
      USER_CONFIG,
      STATE,
      PID,
    ],
    notes: [
      "What sinkd keeps for itself (state with credentials, configuration, sockets, caches, a server's root) is never synced, also in an anchor that holds it.",
    ],
    examples: [
      "sinkd add ~/docs --name docs --exclude '*.tmp' --exclude /cache/",
    ],
    run: async (given, context) =>
      (await import("./commands/anchors.ts")).add(given, context),
  },
  {
    words: ["rm"],
    role: "anchors",
    summary: "Stops syncing it; the files stay everywhere",
    operands: [{ name: "PATH", required: true }],
    options: [USER_CONFIG, PID],
    examples: ["sinkd rm ~/docs"],
    run: async (given, context) =>
      (await import("./commands/anchors.ts")).remove(given, context),
  },
  {
    words: ["ls"],
    role: "anchors",
    summary: "Lists what is synced",
    operands: [],
    options: [USER_CONFIG],
    examples: ["sinkd ls"],
    run: async (given, context) =>
      (await import("./commands/anchors.ts")).list(given, context),
  },
];
