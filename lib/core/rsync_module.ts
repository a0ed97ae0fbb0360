/**
 * The configuration of rsync's daemon mode on pipes, as both calls on a client use it.
 *
 * @module
 */
import { MODULE, MODULE_ACCOUNT } from "./rsync.ts";
import {
  EDITS_OPTIONS,
  LINKS_OPTIONS,
  refuseAllBut,
  UPDATE_OPTIONS,
} from "./rsync_options.ts";

/**
 * Carries the module's path. A path cannot be quoted in rsync's configuration, which takes `%NAME%`,
 * backslashes, spaces at the ends and newlines for its own; what a reference gives is taken as it is.
 */
export const MODULE_VARIABLE = "SINKD_MODULE";

/** Files of a call, in the working directory of its daemon. */
export const MODULE_FILES = {
  config: "rsyncd.conf",
  secrets: "secrets",
  rules: "rules",
} as const;

/** What a module allows. */
export interface ModuleRules {
  /** `edits` and `links` are read, `update` is written. */
  readonly serves: "edits" | "update" | "links";
  /** Asks for the password in the file of secrets. */
  readonly password: boolean;
  /** Only what the file of rules names passes. */
  readonly selective: boolean;
  /** As root, rsync would become `nobody`. */
  readonly asRoot: boolean;
}

const OPTIONS = {
  edits: EDITS_OPTIONS,
  update: UPDATE_OPTIONS,
  links: LINKS_OPTIONS,
};

/** The daemon's configuration with its one module. */
export function moduleText(rules: ModuleRules): string {
  const writing = rules.serves === "update";
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
    refuseAllBut(OPTIONS[rules.serves]),
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

/**
 * A pattern of rsync's that matches just one name, in a file with a pattern on each line. rsync takes
 * backslashes for themselves in a pattern without wildcards, and for its own in one with: so what is
 * special goes into a class, which is a wildcard. What would end the line has a class with other
 * control characters only.
 *
 * @example
 * ```ts
 * import { literalPattern } from "./rsync_module.ts";
 * import assert from "node:assert/strict";
 * assert.equal(literalPattern("a[1].txt"), "a[[]1].txt");
 * ```
 */
export function literalPattern(name: string): string {
  return name.replace(/[\n\r]|[*?[\\]/g, (special) => {
    if (special === "\n" || special === "\r") return "[[:cntrl:]]";
    return special === "\\" ? "[\\\\]" : `[${special}]`;
  });
}
