/**
 * The account that this program runs as, and which of its groups nobody else is in.
 *
 * @module
 */
import { type Account, privateGroups } from "../core/shared_directory.ts";

/** Where the machine's own accounts and groups are listed. */
export const ACCOUNT_LISTS: readonly string[] = ["/etc/passwd", "/etc/group"];

/**
 * This process's account, with `gid`, its own group by default, among the private ones if it is; where
 * the lists cannot be read, each group counts as others'.
 */
export function ownAccount(gid: number = Deno.gid() ?? 0): Account {
  const uid = Deno.uid() ?? 0;
  const [passwd = "", group = ""] = ACCOUNT_LISTS.map(readIfAny);
  return { uid, privateGroups: privateGroups({ uid, gid }, passwd, group) };
}

function readIfAny(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.PermissionDenied
    ) return "";
    throw error;
  }
}
