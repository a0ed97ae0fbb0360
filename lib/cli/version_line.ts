/**
 * What `--version` says: the program, how it was made, and what it stands on.
 *
 * @module
 */
import { rsyncVersion } from "../io/rsync_version.ts";
import { VERSION } from "../version.ts";
import type { Product } from "./product.ts";

/** One line; an rsync that cannot be used is said in its place. */
export async function versionLine(product: Product): Promise<string> {
  const rsync = await rsyncVersion() ?? "not found";
  return `${product.name} ${VERSION} (${product.form}, deno ${Deno.version.deno}, rsync ${rsync})\n`;
}
