/**
 * Why a step of a commit could not be done, in the user's words, and what helps.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import type { LeftPath } from "../ports.ts";
import { codeOf } from "./files.ts";

type Fault = Omit<LeftPath, "path">;

const BY_CODE: Readonly<Record<string, Fault>> = {
  EROFS: {
    reason: "its file system is mounted read-only",
    fix: "mount it for writing; sinkd then goes on by itself",
    lasting: true,
  },
  EBUSY: {
    reason: "a file system is mounted just there",
    fix: "unmount it, or exclude the path; sinkd then goes on by itself",
    lasting: true,
  },
  EACCES: {
    reason: "permission denied",
    fix: "give this account access to it and to its directory",
    lasting: true,
  },
  EPERM: {
    reason: "the system does not allow it",
    fix:
      "it is immutable (lsattr), or another's in a directory with the sticky bit: give this account access",
    lasting: true,
  },
  EXDEV: {
    reason: "it is on another file system than its directory",
    fix: "exclude the path, or move it to the file system of its directory",
    lasting: true,
  },
  ENAMETOOLONG: {
    reason: "its name is too long for this file system",
    fix: "rename it on the machine that it comes from",
    lasting: true,
  },
};

/** The reason and the fix for an error of a step; `lasting` when another try would only fail as well. */
export function stepFault(error: unknown): Fault {
  const code = codeOf(error);
  const known = typeof code === "string" ? BY_CODE[code] : undefined;
  if (known !== undefined) return known;
  return { reason: errorText(error) };
}
