/**
 * Versions set aside: what a commit replaced or deleted on a client stays for a few seconds, in case
 * a program still writes to it; then it goes, or becomes a conflict copy.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { type Found, sameContent, sameFound } from "../core/entry.ts";
import {
  joinPath,
  nameOf,
  OWN_NAME,
  parentOf,
  type RelativePath,
  relativePath,
} from "../core/path.ts";
import { copyMadeBefore } from "./copy_made.ts";
import { type FileAreas, isOwnPlace } from "./file_areas.ts";
import {
  blockedAt,
  inWritableParent,
  lstatIfAny,
  makeParents,
  moveIfFree,
  removeIfEmpty,
  removeTree,
} from "./files.ts";
import { lookAt } from "./look.ts";

/** Seconds that something set aside is kept before it is looked at once more. */
export const ASIDE_MS = 3000;
const ASIDE = "aside";

/** What {@linkcode Asides} work with. */
export interface AsidesOptions {
  readonly root: string;
  readonly copyName: (path: RelativePath) => string;
  /** Milliseconds of a clock that does not jump. */
  readonly nowMs: () => number;
  readonly areas: FileAreas;
}

interface Aside {
  readonly path: RelativePath;
  readonly full: string;
  /** As it lay aside at once. */
  readonly kept: Found;
  readonly sinceMs: number;
}

/** What is set aside in one anchor. */
export class Asides {
  readonly #options: AsidesOptions;
  #kept: Aside[] = [];
  /** Inodes that a crash left at their paths with a second name here. */
  #linked = new Map<RelativePath, number>();

  constructor(options: AsidesOptions) {
    this.#options = options;
  }

  /**
   * Where the version at `path` is to be set aside: the commit saw `saw` there, which the place tells
   * by its name, so that a start after a crash knows what was written since.
   */
  place(path: RelativePath, saw: Found): string {
    const own = this.#options.areas.own(path);
    for (let number = 1;; number++) {
      const place = `${own}/${ASIDE}/${pictureOf(saw)}.${number}`;
      const full = `${place}/${path}`;
      if (lstatIfAny(full) !== undefined || blockedAt(place, path)) continue;
      makeParents(full, 0o700);
      return full;
    }
  }

  /**
   * Takes charge of what now lies at `full`: the commit saw `saw` there. Gives the conflict copy
   * that it became at once when it is something else.
   */
  keep(path: RelativePath, full: string, saw: Found): string | undefined {
    const look = lookAt(full, path);
    if (look.kind === "found" && !isSameFile(look.found, saw)) {
      return this.#surface(path, full);
    }
    const kept = look.kind === "found" ? look.found : saw;
    this.#kept.push({ path, full, kept, sinceMs: this.#options.nowMs() });
    return undefined;
  }

  /** When something is to be looked at again, by the clock of `nowMs`. */
  dueMs(): number | undefined {
    const first = this.#kept[0];
    return first === undefined ? undefined : first.sinceMs + ASIDE_MS;
  }

  /** Drops what stayed as it was; gives the conflict copies that the rest became. */
  async release(): Promise<string[]> {
    const { nowMs } = this.#options;
    const copies: string[] = [];
    const due = this.#kept.filter(({ sinceMs }) =>
      sinceMs + ASIDE_MS <= nowMs()
    );
    const gone = new Set<Aside>();
    try {
      for (const aside of due) {
        const { path, full, kept } = aside;
        const look = lookAt(full, path);
        const isSame = look.kind === "found" && sameFound(look.found, kept);
        if (isSame) await removeTree(full);
        else if (look.kind !== "absent") copies.push(this.#surface(path, full));
        gone.add(aside);
      }
    } finally {
      this.#kept = this.#kept.filter((aside) => !gone.has(aside));
    }
    this.tidy();
    return copies;
  }

  /** At a start: what a crash left here goes, but for what is not as the commit saw it. */
  async recover(): Promise<string[]> {
    const { root, areas } = this.#options;
    this.#linked = new Map();
    this.#kept = [];
    const copies = await this.#recoverIn(`${root}/${OWN_NAME}`);
    for (const area of areas.list()) {
      copies.push(...await this.recoverArea(area));
    }
    return copies;
  }

  /** The same for one other file system in the anchor, before anything is set aside there. */
  recoverArea(area: RelativePath): Promise<string[]> {
    return this.#recoverIn(this.#options.areas.ownIn(area));
  }

