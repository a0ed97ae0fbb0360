/**
 * What a directory holds: what syncs, and what stays here whatever becomes of the directory elsewhere.
 *
 * @module
 */
import type { Entry } from "../core/entry.ts";
import { OWN_NAME, type RelativePath } from "../core/path.ts";
import type { Holdings } from "../ports.ts";
import { lookAt } from "./look.ts";

/** Looks at each name in a directory; one that cannot be listed holds what is not known, and keeps it. */
export function holdingsOf(
  { root, passesOver }: {
    readonly root: string;
    readonly passesOver: (
      path: RelativePath,
      entry: Entry | undefined,
    ) => boolean;
  },
  directory: RelativePath,
): Holdings {
  const carried: RelativePath[] = [];
  const kept: RelativePath[] = [];
  let names: string[];
  try {
    names = [...Deno.readDirSync(`${root}/${directory}`)].map(({ name }) =>
      name
    );
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      return { carried, kept: [directory] };
    }
    const gone = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (gone) return { carried, kept };
    throw error;
  }
  for (const name of names) {
    const path = `${directory}/${name}` as RelativePath;
    const look = lookAt(`${root}/${path}`, path);
    const syncs = name !== OWN_NAME && look.kind === "found" &&
      !passesOver(path, look.found.entry);
    (syncs ? carried : kept).push(path);
  }
  return { carried, kept };
}
