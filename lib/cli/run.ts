/**
 * One run of the command line: parse, run the command, turn an error into its sentence and exit code.
 *
 * @module
 */
import { VERSION } from "../version.ts";
import { parseArguments } from "./arguments.ts";
import { type Context, openContext } from "./context.ts";
import { EXIT, exitCodeOf, messageOf } from "./exit_codes.ts";
import { commandHelp, programHelp } from "./help.ts";
import { COMMANDS } from "./table.ts";

/** Runs `argv` in `context`; never throws. Gives the exit code. */
export async function runCommandLine(
  argv: readonly string[],
  context: Context = openContext(),
): Promise<number> {
  const line = parseArguments(argv, COMMANDS);
  switch (line.kind) {
    case "version":
      context.out(`sinkd ${VERSION} (deno ${Deno.version.deno})\n`);
      return EXIT.done;
    case "help":
      context.out(
        line.command === undefined
          ? programHelp(COMMANDS)
          : commandHelp(line.command),
      );
      return EXIT.done;
    case "wrong":
      context.say(`sinkd: ${line.message}`);
      return EXIT.usage;
    case "run":
      try {
        return await line.command.run(line.given, context);
      } catch (error) {
        context.say(`sinkd: ${messageOf(error)}`);
        return exitCodeOf(error);
      }
  }
}
