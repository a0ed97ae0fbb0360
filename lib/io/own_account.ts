/**
 * The account that this program runs as, and which of its groups nobody else is in.
 *
 * @module
 */
import {
  type Account,
  othersIn,
  othersWords,
  type Ownership,
  privateGroups,
} from "../core/shared_directory.ts";
import { isMissing } from "./files.ts";

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

/** Whose something is; `undefined` where the system does not tell. */
export function ownershipOf(
  { uid, gid, mode }: Deno.FileInfo,
): Ownership | undefined {
  return uid === null || gid === null || mode === null
    ? undefined
    : { uid, gid, mode };
}

/** What a user namespace (`PrivateUsers=` of systemd) shows in place of root's number, as of any other's. */
const UNMAPPED_UID = 65534;

/**
 * Why another account decides what is in a file or directory, and what to do; `undefined` when none
 * does. `isRoots`: where it lies only root makes anything.
 */
export function othersFault(
  full: string,
  { isRoots = false } = {},
): string | undefined {
  let ownership;
  try {
    ownership = ownershipOf(Deno.statSync(full));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  if (isRoots && ownership?.uid === UNMAPPED_UID) {
    ownership = { ...ownership, uid: 0 };
  }
  const others = ownership && othersIn(ownership, ownAccount());
  if (ownership === undefined || others === undefined) return undefined;
  const { cause, fix } = othersWords(others, ownership, full);
  return `it ${cause}; ${fix}`;
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
