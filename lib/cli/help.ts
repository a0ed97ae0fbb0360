/**
 * Help texts, from the command table.
 *
 * @module
 */
import type { Command, Option } from "./spec.ts";

/** Help of one command. */
export function commandHelp(command: Command): string {
  const rows = command.options.map(optionRow);
  rows.push(["--help", "Shows this"]);
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    command.summary.endsWith("?") ? command.summary : `${command.summary}.`,
    "",
    `Usage: ${usage(command)}`,
    "",
    "Options:",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    ...(command.notes === undefined ? [] : ["", ...command.notes]),
    "",
    command.examples.length === 1 ? "Example:" : "Examples:",
    ...command.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}

const EXAMPLES: readonly (readonly [string, string])[] = [
  ["sinkd server adduser alice", "on the server: prints a join link"],
  ["sinkd join -", "on each machine: asks for the link"],
  ["sinkd add ~/docs && sinkd client start", "sync a directory"],
  ["sinkd status", "is everything synced, and if not, why?"],
];

/** Help of the whole program; `say` writes a command as this executable's user types it. */
export function programHelp(
  table: readonly Command[],
  say: (text: string) => string = (text) => text,
): string {
  const rows = table.map((command) =>
    [
      ["sinkd", ...command.words, ...operandTexts(command)].join(" "),
      command.summary,
    ] as const
  );
  return [
    "Your files, on your own machines, the same everywhere.",
    "",
    `Usage: ${say("sinkd COMMAND [OPTIONS]")}`,
    "",
    ...twoColumns(rows, say),
    "",
    `Every command has --help; ${say("sinkd --version")} prints the version.`,
    "Exit codes: 0 up to date or done, 1 not everything is synced, 2 usage or configuration,",
    "3 not running, 4 needs your decision.",
    "",
    "Examples:",
    ...twoColumns(EXAMPLES, say),
    "",
  ].join("\n");
}

function twoColumns(
  rows: readonly (readonly [string, string])[],
  say: (text: string) => string,
): string[] {
  const spoken = rows.map(([left, right]) => [say(left), right] as const);
  const width = Math.max(...spoken.map(([left]) => left.length));
  return spoken.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

const USAGE_COLUMNS = 96;

function usage(command: Command): string {
  const parts = [
    ...operandTexts(command),
    ...command.options.map((option) => {
      const text = `[${optionText(option)}]`;
      return option.kind === "list" ? `${text}…` : text;
    }),
  ];
  const lines = [["sinkd", ...command.words].join(" ")];
  for (const part of parts) {
    const line = lines.at(-1) ?? "";
    if (line.length + part.length < USAGE_COLUMNS) {
      lines[lines.length - 1] = `${line} ${part}`;
    } else lines.push(`    ${part}`);
  }
  return lines.join("\n");
}

function operandTexts(command: Command): string[] {
  return command.operands.map((operand) =>
    operand.required ? operand.name : `[${operand.name}]`
  );
}

function optionRow(option: Option): [string, string] {
  return [optionText(option), option.summary];
}

/** An option as it is written, with the name of its value. */
export function optionText(option: Option): string {
  const value = option.kind === "flag" ? "" : ` ${option.value ?? "VALUE"}`;
  return `--${option.name}${value}`;
}
