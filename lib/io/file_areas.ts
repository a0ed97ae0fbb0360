/**
 * File systems inside an anchor. Nothing can be renamed or linked from one mount to another, not even
 * when both show the same disk (a bind mount), nor between two subvolumes; so what comes to a path by
 * a rename, or is set aside from there, lies in a directory of sinkd's own on the path's file system.
 *
 * @module
 */
import { createHash } from "node:crypto";
import process from "node:process";
import { ancestorsOf, OWN_NAME, type RelativePath } from "../core/path.ts";
import { codeOf, inWritableParent, lstatIfAny } from "./files.ts";
import { isMountedOn } from "./mount_points.ts";

/** Why nothing can be done on a file system that was all right before. */
const UNREACHABLE: ReadonlySet<unknown> = new Set([
  "EROFS",
  "EIO",
  "ESTALE",
  "ENOTCONN",
  "EHOSTDOWN",
]);

/** True when an operation failed because its two paths are on different file systems. */
export function isCrossDevice(error: unknown): boolean {
  return codeOf(error) === "EXDEV";
}

/** Where sinkd's own things of one anchor lie: in its root, and on each other file system in it. */
export class FileAreas {
  readonly #root: string;
  /** Directories, each on a file system that is not the root's, where there is such a place. */
  readonly #areas = new Set<RelativePath>();

  constructor(root: string) {
    this.#root = root;
  }

  /** The own directory from which a rename leads to `path`; absolute. */
  own(path: RelativePath): string {
    const area = this.#at(path);
    return area === undefined ? `${this.#root}/${OWN_NAME}` : this.ownIn(area);
  }

  /** The own directory of one area; absolute. Another anchor in or around this one has another. */
  ownIn(area: RelativePath): string {
    const name = createHash("sha256").update(area).digest("hex").slice(0, 16);
    return `${this.#root}/${area}/${OWN_NAME}/${name}`;
  }

  list(): RelativePath[] {
    return [...this.#areas];
  }

  /** Cleans up in each area; one that was taken away or is read-only now is cleaned when it is back. */
  each(work: (own: string) => void): void {
    for (const area of this.#areas) {
      try {
        work(this.ownIn(area));
      } catch (error) {
        if (!UNREACHABLE.has(codeOf(error))) throw error;
      }
    }
  }

  /**
   * A mount that is known before anything has to go there, with the directories below it where this
   * anchor has left something of its own; gives those that were not known.
   */
  addOwned(
    mount: RelativePath,
    directories: readonly RelativePath[],
  ): RelativePath[] {
    const owned = directories.filter((directory) =>
      lstatIfAny(this.ownIn(directory)) !== undefined
    );
    const added = [mount, ...owned].filter((area) => !this.#areas.has(area));
    for (const area of added) this.#areas.add(area);
    return added;
  }

  /** Forgets the area of a mount that is gone, and those below it. */
  drop(area: RelativePath): void {
    for (const known of this.#areas) {
      if (known === area || known.startsWith(`${area}/`)) {
        this.#areas.delete(known);
      }
    }
  }

  /** True when what comes to `path` cannot be renamed there from the root's own directory. */
  isElsewhere(path: RelativePath): boolean {
    if (this.#at(path) !== undefined) return true;
    const above = this.#directoriesAbove(path).at(-1);
    if (above === undefined) return false;
    const { dev } = Deno.statSync(this.#root);
    if (lstatIfAny(`${this.#root}/${above}`)?.dev === dev) return false;
    this.learn(path);
    return this.#at(path) !== undefined;
  }

  /**
   * Finds out on which file system `path` is, and makes a place there: in its topmost directory that
   * this account may write to. True when it is not the one that was taken for it.
   */
  learn(path: RelativePath): boolean {
    const known = this.#at(path);
    const directories = this.#directoriesAbove(path);
    let above = this.#root;
    let top = -1;
    for (const [index, directory] of directories.entries()) {
      const full = `${this.#root}/${directory}`;
      if (isMountedOn(above, full)) top = index;
      above = full;
    }
    if (known !== undefined) this.#areas.delete(known);
    if (top < 0) return known !== undefined;
    const area = this.#makeOwn(directories.slice(top));
    this.#areas.add(area);
    return area !== known;
  }

  #at(path: RelativePath): RelativePath | undefined {
    if (this.#areas.size === 0) return undefined;
    return ancestorsOf(path).findLast((above) => this.#areas.has(above));
  }

  #directoriesAbove(path: RelativePath): RelativePath[] {
    const found: RelativePath[] = [];
    for (const above of ancestorsOf(path)) {
      if (lstatIfAny(`${this.#root}/${above}`)?.isDirectory !== true) break;
      found.push(above);
    }
    return found;
  }

  #makeOwn(directories: readonly RelativePath[]): RelativePath {
    let refused: unknown;
    for (const area of directories) {
      const own = this.ownIn(area);
      try {
        makeOwnDirectory(own);
        return area;
      } catch (error) {
        refused = error;
        if (!(error instanceof Deno.errors.PermissionDenied)) break;
      }
    }
    throw refused;
  }
}

/** What is not this account's own was put there by somebody, and may lead elsewhere. */
function assertOwn(directory: string): void {
  const info = lstatIfAny(directory);
  if (info === undefined) return;
  if (!info.isDirectory) {
    throw new Error(
      `Cannot use '${directory}': it is not a directory; move it away`,
    );
  }
  if (!isOurs(info)) {
    throw new Error(
      `Cannot use '${directory}': it belongs to another account (uid ${info.uid}); move it away`,
    );
  }
  if (((info.mode ?? 0) & 0o077) !== 0) Deno.chmodSync(directory, 0o700);
}

/** True where the system does not tell, too. */
function isOurs({ uid }: Deno.FileInfo): boolean {
  return uid === null || uid === process.geteuid?.();
}

/** The directory with sinkd's own name that `full` is, or lies below. */
function ownAbove(full: string): string {
  return full.slice(0, full.lastIndexOf(`/${OWN_NAME}`) + 1 + OWN_NAME.length);
}

/** Throws when something else has the name of a directory that is, or lies below, one of sinkd's own. */
export function assertOwnPlace(full: string): void {
  for (const directory of [ownAbove(full), full]) assertOwn(directory);
}

/**
 * True when a directory that is, or lies below, one of sinkd's own is there and is what it seems: only
 * then anything in it may be removed, or taken for something that sinkd left.
 */
export function isOwnPlace(full: string): boolean {
  return [ownAbove(full), full].every((directory) => {
    const info = lstatIfAny(directory);
    return info?.isDirectory === true && isOurs(info);
  });
}

/** Makes a directory below one that has sinkd's own name; refuses when something else has that name. */
export function makeOwnDirectory(full: string): void {
  const own = ownAbove(full);
  assertOwnPlace(full);
  if (lstatIfAny(own) === undefined) {
    inWritableParent(own, () => Deno.mkdirSync(own, { mode: 0o700 }));
    // Not setgid, though the directory may be: what is staged must not inherit its group from here.
    Deno.chmodSync(own, 0o700);
  }
  Deno.mkdirSync(full, { recursive: true, mode: 0o700 });
}
