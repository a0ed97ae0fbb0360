/**
 * One run of the command line: parse, run the command, turn an error into its sentence and exit code.
 *
 * @module
 */
import { parseArguments } from "./arguments.ts";
import { type Context, openContext } from "./context.ts";
import { EXIT, exitCodeOf, messageOf } from "./exit_codes.ts";
import { commandHelp, programHelp } from "./help.ts";
import { inWordsOf, tableWords } from "./product.ts";
import { serverRoot } from "./places.ts";
import type { Program } from "./spec.ts";
import { versionLine } from "./version_line.ts";

/** Runs `argv` in `surroundings`; never throws. Gives the exit code. */
export async function runCommandLine(
  argv: readonly string[],
  program: Program,
  surroundings: Context = openContext(),
): Promise<number> {
  const { product, commands } = program;
  const line = parseArguments(tableWords(product, argv), commands);
  const context: Context = {
    ...surroundings,
    say: (text) => surroundings.say(inWordsOf(product, text)),
  };
  switch (line.kind) {
    case "version":
      context.out(await versionLine(product));
      return EXIT.done;
    case "help":
      context.out(
        line.command === undefined
          ? programHelp(commands, (text) => inWordsOf(product, text))
          : inWordsOf(product, commandHelp(line.command)),
      );
      return EXIT.done;
    case "wrong":
      context.say(`sinkd: ${line.message}`);
      return EXIT.usage;
    case "run":
      try {
        const { command, given } = line;
        const run = () => command.run(given, context, program);
        if (command.role !== "accounts") return await run();
        const { onFullDisk } = await import("./on_full_disk.ts");
        return await onFullDisk(serverRoot(given, context.around), run);
      } catch (error) {
        context.say(`sinkd: ${messageOf(error)}`);
        return exitCodeOf(error);
      }
  }
}
