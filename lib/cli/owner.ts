/**
 * Whose the server's root directory is. What root does in a directory of another account is done as
 * that account, since files of root in it would shut the server out.
 *
 * @module
 */
import { UsageError } from "../core/fault.ts";
import { parseArguments } from "./arguments.ts";
import type { Surroundings } from "./context.ts";
import { serverRoot } from "./places.ts";
import type { Command } from "./spec.ts";

/** An account by its numbers. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The account to become for a command line about accounts; `undefined` when it is ours, or not root. */
export function accountToBecome(
  argv: readonly string[],
  commands: readonly Command[],
  around: Surroundings,
): Account | undefined {
  const line = parseArguments(argv, commands);
  return line.kind === "run" && line.command.role === "accounts"
    ? otherOwner(serverRoot(line.given, around), around)
    : undefined;
}

/** The first word for a launcher, which says whom to become; none where that is nobody else. */
export function accountWords(account: Account | undefined): string[] {
  return account === undefined ? [] : [`--as=${account.uid}:${account.gid}`];
}

/** Throws when root would run a server in a directory of another account. */
export function checkRootOwner(root: string, around: Surroundings): void {
  const owner = otherOwner(root, around);
  if (owner === undefined) return;
  throw new UsageError(
    `Cannot run the server as root: ${root} belongs to the account with number ${owner.uid}, whose files root's would mix with; start its service with 'systemctl start sinkd-server', or run this as that account`,
  );
}

function otherOwner(root: string, around: Surroundings): Account | undefined {
  if (around.uid !== 0) return undefined;
  try {
    const { uid, gid } = Deno.statSync(root);
    return uid === null || gid === null || uid === 0 ? undefined : { uid, gid };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
