/**
 * Adopting: makes a journal say what really lies in a user's tree, after its database was lost,
 * damaged, or brought back from a backup.
 *
 * @module
 */
import { type Entry, MODE_MASK, sameContent } from "../core/entry.ts";
import { MUNGED_PREFIX, OWN_NAME, pathFault } from "../core/path.ts";

/** Everything in a tree, by path; directories that cannot be listed throw. */
export function readTree(directory: string): Map<string, Entry> {
  const found = new Map<string, Entry>();
  const open = [""];
  for (let below = open.pop(); below !== undefined; below = open.pop()) {
    for (const { name } of Deno.readDirSync(`${directory}/${below}`)) {
      const path = `${below}${name}`;
      if (name === OWN_NAME || pathFault(path) !== undefined) continue;
      const entry = entryOf(`${directory}/${path}`);
      if (entry === undefined) continue;
      found.set(path, entry);
      if (entry.kind === "directory") open.push(`${path}/`);
    }
  }
  return found;
}

/**
 * What to change in the record so that it tells what is on the disk: an absent entry is a deletion.
 * Where content agrees the record's mode stays, for it is the true one.
 */
export function differences(
  recorded: ReadonlyMap<string, Entry>,
  onDisk: ReadonlyMap<string, Entry>,
): Map<string, Entry | undefined> {
  const changes = new Map<string, Entry | undefined>();
  for (const [path, entry] of onDisk) {
    const known = recorded.get(path);
    if (known === undefined || !sameContent(known, entry)) {
      changes.set(path, entry);
    }
  }
  for (const path of recorded.keys()) {
    if (!onDisk.has(path)) changes.set(path, undefined);
  }
  return changes;
}

function entryOf(full: string): Entry | undefined {
  const info = Deno.lstatSync(full);
  const mode = (info.mode ?? 0) & MODE_MASK;
  if (info.isDirectory) return { kind: "directory", mode };
  if (info.isSymlink) {
    const target = Deno.readLinkSync(full);
    const isMunged = target.startsWith(MUNGED_PREFIX);
    return {
      kind: "link",
      target: isMunged ? target.slice(MUNGED_PREFIX.length) : target,
    };
  }
  if (!info.isFile) return undefined;
  return {
    kind: "file",
    size: info.size,
    mtimeMs: info.mtime?.getTime() ?? 0,
    mode,
  };
}
