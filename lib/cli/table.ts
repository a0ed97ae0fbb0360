/**
 * The command table: every command with its operands, options, examples and what it runs. Commands
 * are loaded when they run, so that `status` does not pay for the server.
 *
 * @module
 */
import {
  CLIENT_OPTIONS,
  PID,
  ROOT,
  SERVER_OPTIONS,
  STATE,
  USER_CONFIG,
} from "./options.ts";
import type { Command, Operand } from "./spec.ts";

const NAME: Operand = { name: "NAME", required: true };
const ANY_PATH: Operand = { name: "PATH", required: false };

const serverCommands: readonly Command[] = [
  {
    words: ["server"],
    role: "server",
    summary: "Runs the server in the foreground",
    operands: [],
    options: SERVER_OPTIONS,
    examples: [
      "sinkd server --root /srv/sinkd --listen 0.0.0.0:8883",
      "sinkd server --root ~/sinkd --listen 127.0.0.1:0 --pid ~/sinkd.pid",
    ],
    run: async (given, context) =>
      (await import("./commands/server.ts")).server(given, context),
  },
  {
    words: ["server", "adduser"],
    role: "accounts",
    summary: "Makes a user, or another join link for one; prints the link",
    operands: [NAME],
    options: [ROOT, {
      name: "address",
      kind: "address",
      value: "HOST:PORT",
      summary:
        "Where clients reach this server (default: this machine's address)",
    }, PID],
    notes: [
      "The link works once, for 24 hours. It is the only line on stdout.",
    ],
    examples: ["sinkd server adduser alice --address files.example.org:8883"],
    run: async (given, context) =>
      (await import("./commands/accounts.ts")).addUser(given, context),
  },
  {
    words: ["server", "rmuser"],
    role: "accounts",
    summary: "Shuts a user out on every machine; the files stay",
    operands: [NAME],
    options: [ROOT, PID],
    examples: ["sinkd server rmuser alice"],
    run: async (given, context) =>
      (await import("./commands/accounts.ts")).removeUser(given, context),
  },
  {
    words: ["server", "users"],
    role: "accounts",
    summary: "Lists the users",
    operands: [],
    options: [ROOT],
    examples: ["sinkd server users"],
    run: async (given, context) =>
      (await import("./commands/accounts.ts")).listUsers(given, context),
  },
  {
    words: ["server", "clients"],
    role: "accounts",
    summary: "Lists the machines of one user, or of all",
    operands: [{ name: "NAME", required: false }],
    options: [ROOT],
    examples: ["sinkd server clients alice"],
    run: async (given, context) =>
      (await import("./commands/accounts.ts")).listClients(given, context),
  },
  {
    words: ["server", "revoke"],
    role: "accounts",
    summary: "Shuts one machine out; what it has stays there",
    operands: [{ name: "NAME/CLIENT", required: true }],
    options: [ROOT, PID],
    examples: ["sinkd server revoke alice/old-laptop"],
    run: async (given, context) =>
      (await import("./commands/accounts.ts")).revoke(given, context),
  },
];

const clientCommands: readonly Command[] = [
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
    }],
    examples: ["sinkd join 'sinkd://alice:TOKEN@host:8883#FINGERPRINT'"],
    run: async (given, context) =>
      (await import("./commands/join.ts")).join(given, context),
  },
  {
    words: ["add"],
    role: "anchors",
    summary: "Keeps a directory or file in step from now on",
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
      PID,
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
    summary: "Keeps it in step no longer; the files stay everywhere",
    operands: [{ name: "PATH", required: true }],
    options: [USER_CONFIG, PID],
    examples: ["sinkd rm ~/docs"],
    run: async (given, context) =>
      (await import("./commands/anchors.ts")).remove(given, context),
  },
  {
    words: ["ls"],
    role: "anchors",
    summary: "Lists what is kept in step",
    operands: [],
    options: [USER_CONFIG],
    examples: ["sinkd ls"],
    run: async (given, context) =>
      (await import("./commands/anchors.ts")).list(given, context),
  },
];

const controlCommands: readonly Command[] = [
  {
    words: ["status"],
    role: "control",
    summary: "Am I in step, and if not, why and what do I do?",
    operands: [],
    options: [
      { name: "json", kind: "flag", summary: "As one JSON object" },
      {
        name: "watch",
        kind: "flag",
        summary: "Again at each change, until Ctrl-C",
      },
      PID,
    ],
    notes: [
      "Exit codes: 0 in step; 1 working, offline or behind; 3 not running; 4 held or paused.",
    ],
    examples: ["sinkd status", "sinkd status --json --pid /run/sinkd.pid"],
    run: async (given, context) =>
      (await import("./commands/status.ts")).status(given, context),
  },
  ...([
    [
      "approve",
      "Lets through what is held, such as many deletions at once",
    ],
    ["reject", "Refuses what is held: deleted files come back"],
    ["pause", "Stops keeping it in step until resume"],
    ["resume", "Goes on after pause"],
    ["rescan", "Looks at every file again"],
  ] as const).map(([word, summary]): Command => ({
    words: [word],
    role: "control",
    summary,
    operands: [ANY_PATH],
    options: [PID],
    notes: ["Without PATH it is for everything that is kept in step."],
    examples: [`sinkd ${word}`, `sinkd ${word} ~/docs`],
    run: async (given, context) =>
      (await import("./commands/control.ts")).onPath(word, given, context),
  })),
];

const lifecycleCommands: readonly Command[] = (["server", "client"] as const)
  .flatMap((role): Command[] => {
    const options = role === "server" ? SERVER_OPTIONS : CLIENT_OPTIONS;
    return ([
      ["start", `Starts the ${role} in the background`, options],
      ["stop", `Stops the ${role} that runs`, [PID]],
      ["restart", `Stops the ${role} if it runs, then starts it`, options],
      [
        "reload",
        role === "client"
          ? "Makes the client read its configuration again"
          : "Asks the server to look at its users again",
        [PID],
      ],
    ] as const).map(([word, summary, options]): Command => ({
      words: [role, word],
      role: "lifecycle",
      summary,
      operands: [],
      options,
      examples: [`sinkd ${role} ${word}`],
      run: async (given, context) =>
        (await import("./commands/lifecycle.ts")).lifecycle(
          { role, word },
          given,
          context,
        ),
    }));
  });

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...serverCommands,
  ...clientCommands,
  ...controlCommands,
  ...lifecycleCommands,
];