  async #recoverIn(own: string): Promise<string[]> {
    const { root } = this.#options;
    const copies: string[] = [];
    if (!isOwnPlace(own)) return copies;
    for (const place of listNames(`${own}/${ASIDE}`)) {
      for (const name of listFiles(`${own}/${ASIDE}/${place}`)) {
        const path = name as RelativePath;
        const full = `${own}/${ASIDE}/${place}/${path}`;
        const look = lookAt(full, path);
        if (look.kind === "found") {
          const { inode } = look.found;
          const isLinked = lstatIfAny(`${root}/${path}`)?.ino === inode;
          if (isLinked) this.#linked.set(path, inode);
          // What still has its own name needs no other.
          if (isLinked || place.startsWith(`${pictureOf(look.found)}.`)) {
            continue;
          }
        }
        if (look.kind !== "absent") copies.push(this.#surface(path, full));
      }
    }
    await removeTree(`${own}/${ASIDE}`);
    tidyUp(own);
    return copies;
  }

  /**
   * True when a crash came just after this file was set aside by a second name: what a commit saw
   * there was compared by then, and that name, made and removed, gave it another ctime. Tells it once.
   */
  wasLinked(path: RelativePath, inode: number): boolean {
    const linked = this.#linked.get(path) === inode;
    this.#linked.delete(path);
    return linked;
  }

  /** Makes a conflict copy of what lies at `full`. */
  #surface(path: RelativePath, full: string): string {
    const { root, copyName } = this.#options;
    const home = homeOf(root, path);
    const made = copyMadeBefore(home, full, root);
    if (made !== undefined) {
      Deno.removeSync(full);
      tidyUp(dirname(full));
      return made;
    }
    for (;;) {
      const copy = copyName(home);
      makeParents(`${root}/${copy}`, 0o755);
      if (lstatIfAny(full)?.isDirectory === true) {
        inWritableParent(
          `${root}/${copy}`,
          () => Deno.renameSync(full, `${root}/${copy}`),
        );
        tidyUp(dirname(full));
        return copy;
      }
      if (
        inWritableParent(
          `${root}/${copy}`,
          () => moveIfFree(full, `${root}/${copy}`),
        )
      ) {
        tidyUp(dirname(full));
        return copy;
      }
    }
  }

  /** Removes the directories of what was set aside, as far as they are empty. */
  tidy(): void {
    const { root, areas } = this.#options;
    if (this.#kept.length > 0) return;
    const tidyIn = (own: string) => {
      if (!isOwnPlace(own)) return;
      removeEmpty(`${own}/${ASIDE}`);
      tidyUp(own);
    };
    tidyIn(`${root}/${OWN_NAME}`);
    areas.each(tidyIn);
  }
}

/** Removes the directories that something lay in, up to sinkd's own one, as far as they are empty. */
function tidyUp(directory: string): void {
  for (let full = directory;; full = dirname(full)) {
    if (!inWritableParent(full, () => removeIfEmpty(full))) return;
    if (basename(full) === OWN_NAME) return;
  }
}

/** The same file with the same size and time; a second name gives it another ctime. */
function isSameFile(left: Found, right: Found): boolean {
  return left.inode === right.inode && sameContent(left.entry, right.entry);
}

/** What {@linkcode isSameFile} compares, as a name; of links no more, for none is written to. */
function pictureOf({ entry, inode }: Found): string {
  return entry.kind === "file"
    ? `${inode},${entry.size},${entry.mtimeMs}`
    : `${inode},${entry.kind}`;
}

/** Where a copy of `path` can lie: there, or beside what has taken the place of its directory. */
function homeOf(root: string, path: RelativePath): RelativePath {
  const blocked = blockedAt(root, path);
  if (blocked === undefined) return path;
  const parent = parentOf(blocked);
  const name = relativePath(nameOf(path));
  return parent === undefined ? name : joinPath(parent, name);
}

/** Removes a directory and those in it that hold nothing; never a file. */
function removeEmpty(directory: string): void {
  for (const name of listNames(directory)) removeEmpty(`${directory}/${name}`);
  removeIfEmpty(directory);
}

function listNames(directory: string): string[] {
  if (lstatIfAny(directory)?.isDirectory !== true) return [];
  return [...Deno.readDirSync(directory)].map(({ name }) => name);
}

function listFiles(directory: string, below = ""): string[] {
  return [...Deno.readDirSync(`${directory}/${below}`)].flatMap((item) =>
    item.isDirectory
      ? listFiles(directory, `${below}${item.name}/`)
      : [`${below}${item.name}`]
  );
}
