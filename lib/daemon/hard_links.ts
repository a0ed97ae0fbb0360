/**
 * Second names of files: what is written through one name makes an event under that name alone, so
 * the others that are known, in any anchor of the client, are looked at as well.
 *
 * @module
 */
import type { RelativePath } from "../core/path.ts";
import { lstatIfAny } from "../io/files.ts";

/** A file that has several names. */
export interface LinkedFile {
  readonly device: number;
  readonly inode: number;
}

/** The files among `paths` below `root` that have other names. */
export function linkedFiles(
  root: string,
  paths: Iterable<RelativePath>,
): LinkedFile[] {
  return [...paths].flatMap((path) => {
    const info = look(`${root}/${path}`);
    if (info?.isFile !== true || (info.nlink ?? 1) < 2) return [];
    return [{ device: info.dev, inode: info.ino ?? 0 }];
  });
}

/** The paths below `root` that are names of these files now; `known` gives those on record. */
export function namesOf(
  files: readonly LinkedFile[],
  { root, known }: {
    root: string;
    known: (inode: number) => readonly RelativePath[];
  },
): RelativePath[] {
  return files.flatMap(({ device, inode }) =>
    known(inode).filter((path) => {
      const info = look(`${root}/${path}`);
      return info?.ino === inode && info.dev === device;
    })
  );
}

/** What cannot be looked at is told of elsewhere. */
function look(full: string): Deno.FileInfo | undefined {
  try {
    return lstatIfAny(full);
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
