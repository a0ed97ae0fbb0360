/**
 * What broken transfers left in staging directories: counted, trimmed to what is still waited for, and
 * removed, oldest first, when its space is needed.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { OWN_NAME } from "../core/path.ts";
import { diskBytes, lstatIfAny } from "./files.ts";

/** A staging directory that no transfer uses now. */
export interface Leftover {
  readonly directory: string;
  readonly device: number;
  /** What it takes of the disk. */
  readonly bytes: number;
  /** When something in it last changed, in milliseconds since 1970. */
  readonly changedMs: number;
}

/** Counts what lies in a staging directory; `undefined` when nothing does. */
export function leftoverAt(directory: string): Leftover | undefined {
  const info = lstatIfAny(directory);
  if (info?.isDirectory !== true) return undefined;
  let bytes = 0;
  let changedMs = info.ctime?.getTime() ?? 0;
  for (const file of filesBelow(directory)) {
    const found = lstatIfAny(`${directory}/${file}`);
    bytes += diskBytes(`${directory}/${file}`);
    changedMs = Math.max(changedMs, found?.ctime?.getTime() ?? 0);
  }
  return { directory, device: info.dev, bytes, changedMs };
}

/** Removes the oldest on a device until `bytes` are freed; gives how many were. */
export function dropOldest(
  leftovers: readonly Leftover[],
  { device, bytes }: { readonly device: number; readonly bytes: number },
): number {
  const there = leftovers.filter((left) =>
    left.device === device && left.bytes > 0
  ).toSorted((one, other) => one.changedMs - other.changedMs);
  let freed = 0;
  for (const left of there) {
    if (freed >= bytes) break;
    Deno.removeSync(left.directory, { recursive: true });
    freed += left.bytes;
  }
  return freed;
}

/**
 * Removes what a broken transfer left of other files than `wanted`, and rsync's temporary files, of
 * which no later call makes use.
 */
export function trimStage(
  directory: string,
  wanted: ReadonlySet<string>,
): void {
  if (lstatIfAny(directory)?.isDirectory !== true) return;
  for (const file of filesBelow(directory)) {
    if (!wanted.has(meantBy(file))) Deno.removeSync(`${directory}/${file}`);
  }
}

/**
 * Makes of the whole files that a broken transfer left what rsync builds on. It takes one of the right
 * size and time for the file that it is to fetch, but the source may have changed while it was read,
 * within the step of its clock, and no check came after.
 */
export function distrustStage(directory: string): void {
  for (const file of filesBelow(directory)) {
    if (meantBy(file) !== file) continue;
    const full = `${directory}/${file}`;
    if (lstatIfAny(full)?.isFile !== true) {
      Deno.removeSync(full);
      continue;
    }
    const partials = `${dirname(full)}/${OWN_NAME}`;
    Deno.mkdirSync(partials, { recursive: true, mode: 0o700 });
    Deno.renameSync(full, `${partials}/${basename(full)}`);
  }
}

/** The path that a staged or partial file is to become. */
function meantBy(file: string): string {
  const slash = file.lastIndexOf("/");
  const parent = slash < 0 ? "" : file.slice(0, slash);
  const name = file.slice(slash + 1);
  if (parent === OWN_NAME) return name;
  return parent.endsWith(`/${OWN_NAME}`)
    ? `${parent.slice(0, -OWN_NAME.length)}${name}`
    : file;
}

function filesBelow(directory: string, below = ""): string[] {
  return [...Deno.readDirSync(`${directory}/${below}`)].flatMap((item) =>
    item.isDirectory
      ? filesBelow(directory, `${below}${item.name}/`)
      : [`${below}${item.name}`]
  );
}
