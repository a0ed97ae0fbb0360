/**
 * What a command is made of: its words, operands and options, as the parser, the help and the
 * permission flags read them.
 *
 * @module
 */
import type { Arguments } from "./arguments.ts";
import type { Context } from "./context.ts";
import type { Product } from "./product.ts";

/** What an option's value must be. */
export type OptionKind =
  | { readonly kind: "flag" }
  | { readonly kind: "text" }
  | { readonly kind: "path" }
  | { readonly kind: "list" }
  | { readonly kind: "count"; readonly min: number; readonly max: number }
  | { readonly kind: "address" }
  | { readonly kind: "quota" }
  | { readonly kind: "broker" };

/** One option; `value` names its value in the help. */
export type Option = OptionKind & {
  readonly name: string;
  readonly value?: string;
  readonly summary: string;
};

/** One operand; the last one may be optional. */
export interface Operand {
  readonly name: string;
  readonly required: boolean;
}

/** What a command touches; decides its Deno permission flags. */
export type Role =
  | "server"
  | "client"
  | "control"
  | "lifecycle"
  | "accounts"
  | "join"
  | "anchors";

/** An executable with its commands. */
export interface Program {
  readonly product: Product;
  readonly commands: readonly Command[];
}

/** One command of the table. `run` gives the exit code. */
export interface Command {
  readonly words: readonly string[];
  readonly role: Role | "install";
  readonly summary: string;
  readonly operands: readonly Operand[];
  readonly options: readonly Option[];
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
  readonly run: (
    given: Arguments,
    context: Context,
    program: Program,
  ) => Promise<number>;
}
