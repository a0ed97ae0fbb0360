/**
 * The command line, parsed: which command, with which checked values; or one sentence of what is
 * wrong.
 *
 * @module
 */
import { brokerAddress, splitAddress } from "../core/address.ts";
import { parseQuota } from "../core/quota.ts";
import type { Command, Option } from "./spec.ts";

/** Checked values of one command line. */
export interface Arguments {
  readonly operands: readonly string[];
  /** Value of an option of any kind but flag and list. */
  text(name: string): string | undefined;
  /** Values of a list option, in order. */
  list(name: string): readonly string[];
  /** True when the flag is there. */
  flag(name: string): boolean;
}

/** Outcome of {@linkcode parseArguments}. */
export type ParsedLine =
  | {
    readonly kind: "run";
    readonly command: Command;
    readonly given: Arguments;
  }
  | { readonly kind: "help"; readonly command: Command | undefined }
  | { readonly kind: "version" }
  | { readonly kind: "wrong"; readonly message: string };

/** Parses `argv` against the table; never throws. */
export function parseArguments(
  argv: readonly string[],
  table: readonly Command[],
): ParsedLine {
  const [first] = argv;
  if (first === undefined) {
    return wrong("Name a command", "sinkd --help");
  }
  if (first === "--help" || first === "-h" || first === "help") {
    return { kind: "help", command: findCommand(argv.slice(1), table) };
  }
  if (first === "--version" || first === "-V") return { kind: "version" };
  if (first.startsWith("-")) {
    return wrong(
      `Unknown option ${show(first)}; options come after the command`,
      "sinkd --help",
    );
  }
  const command = findCommand(argv, table);
  if (command === undefined) {
    return wrong(`Unknown command ${show(first)}`, "sinkd --help");
  }
  return parseRest(argv.slice(command.words.length), command, table);
}

function findCommand(
  argv: readonly string[],
  table: readonly Command[],
): Command | undefined {
  return table
    .filter((command) => command.words.every((word, at) => argv[at] === word))
    .toSorted((left, right) => right.words.length - left.words.length)[0];
}

function parseRest(
  rest: readonly string[],
  command: Command,
  table: readonly Command[],
): ParsedLine {
  const help = `sinkd ${command.words.join(" ")} --help`;
  const values = new Map<string, string[]>();
  const operands: string[] = [];
  for (let at = 0; at < rest.length; at++) {
    const argument = rest[at] ?? "";
    if (argument === "--") {
      operands.push(...rest.slice(at + 1));
      break;
    }
    if (argument === "--help" || argument === "-h") {
      return { kind: "help", command };
    }
    if (!argument.startsWith("-") || argument === "-") {
      operands.push(argument);
      continue;
    }
    const [name, attached] = splitOption(argument);
    const option = command.options.find((each) => `--${each.name}` === name);
    if (option === undefined) {
      return wrong(`Unknown option ${show(name)}`, help);
    }
    if (option.kind === "flag") {
      if (attached !== undefined) {
        return wrong(`Option ${name} takes no value`, help);
      }
      values.set(option.name, []);
      continue;
    }
    const value = attached ?? rest[++at];
    if (value === undefined || (attached === undefined && /^--./.test(value))) {
      return wrong(`Option ${name} needs a value`, help);
    }
    const fault = valueFault(option, value);
    if (fault !== undefined) {
      return wrong(`Option ${name} ${fault}, not ${show(value)}`, help);
    }
    const before = values.get(option.name) ?? [];
    if (before.length > 0 && option.kind !== "list") {
      return wrong(`Option ${name} is given twice`, help);
    }
    values.set(option.name, [...before, value]);
  }
  const fault = operandFault(operands, command, table);
  if (fault !== undefined) return wrong(fault, help);
  return { kind: "run", command, given: makeArguments(operands, values) };
}

function operandFault(
  operands: readonly string[],
  command: Command,
  table: readonly Command[],
): string | undefined {
  const extra = operands[command.operands.length];
  if (extra !== undefined) {
    const words = command.words.join(" ");
    const group = table.some((each) =>
      each.words.length > command.words.length &&
      each.words[0] === command.words[0]
    );
    return group && command.operands.length === 0
      ? `Unknown command ${show(`${words} ${extra}`)}`
      : `${show(extra)} is one argument too many`;
  }
  const missing = command.operands[operands.length];
  return missing?.required === true ? `${missing.name} is missing` : undefined;
}

function valueFault(option: Option, value: string): string | undefined {
  switch (option.kind) {
    case "flag":
    case "text":
    case "list":
      return undefined;
    case "path":
      return value === "" || value.includes("\0")
        ? "must be a path"
        : undefined;
    case "count": {
      const count = Number(value);
      const good = /^\d+$/.test(value) && count >= option.min &&
        count <= option.max;
      return good
        ? undefined
        : `must be a whole number from ${option.min} to ${option.max}`;
    }
    case "address":
      return splitAddress(value) === undefined
        ? "must be HOST:PORT"
        : undefined;
    case "quota":
      return parseQuota(value) === undefined
        ? "must be SIZE, or SIZE,FILES, such as 10G or 10G,100k"
        : undefined;
    case "broker":
      return brokerAddress(value) === undefined
        ? "must be mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"
        : undefined;
  }
}

function splitOption(argument: string): [string, string | undefined] {
  const equals = argument.indexOf("=");
  return equals < 0
    ? [argument, undefined]
    : [argument.slice(0, equals), argument.slice(equals + 1)];
}

function makeArguments(
  operands: readonly string[],
  values: ReadonlyMap<string, readonly string[]>,
): Arguments {
  return {
    operands,
    text: (name) => values.get(name)?.[0],
    list: (name) => values.get(name) ?? [],
    flag: (name) => values.has(name),
  };
}

function wrong(what: string, help: string): ParsedLine {
  return { kind: "wrong", message: `${what}; see '${help}'` };
}

function show(text: string): string {
  return `'${text}'`;
}
