/**
 * Trees on disk as comparable values: kinds, bytes, modes, times and targets.
 *
 * @module
 */
import { isMissing } from "../../lib/io/files.ts";
import { createHash } from "node:crypto";

/** What is at one path; directories and links have no time of interest, and links no mode. */
export type Item =
  | {
    readonly kind: "file";
    readonly mode: number;
    readonly size: number;
    readonly mtimeMs: number;
    /** SHA-256 of the bytes, or empty when they were not read. */
    readonly hash: string;
  }
  | { readonly kind: "directory"; readonly mode: number }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "other" };

/** A tree by path, relative to its root. */
export type TreeView = ReadonlyMap<string, Item>;

const OWN_NAME = ".sinkd";
/** rsync's convention for links that must not be followed where they are stored. */
const MUNGED = "/rsyncd-munged/";
const MOST_SHOWN = 12;
const PIECE_BYTES = 1 << 20;

/** What is below `root`, without sinkd's own; `bytes` reads every file. */
export function treeOf(
  root: string,
  { bytes }: { readonly bytes: boolean } = { bytes: true },
): TreeView {
  const tree = new Map<string, Item>();
  collect(root, "", { bytes, tree });
  return tree;
}

function collect(
  root: string,
  below: string,
  into: { readonly bytes: boolean; readonly tree: Map<string, Item> },
): void {
  for (const name of namesIn(`${root}/${below}`)) {
    if (name === OWN_NAME) continue;
    const path = `${below}${name}`;
    const item = itemAt(`${root}/${path}`, into.bytes);
    if (item === undefined) continue;
    into.tree.set(path, item);
    if (item.kind === "directory") collect(root, `${path}/`, into);
  }
}

/** What is in a directory; nothing when it goes while it is looked at. */
function namesIn(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** What is at a path; `undefined` when it is gone, or has a name that Deno cannot say. */
export function itemAt(full: string, bytes = true): Item | undefined {
  try {
    const info = Deno.lstatSync(full);
    const mode = (info.mode ?? 0) & 0o777;
    if (info.isSymlink) {
      const target = Deno.readLinkSync(full);
      return { kind: "link", target };
    }
    if (info.isDirectory) return { kind: "directory", mode };
    if (!info.isFile) return { kind: "other" };
    return {
      kind: "file",
      mode,
      size: info.size,
      mtimeMs: info.mtime?.getTime() ?? 0,
      hash: bytes ? hashOf(full) : "",
    };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** SHA-256 of a file's bytes. */
export function hashOf(full: string): string {
  using file = Deno.openSync(full);
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE_BYTES);
  for (;;) {
    const count = file.readSync(piece);
    if (count === null) return hash.digest("hex");
    hash.update(piece.subarray(0, count));
  }
}

/** The tree as the server keeps it: its own modes, and links that lead nowhere. */
export function asStored(tree: TreeView): TreeView {
  const stored = new Map<string, Item>();
  for (const [path, item] of tree) {
    switch (item.kind) {
      case "file":
      case "directory":
        stored.set(path, { ...item, mode: 0 });
        break;
      case "link":
        stored.set(path, { ...item, target: item.target.replace(MUNGED, "") });
        break;
      case "other":
        break;
    }
  }
  return stored;
}

/** In which paths two trees differ, and how; the first dozen. */
export function differences(left: TreeView, right: TreeView): string[] {
  const found: string[] = [];
  for (const path of new Set([...left.keys(), ...right.keys()])) {
    const one = JSON.stringify(left.get(path)) ?? "nothing";
    const other = JSON.stringify(right.get(path)) ?? "nothing";
    if (one !== other) found.push(`${JSON.stringify(path)}: ${one} / ${other}`);
    if (found.length === MOST_SHOWN) break;
  }
  return found;
}

/** Paths of sinkd's own directories at or below `root`. */
export function ownDirectories(root: string): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(root)) {
    if (name === OWN_NAME) found.push(`${root}/${name}`);
    else if (isDirectory) found.push(...ownDirectories(`${root}/${name}`));
  }
  return found;
}
