/**
 * Patches of mutations: exact texts that must each be in exactly one place of the sources, so that a
 * mutation that no longer fits says so.
 *
 * @module
 */

/** One rule of sinkd, and how to break it. */
export interface Mutation {
  readonly name: string;
  /** What the broken program does, for people. */
  readonly breaks: string;
  /** The kind of schedules that is most likely to notice; all kinds when not given. */
  readonly kind?: string;
  readonly edits: readonly { readonly from: string; readonly to: string }[];
}

/** Sources by their path. */
export type Sources = ReadonlyMap<string, string>;

/** All TypeScript files below `root/directory`, by their path below `root`. */
export function readSources(root: string, directory: string): Sources {
  const found = new Map<string, string>();
  for (
    const { name, isDirectory } of Deno.readDirSync(`${root}/${directory}`)
  ) {
    const path = `${directory}/${name}`;
    if (isDirectory) {
      for (const [below, text] of readSources(root, path)) {
        found.set(below, text);
      }
    } else if (name.endsWith(".ts")) {
      found.set(path, Deno.readTextFileSync(`${root}/${path}`));
    }
  }
  return found;
}

/**
 * The files that a mutation changes, as they then are; throws when one of its texts is not there, or
 * is there twice.
 */
export function applyMutation(
  { name, edits }: Mutation,
  sources: Sources,
): Map<string, string> {
  const changed = new Map<string, string>();
  for (const { from, to } of edits) {
    const places = [...sources].flatMap(([path, original]) => {
      const text = changed.get(path) ?? original;
      const count = text.split(from).length - 1;
      return Array.from({ length: count }, () => path);
    });
    const [path, ...others] = places;
    if (path === undefined || others.length > 0) {
      throw new Error(
        `Cannot apply mutation '${name}': ${JSON.stringify(from)} is ${
          path === undefined ? "nowhere" : `in ${places.join(", ")}`
        }`,
      );
    }
    const text = changed.get(path) ?? sources.get(path) ?? "";
    changed.set(path, text.replace(from, () => to));
  }
  return changed;
}
