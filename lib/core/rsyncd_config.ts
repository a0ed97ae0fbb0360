/**
 * The configuration of the server's rsync daemon: one read-only module for each user.
 *
 * @module
 */
import { OWN_NAME } from "./path.ts";
import { MODULE_VARIABLE } from "./rsync_module.ts";
import { refuseAllBut, RESTORE_OPTIONS } from "./rsync_options.ts";

/** A user's name and password for rsync, inside of the user's directory. */
export const RESTORE_ACCESS = `${OWN_NAME}/restore-access`;

const MAX_CONNECTIONS = 16;
const IDLE_LIMIT_S = 600;

/** Files of the daemon, in its working directory: no path is written into its configuration. */
export const DAEMON_FILES = {
  config: "rsyncd.conf",
  modules: "modules",
  lock: "lock",
} as const;

/**
 * The daemon's own file; modules are read anew from `*.conf` in `modules` at each connection. As
 * `root` it confines itself to the module by chroot.
 */
export function daemonConfig(options: { readonly root: boolean }): string {
  return [
    `lock file = ${DAEMON_FILES.lock}`,
    `max connections = ${MAX_CONNECTIONS}`,
    `timeout = ${IDLE_LIMIT_S}`,
    "reverse lookup = no",
    "numeric ids = yes",
    "list = no",
    "read only = yes",
    "max verbosity = 1",
    `exclude = ${OWN_NAME}`,
    // Links are stored so that they lead nowhere; the reader gets them as they were.
    "munge symlinks = yes",
    // The setgid bit is the server's own.
    "outgoing chmod = Dg-s",
    refuseAllBut(RESTORE_OPTIONS),
    `use chroot = ${options.root ? "yes" : "no"}`,
    ...(options.root ? ["uid = 0", "gid = 0"] : []),
    `&include ${DAEMON_FILES.modules}`,
    "",
  ].join("\n");
}

/** One user's module; only that user's name and password open it. `user` has no {@linkcode moduleFault}. */
export function userModuleConfig(user: string): string {
  return [
    `[${user}]`,
    `path = %${MODULE_VARIABLE}%/${user}`,
    `auth users = ${user}`,
    `secrets file = %${MODULE_VARIABLE}%/${user}/${RESTORE_ACCESS}`,
    "",
  ].join("\n");
}

/**
 * Why rsync's configuration cannot name a user, or `undefined`: it takes other characters for lists,
 * patterns, groups and references.
 *
 * @example
 * ```ts
 * import { moduleFault } from "./rsyncd_config.ts";
 * import assert from "node:assert/strict";
 * assert.equal(moduleFault("alice"), undefined);
 * assert.ok(moduleFault("*"));
 * ```
 */
export function moduleFault(user: string): string | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(user)) {
    return "has something other than the letters a to z, digits, '.', '_' and '-'";
  }
  return user.toLowerCase() === "global" ? "means something else" : undefined;
}
