/**
 * `sinkd server quota NAME [SIZE] [FILES]`: what one user may have.
 *
 * @module
 */
import { UsageError } from "../../core/fault.ts";
import { parseQuota, type Quota } from "../../core/quota.ts";
import { assertServerRoot } from "../../io/server_root.ts";
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { serverRoot } from "../places.ts";
import { plain } from "../../core/plain_text.ts";
import { hasText, openUser } from "./accounts.ts";

/** See the module. */
export async function quota(
  given: Arguments,
  context: Context,
): Promise<number> {
  const root = serverRoot(given, context.around);
  const [user = "", size, files] = given.operands;
  const wanted = size === undefined ? undefined : wantedQuota(size, files);
  await assertServerRoot(root);
  {
    using accounts = openUser(root, user);
    if (wanted !== undefined) accounts.setQuota(wanted.quota);
  }
  context.out(`${plain(user)} has ${hasText(root, user)}.\n`);
  return EXIT.done;
}

/** What is to be set; without a quota, the server's default. */
function wantedQuota(
  size: string,
  files: string | undefined,
): { readonly quota: Quota | undefined } {
  if (size === "default" && files === undefined) return { quota: undefined };
  const quota = parseQuota(files === undefined ? size : `${size},${files}`);
  if (quota !== undefined) return { quota };
  const given = [size, files ?? ""].join(" ").trim();
  throw new UsageError(
    `Cannot set the quota '${given}': write it as SIZE FILES, such as '10G 100k', or 'none', or 'default'`,
  );
}
