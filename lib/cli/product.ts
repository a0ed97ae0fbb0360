/**
 * The executables: which commands each has, how its command line maps to the command table's words,
 * and what it calls itself.
 *
 * @module
 */
import type { Command } from "./spec.ts";

/** How the program was made: run from source, or built as `scripts/build` says. */
export type Form = "checkout" | "portable" | "compiled" | "package";

/** One executable. `sinkd` from a checkout has all commands, else those of the client. */
export interface Product {
  readonly name: "sinkd" | "sinkd-server";
  readonly form: Form;
}

/** What runs from the source tree. */
export const CHECKOUT: Product = { name: "sinkd", form: "checkout" };

const FORMS: readonly Form[] = ["checkout", "portable", "compiled", "package"];
/** Words of `sinkd-server` that are not short for `sinkd server WORD`. */
const SERVER_OWN_WORDS: readonly string[] = [
  "server",
  "status",
  "install",
  "uninstall",
];
const EVERYWHERE: readonly string[] = ["--version", "-V"];

/** Takes the executable's name and form, which its launcher puts first, off the arguments. */
export function readProduct(
  args: readonly string[],
): { readonly product: Product; readonly argv: readonly string[] } {
  const [name, form, ...argv] = args;
  const known = FORMS.find((each) => each === form);
  if ((name !== "sinkd" && name !== "sinkd-server") || known === undefined) {
    throw new Error(
      `Cannot tell which program this is: it was started as ${
        JSON.stringify([name, form])
      } and not by its launcher`,
    );
  }
  return { product: { name, form: known }, argv };
}

/** The commands of `product` out of all of them. */
export function commandsOf(
  product: Product,
  all: readonly Command[],
): readonly Command[] {
  if (product.form === "checkout") return all;
  const forServer = product.name === "sinkd-server";
  return all.filter(({ words: [first = ""] }) =>
    forServer ? SERVER_OWN_WORDS.includes(first) : first !== "server"
  );
}

/**
 * The command line in the table's words: `sinkd-server ARGS` is `sinkd server ARGS`.
 *
 * @example
 * ```ts
 * import { tableWords } from "./product.ts";
 * import assert from "node:assert/strict";
 * const server = { name: "sinkd-server", form: "portable" } as const;
 * assert.deepEqual(tableWords(server, ["adduser", "alice"]), ["server", "adduser", "alice"]);
 * assert.deepEqual(tableWords(server, []), ["server"]);
 * assert.deepEqual(tableWords(server, ["status"]), ["status"]);
 * ```
 */
export function tableWords(
  product: Product,
  argv: readonly string[],
): readonly string[] {
  if (product.name !== "sinkd-server") return argv;
  const [first = "", ...rest] = argv;
  if (first === "help") {
    return rest.length === 0
      ? ["help"]
      : ["help", ...tableWords(product, rest)];
  }
  if (first === "--help" || first === "-h") return ["help"];
  const own = SERVER_OWN_WORDS.includes(first) || EVERYWHERE.includes(first);
  return own ? argv : ["server", ...argv];
}

/** A command of the table as the person at this executable types it, without the program's name. */
export function spokenWords(
  product: Product,
  words: readonly string[],
): readonly string[] {
  return product.name === "sinkd-server" && words[0] === "server"
    ? words.slice(1)
    : words;
}

/** `text` with commands written as the person at this executable types them. */
export function inWordsOf(product: Product, text: string): string {
  if (product.form === "checkout") return text;
  const split = text.replaceAll(/\bsinkd server\b/g, "sinkd-server");
  return product.name === "sinkd" ? split : split.replaceAll(
    /\bsinkd (?=(?:status|install|uninstall|COMMAND|--(?:help|version))\b)/g,
    "sinkd-server ",
  );
}
