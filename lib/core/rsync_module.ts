/**
 * The configuration of rsync's daemon mode on pipes, as both calls on a client use it.
 *
 * @module
 */
import { MODULE, MODULE_ACCOUNT } from "./rsync.ts";

/**
 * Carries the module's path. A path cannot be quoted in rsync's configuration, which takes `%NAME%`,
 * backslashes, spaces at the ends and newlines for its own; what a reference gives is taken as it is.
 */
export const MODULE_VARIABLE = "SINKD_MODULE";
/** Longest path that rsync 3.2 surely puts in place of a reference. */
export const MAX_ROOT_BYTES = 2000;

/** Files of a call, in the working directory of its daemon. */
export const MODULE_FILES = {
  config: "rsyncd.conf",
  secrets: "secrets",
  rules: "rules",
} as const;

/** What a module allows. */
export interface ModuleRules {
  readonly access: "read" | "write";
  /** Asks for the password in the file of secrets. */
  readonly password: boolean;
  /** Only what the file of rules names passes. */
  readonly selective: boolean;
  /** As root, rsync would become `nobody`. */
  readonly asRoot: boolean;
}

/** The daemon's configuration with its one module. */
export function moduleText(rules: ModuleRules): string {
  const writing = rules.access === "write";
  return [
    "use chroot = no",
    "munge symlinks = yes",
    "reverse lookup = no",
    "log file = /dev/null",
    `[${MODULE}]`,
    `path = %${MODULE_VARIABLE}%`,
    `read only = ${writing ? "no" : "yes"}`,
    `write only = ${writing ? "yes" : "no"}`,
    "list = no",
    ...(rules.password
      ? [
        `auth users = ${MODULE_ACCOUNT}`,
        `secrets file = ${MODULE_FILES.secrets}`,
      ]
      : []),
    ...(rules.asRoot ? ["uid = 0", "gid = 0"] : []),
    ...(rules.selective
      ? [`include from = ${MODULE_FILES.rules}`, "exclude = *"]
      : []),
    "",
  ].join("\n");
}
