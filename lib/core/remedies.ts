/**
 * What to do about a cause that the system told: one thing, in the imperative.
 *
 * @module
 */
import { errnoWords } from "./error_text.ts";

const ACCESS = "give this account access to it";
const SPACE = "free up space there";
const MOUNT = "mount or plug in its file system again";
const CHECK = "check that disk (the system's log tells more)";
const MEMORY = "end what uses up this machine's memory";
const ELSEWHERE = "exclude it, or move it to another file system";

/** By the name of the error in errno.h. */
const REMEDIES: Readonly<Record<string, string>> = {
  EROFS: "mount its file system for writing",
  EACCES: ACCESS,
  EPERM: ACCESS,
  ENOSPC: SPACE,
  EDQUOT: "free up space, or have the quota raised",
  EIO: CHECK,
  EUCLEAN: CHECK,
  ENODEV: MOUNT,
  ENXIO: MOUNT,
  ENOMEDIUM: MOUNT,
  ESTALE: MOUNT,
  ENOMEM: MEMORY,
  EAGAIN: MEMORY,
  ENFILE: "end what has too many files open",
  EMFILE: "raise the limit of open files (LimitNOFILE= in its unit)",
  EBUSY: "end what uses it",
  ETXTBSY: "end the program that runs from it",
  EFBIG: ELSEWHERE,
  EILSEQ: ELSEWHERE,
  EOPNOTSUPP: ELSEWHERE,
  ENAMETOOLONG: "give it a shorter name",
  ELOOP: "repair the symbolic links above it",
};

const BY_WORDS = Object.entries(REMEDIES).map(([name, remedy]) =>
  [errnoWords(name) ?? name, remedy] as const
);

/**
 * What to do about `cause`, as `errorText` words it; in general terms when it has none of the system's
 * words.
 */
export function remedyFor(cause: string): string {
  const last = BY_WORDS
    .map(([words, remedy]) => ({ at: cause.lastIndexOf(words), remedy }))
    .reduce((best, each) => each.at > best.at ? each : best, {
      at: -1,
      remedy: "fix the cause",
    });
  return last.remedy;
}
