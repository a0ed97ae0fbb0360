/**
 * `approve`, `reject`, `pause`, `resume`, `rescan`: asked of the client that runs.
 *
 * @module
 */
import type { Arguments } from "../arguments.ts";
import { absolute, type Context } from "../context.ts";
import { ask, printReply } from "./ask.ts";

/** The commands that may name a path. */
export type PathCommand = "approve" | "reject" | "pause" | "resume" | "rescan";

/** Sends the command; the path goes out absolute. */
export async function onPath(
  command: PathCommand,
  given: Arguments,
  context: Context,
): Promise<number> {
  const [path] = given.operands;
  const request = path === undefined
    ? { command }
    : { command, path: absolute(path, context.around) };
  const { reply } = await ask(given, context.around, request);
  return printReply(reply, context);
}
