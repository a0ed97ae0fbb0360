/**
 * `sinkd server adopt NAME`: a person says that the directory here is to be used, though another
 * server had a newer one.
 *
 * @module
 */
import { UsageError } from "../../core/fault.ts";
import { Accounts } from "../../io/accounts.ts";
import { readTenure, writeTenure } from "../../io/tenure_file.ts";
import { assertServerRoot } from "../../io/server_root.ts";
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { serverRoot } from "../places.ts";
import { plain } from "../../core/plain_text.ts";
import { tryAskServer } from "./ask.ts";

/** See the module. The lease still counts: nobody is taken from a server that serves. */
export async function adopt(
  given: Arguments,
  context: Context,
): Promise<number> {
  const root = serverRoot(given, context.around);
  const user = given.operands[0] ?? "";
  await assertServerRoot(root);
  {
    using accounts = Accounts.open(root, user);
    if (accounts === undefined) {
      throw new UsageError(
        `There is no user '${user}' in ${root}; 'sinkd server users' lists them`,
      );
    }
  }
  const directory = `${root}/${user}`;
  writeTenure(directory, { ...readTenure(directory), adopted: true });
  const running = await tryAskServer(given, context.around, {
    command: "reload",
  });
  context.out(
    `${plain(user)} is served from ${plain(directory)} ${
      running === undefined ? "when the server starts" : "from now on"
    }, unless another server has it; clients compare in full, nothing is deleted.\n`,
  );
  return EXIT.done;
}
