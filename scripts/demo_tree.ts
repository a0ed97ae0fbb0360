/**
 * Trees of the demo: what is in one, whether two are equal, and where they differ.
 *
 * @module
 */

import { isMissing } from "../lib/io/files.ts";

/** Each path of a tree, to a line that says all that sinkd carries of it but the bytes. */
export type Listing = ReadonlyMap<string, string>;

/** Lists a tree: kind, mode, and of a file size and mtime (ms), of a link its target. */
export function listTree(root: string): Listing {
  const listing = new Map<string, string>();
  listBelow(root, "", listing);
  return listing;
}

function listBelow(
  root: string,
  below: string,
  listing: Map<string, string>,
): void {
  for (const { name } of Deno.readDirSync(`${root}/${below}`)) {
    if (name === ".sinkd") continue;
    const path = `${below}${name}`;
    const full = `${root}/${path}`;
    const info = Deno.lstatSync(full);
    const mode = ((info.mode ?? 0) & 0o777).toString(8);
    if (info.isSymlink) {
      listing.set(path, `link to ${Deno.readLinkSync(full)}`);
    } else if (info.isDirectory) {
      listing.set(path, `directory ${mode}`);
      listBelow(root, `${path}/`, listing);
    } else {
      const mtimeMs = info.mtime?.getTime() ?? 0;
      listing.set(path, `file ${mode} ${info.size} bytes ${mtimeMs}`);
    }
  }
}

/** As {@linkcode listTree}; `undefined` when the tree changes while it is listed. */
export function tryListTree(root: string): Listing | undefined {
  try {
    return listTree(root);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Where two listings differ, one line each. */
export function differences(left: Listing, right: Listing): string[] {
  const paths = new Set([...left.keys(), ...right.keys()]);
  return [...paths].sort().flatMap((path) => {
    const [one, other] = [left.get(path), right.get(path)];
    if (one === other) return [];
    return [
      `${JSON.stringify(path)}: ${one ?? "absent"} | ${other ?? "absent"}`,
    ];
  });
}

/** Files of `listing` whose bytes differ below the two roots. */
export function differentBytes(
  listing: Listing,
  roots: readonly [string, string],
): string[] {
  return [...listing].filter(([, what]) => what.startsWith("file "))
    .map(([path]) => path)
    .filter((path) =>
      !sameBytes(
        Deno.readFileSync(`${roots[0]}/${path}`),
        Deno.readFileSync(`${roots[1]}/${path}`),
      )
    );
}

/** Equal length and bytes. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length &&
    left.every((byte, index) => byte === right[index]);
}
