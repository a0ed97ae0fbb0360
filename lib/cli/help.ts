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
    `${command.summary}.`,
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

/** Help of the whole program. */
export function programHelp(table: readonly Command[]): string {
  const rows = table.map((command): [string, string] => [
    [`sinkd`, ...command.words, ...operandTexts(command)].join(" "),
    command.summary,
  ]);
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    "Your files, on your own machines, the same everywhere.",
    "",
    "Usage: sinkd COMMAND [OPTIONS]",
    "",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    "",
    "Every command has --help; sinkd --version prints the version.",
    "Exit codes: 0 in step or done, 1 working or not yet in step, 2 usage or configuration,",
    "3 not running, 4 needs a person.",
    "",
    "Examples:",
    "  sinkd server adduser alice                   on the server: prints a join link",
    "  sinkd join 'sinkd://alice:…@host:8883#…'     on each machine",
    "  sinkd add ~/docs && sinkd client start       keep a directory in step",
    "  sinkd status                                 am I in step, and if not, why?",
    "",
  ].join("\n");
}

function usage(command: Command): string {
  return [
    "sinkd",
    ...command.words,
    ...operandTexts(command),
    ...command.options.map((option) => {
      const text = `[${optionRow(option)[0]}]`;
      return option.kind === "list" ? `${text}…` : text;
    }),
  ].join(" ");
}

function operandTexts(command: Command): string[] {
  return command.operands.map((operand) =>
    operand.required ? operand.name : `[${operand.name}]`
  );
}

function optionRow(option: Option): [string, string] {
  const value = option.kind === "flag" ? "" : ` ${option.value ?? "VALUE"}`;
  return [`--${option.name}${value}`, option.summary];
}
