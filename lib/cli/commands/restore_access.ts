/**
 * What a person needs to read a user's tree with plain rsync, where the server offers that.
 *
 * @module
 */
import { joinAddress, splitAddress } from "../../core/address.ts";
import { moduleFault } from "../../core/rsyncd_config.ts";
import { daemonAddress, openRestoreAccess } from "../../io/restore_access.ts";

const EVERYWHERE: readonly string[] = ["0.0.0.0", "::"];

/** URL and password of a user; `host` stands for a daemon that listens everywhere. */
export interface Restore {
  readonly url: string;
  readonly password: string;
  readonly file: string;
}

/** Opens the access of `user`; `undefined` when the server runs no rsync daemon or cannot name the user. */
export function restoreOf(
  root: string,
  user: string,
  host: string,
): Restore | undefined {
  const address = splitAddress(daemonAddress(root) ?? "");
  if (address === undefined || moduleFault(user) !== undefined) {
    return undefined;
  }
  const access = openRestoreAccess(root, user);
  if (access.kind === "none") return undefined;
  const reached = EVERYWHERE.includes(address.host) ? host : address.host;
  return {
    url: `rsync://${user}@${joinAddress(reached, address.port)}/${user}/`,
    password: access.password,
    file: access.file,
  };
}
