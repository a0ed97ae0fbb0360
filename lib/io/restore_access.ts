/**
 * Who may read from the server's rsync daemon: its files below `<root>/.sinkd/rsyncd/`, and one
 * password for each user in `<root>/<user>/.sinkd/restore-access`. rsync needs it as plain text.
 *
 * @module
 */
import {
  DAEMON_FILES,
  daemonConfig,
  moduleFault,
  RESTORE_ACCESS,
  userModuleConfig,
} from "../core/rsyncd_config.ts";
import { removeIfAny, removeTree } from "./files.ts";
import { replaceFile } from "./replace_file.ts";
import { makeSecret } from "./secret_hash.ts";
import { serverOwnDirectory } from "./server_root.ts";

/** A user's password, or why there is none. */
export type RestoreAccess =
  | { readonly kind: "open"; readonly password: string; readonly file: string }
  | { readonly kind: "none"; readonly reason: string };

/** Writes the daemon's configuration for an `address` (`host:port`); gives its working directory. */
export async function prepareDaemon(
  root: string,
  address: string,
): Promise<string> {
  const directory = directoryOf(root);
  await removeTree(directory);
  Deno.mkdirSync(modulesOf(root), { recursive: true, mode: 0o700 });
  replaceFile(
    `${directory}/${DAEMON_FILES.config}`,
    daemonConfig({ root: Deno.uid() === 0 }),
  );
  replaceFile(addressFile(root), `${address}\n`);
  return directory;
}

/** Removes what a daemon left that is not wanted any more; passwords stay. */
export async function removeDaemon(root: string): Promise<void> {
  await removeTree(directoryOf(root));
}

/** Where the daemon listens, `host:port`; `undefined` when the server runs none. */
export function daemonAddress(root: string): string | undefined {
  return readIfAny(addressFile(root))?.trim();
}

/** Lets a user read: writes the module, and a password when there is none yet. */
export function openRestoreAccess(root: string, user: string): RestoreAccess {
  const fault = moduleFault(user);
  if (fault !== undefined) {
    return { kind: "none", reason: `the name ${user} ${fault}` };
  }
  const file = `${root}/${user}/${RESTORE_ACCESS}`;
  const known = readIfAny(file)?.trim().split(":")[1] ?? "";
  const password = known === "" ? makeSecret() : known;
  if (known === "") replaceFile(file, `${user}:${password}\n`);
  Deno.chmodSync(file, 0o600);
  replaceFile(moduleFile(root, user), userModuleConfig(user));
  return { kind: "open", password, file };
}

/** Takes a user's module away, and the password with it. */
export function closeRestoreAccess(root: string, user: string): void {
  if (moduleFault(user) !== undefined) return;
  removeIfAny(moduleFile(root, user));
  removeIfAny(`${root}/${user}/${RESTORE_ACCESS}`);
}

function directoryOf(root: string): string {
  return `${serverOwnDirectory(root)}/rsyncd`;
}

function modulesOf(root: string): string {
  return `${directoryOf(root)}/${DAEMON_FILES.modules}`;
}

function moduleFile(root: string, user: string): string {
  return `${modulesOf(root)}/${user}.conf`;
}

function addressFile(root: string): string {
  return `${directoryOf(root)}/address`;
}

function readIfAny(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
