/**
 * The command table's part that only talks to a server or client: it loads fast, as a bundle of its
 * own.
 *
 * @module
 */
import { CLIENT_OPTIONS, PID, SERVER_OPTIONS } from "./options.ts";
import type { Command, Operand } from "./spec.ts";

const ANY_PATH: Operand = { name: "PATH", required: false };

/** Commands that ask whoever runs. */
export const CONTROL_COMMANDS: readonly Command[] = [
  {
    words: ["status"],
    role: "control",
    summary: "Is everything synced, and if not, why and what to do?",
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
      "Exit codes: 0 up to date; 1 not everything is synced; 3 not running; 4 held, paused or revoked.",
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
    ["pause", "Stops syncing it until resume"],
    ["resume", "Goes on after pause"],
    [
      "rescan",
      "Looks at every file again; then, in the background, reads them all and compares",
    ],
  ] as const).map(([word, summary]): Command => ({
    words: [word],
    role: "control",
    summary,
    operands: [ANY_PATH],
    options: [PID],
    notes: ["Without PATH it is for everything that is synced."],
    examples: [`sinkd ${word}`, `sinkd ${word} ~/docs`],
    run: async (given, context) =>
      (await import("./commands/control.ts")).onPath(word, given, context),
  })),
];

/** Commands that start and end a server or client in the background. */
export const LIFECYCLE_COMMANDS: readonly Command[] =
  (["server", "client"] as const)
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
