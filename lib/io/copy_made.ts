/**
 * Whether a conflict copy was made already: it is a second name of the file, until the first name
 * goes; a crash may come between.
 *
 * @module
 */
import type { RelativePath } from "../core/path.ts";
import { CONFLICT_MARK } from "../core/reconcile.ts";
import { lstatIfAny } from "./files.ts";

/** The conflict copy beside `path` below `root` that is the file at `full`, by whatever time it is named. */
export function copyMadeBefore(
  path: RelativePath,
  full: string,
  root: string,
): string | undefined {
  const file = lstatIfAny(full);
  if (file === undefined || file.nlink === 1) return undefined;
  const parent = path.slice(0, path.lastIndexOf("/") + 1);
  if (lstatIfAny(`${root}/${parent}`)?.isDirectory !== true) return undefined;
  return Array.from(
    Deno.readDirSync(`${root}/${parent}`),
    ({ name }) => `${parent}${name}`,
  ).find((other) => {
    if (!other.includes(CONFLICT_MARK) || other === path) return false;
    const found = lstatIfAny(`${root}/${other}`);
    return found?.ino === file.ino && found?.dev === file.dev;
  });
}
