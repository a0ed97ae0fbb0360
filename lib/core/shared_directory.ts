/**
 * Directories, and files of ours, that other accounts of the machine can write to, by rule. Whoever
 * may rename what is in a directory may put a link in its place between a look and a rename: then what
 * is written below it lands elsewhere, and what is read comes from elsewhere, with this account's
 * rights.
 *
 * @module
 */

/** A directory's owner, group and mode. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  /** With or without the bits of its kind. */
  readonly mode: number;
}

/** The account that this program runs as. */
export interface Account {
  readonly uid: number;
  /** Groups that nobody else is in. */
  readonly privateGroups: ReadonlySet<number>;
}

/** Who else may write to a directory. */
export type Others = "owner" | "group" | "everyone";

const ROOT_UID = 0;
const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;

/**
 * Who may write to a directory beside this account and root; `undefined` for nobody. Where access
 * lists are used, the group's bits show the most that any of them gives.
 *
 * @example
 * ```ts
 * import { othersIn } from "./shared_directory.ts";
 * import assert from "node:assert/strict";
 * const alice = { uid: 1000, privateGroups: new Set([1000]) };
 * assert.equal(othersIn({ uid: 1000, gid: 1000, mode: 0o775 }, alice), undefined);
 * assert.equal(othersIn({ uid: 1000, gid: 100, mode: 0o775 }, alice), "group");
 * assert.equal(othersIn({ uid: 1001, gid: 1001, mode: 0o755 }, alice), "owner");
 * ```
 */
export function othersIn(
  { uid, gid, mode }: Ownership,
  account: Account,
): Others | undefined {
  // Whoever owns it can give themselves the right to write.
  if (uid !== account.uid && uid !== ROOT_UID) return "owner";
  // Not even with the sticky bit: what is another's in there can still be exchanged.
  if ((mode & OTHERS_WRITE) !== 0) return "everyone";
  if ((mode & GROUP_WRITE) !== 0 && !account.privateGroups.has(gid)) {
    return "group";
  }
  return undefined;
}

/** What is wrong with a file or directory, reading on after its path, and what to do. */
export function othersWords(
  others: Others,
  { uid, gid }: Ownership,
  full: string,
): { readonly cause: string; readonly fix: string } {
  switch (others) {
    case "owner":
      return {
        cause: `belongs to another account (uid ${uid})`,
        fix: `take it: chown -R ${"$(id -un)"} ${full}`,
      };
    case "group":
      return {
        cause: `can be written to by its group (gid ${gid})`,
        fix: `chmod g-w ${full}`,
      };
    case "everyone":
      return {
        cause: "can be written to by everyone",
        fix: `chmod o-w ${full}`,
      };
  }
}

/** The same for a directory in an anchor. */
export function sharedWords(
  others: Others,
  ownership: Ownership,
  full: string,
): { readonly cause: string; readonly fix: string } {
  const { cause, fix } = othersWords(others, ownership, full);
  return {
    cause: `${cause}, which could lead what is synced there elsewhere`,
    fix:
      `${fix}; or, if you trust who can write there, set trust_writable_by_others = true for this anchor`,
  };
}

/**
 * Of the group `gid`, whether nobody but the account is in it, by the texts of `/etc/passwd` and
 * `/etc/group`: empty when somebody is. What those files do not tell counts as others'.
 *
 * @example
 * ```ts
 * import { privateGroups } from "./shared_directory.ts";
 * import assert from "node:assert/strict";
 * const passwd = "alice:x:1000:1000::/home/alice:/bin/sh\n";
 * assert.deepEqual([...privateGroups({ uid: 1000, gid: 1000 }, passwd, "alice:x:1000:\n")], [1000]);
 * assert.deepEqual([...privateGroups({ uid: 1000, gid: 1000 }, passwd, "alice:x:1000:bob\n")], []);
 * ```
 */
export function privateGroups(
  { uid, gid }: { readonly uid: number; readonly gid: number },
  passwd: string,
  group: string,
): ReadonlySet<number> {
  const accounts = fieldsOf(passwd);
  const names = new Set(
    accounts.filter(([, , id]) => id === `${uid}`).map(([name]) => name),
  );
  const groups = fieldsOf(group).filter(([, , id]) => id === `${gid}`);
  const isShared = accounts.some(([, , id, primary]) =>
    primary === `${gid}` && id !== `${uid}`
  );
  const isPrivate = groups.length > 0 && !isShared &&
    groups.every(([, , , members = ""]) =>
      members.split(",").every((name) => name === "" || names.has(name))
    );
  return new Set(isPrivate ? [gid] : []);
}

function fieldsOf(text: string): string[][] {
  return text.split("\n").filter((line) => line.includes(":"))
    .map((line) => line.trim().split(":"));
}
