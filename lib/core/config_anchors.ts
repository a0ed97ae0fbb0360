/**
 * Anchors as configured, and which of them cannot stand side by side.
 *
 * @module
 */
import { type ConfigSource, faultAt, placeText } from "./config_error.ts";
import { isWithin } from "./path.ts";

/** How rsync moves the bytes of an anchor. */
export interface RsyncSettings {
  readonly compress: boolean;
  /** In rsync's syntax (KiB/s when it has no letter); `undefined` is no limit. */
  readonly bwlimit: string | undefined;
  readonly partial: boolean;
  readonly checksum: boolean;
  /** Bytes; larger files are left out. */
  readonly maxSize: number | undefined;
  /** Bytes; smaller files are left out. */
  readonly minSize: number | undefined;
}

/** A directory, or one file, that is kept in step. */
export interface AnchorConfig {
  /** Absolute, without `.`, `..`, doubled or trailing `/`. */
  readonly path: string;
  readonly name: string | undefined;
  /** Patterns that {@linkcode parseExcludes} takes. */
  readonly excludes: readonly string[];
  /** Least time between two calls for the same path, in milliseconds; 0 is at once. */
  readonly intervalMs: number;
  /** `[rsync]` with the anchor's own `rsync_*` over it. */
  readonly rsync: RsyncSettings;
  /** True when whoever can write in the anchor, beside this account, may do all that this account may. */
  readonly trustsOthers: boolean;
  /** What `sinkd add` noted: one that was removed and added has another. */
  readonly added?: string;
}

/** An anchor and the file and line that it comes from. */
export interface Placed {
  readonly anchor: AnchorConfig;
  readonly source: ConfigSource;
  readonly index: number;
}

/** Where an anchor lives below its user's directory on the server. */
export function treePathOf(anchor: AnchorConfig): string {
  return anchor.name ?? anchor.path.slice(1);
}

/** Refuses anchors of which one holds the other, here or on the server. */
export function refuseClashes(placed: readonly Placed[]): void {
  for (const [index, later] of placed.entries()) {
    for (const earlier of placed.slice(0, index)) {
      const problem = clash(later, earlier);
      if (problem !== undefined) {
        throw faultAt({
          source: later.source,
          keys: ["anchors", later.index, problem.key],
        }, problem.text);
      }
    }
  }
}

function clash(
  later: Placed,
  earlier: Placed,
): { readonly key: string; readonly text: string } | undefined {
  const { path, name } = later.anchor;
  const other = `anchor '${earlier.anchor.path}' (${
    placeText({
      file: earlier.source.file,
      line: earlier.source.lineOf(["anchors", earlier.index, "path"]),
    })
  })`;
  if (isWithin(path, earlier.anchor.path)) {
    return {
      key: "path",
      text:
        `anchor '${path}' is inside ${other}, which carries it already; delete one of them`,
    };
  }
  if (isWithin(earlier.anchor.path, path)) {
    return {
      key: "path",
      text: `anchor '${path}' holds ${other}; delete one of them`,
    };
  }
  if (name !== undefined && name === earlier.anchor.name) {
    return {
      key: "name",
      text: `name '${name}' is that of ${other} too; choose another name`,
    };
  }
  const tree = treePathOf(later.anchor);
  const otherTree = treePathOf(earlier.anchor);
  if (isWithin(tree, otherTree) || isWithin(otherTree, tree)) {
    return {
      key: name === undefined ? "path" : "name",
      text:
        `anchor '${path}' would live at '${tree}' on the server, and ${other} at '${otherTree}'; choose another name`,
    };
  }
  return undefined;
}
