/**
 * A file system in memory, with what sinkd's adapters rely on: inodes, hard links, atomic renames,
 * modes, mtimes in milliseconds, ctimes, and the errors of the real calls.
 *
 * Content is a number; two files have the same bytes exactly when the numbers are equal.
 *
 * @module
 */

/** Stands for an empty file. */
export const EMPTY = 0;

/** A regular file. */
export interface FileNode {
  readonly kind: "file";
  readonly inode: number;
  content: number;
  size: number;
  mtimeMs: number;
  ctimeMs: number;
  mode: number;
  links: number;
}

/** A directory. */
export interface DirectoryNode {
  readonly kind: "directory";
  readonly inode: number;
  readonly children: Map<string, Node>;
  ctimeMs: number;
  mode: number;
}

/** A symbolic link; every target in this world leads nowhere. */
export interface LinkNode {
  readonly kind: "link";
  readonly inode: number;
  readonly target: string;
  ctimeMs: number;
  links: number;
}

/** What a name stands for. */
export type Node = FileNode | DirectoryNode | LinkNode;

/** A change under a name, as a watcher is told. */
export interface FileEvent {
  readonly path: string;
  readonly kind: "written" | "made" | "gone";
}

/**
 * Errors as Deno gives them. Most of them are answers ("nothing is there"), and a constructor that
 * notes where it was called took a tenth of a schedule's time: so these are made without one.
 */
function fault(
  kind: "NotFound" | "NotADirectory" | "AlreadyExists" | "PermissionDenied",
  path: string,
): Error {
  const error: Error = Object.create(Deno.errors[kind].prototype);
  error.name = kind;
  error.message = `${kind}: '${path}' (in the simulation)`;
  return error;
}

function coded(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: '${path}' (in the simulation)`), {
    code,
  });
}

/** A path in parts. */
interface Place {
  readonly names: readonly string[];
  readonly parent: string;
  readonly name: string;
}

/** All disks of a world in one tree. Paths are absolute. */
export class FileSystem {
  /** True while a user acts: permissions do not stop them. */
  asUser = false;
  onEvent: (event: FileEvent) => void = () => {};
  readonly root: DirectoryNode;
  readonly #nowMs: (path: string) => number;
  /** Paths in parts: the same few are asked for all the time. */
  readonly #places = new Map<string, Place>();
  #inodes = 1;

  constructor(nowMs: (path: string) => number) {
    this.#nowMs = nowMs;
    this.root = this.#directory("/", 0o755);
  }

  /** What is at a path; throws when nothing is. */
  get(path: string): Node {
    const node = this.find(path);
    if (node === undefined) throw fault("NotFound", path);
    return node;
  }

  /** What is at a path, where links lead; every link leads nowhere. */
  follow(path: string): FileNode | DirectoryNode {
    const node = this.get(path);
    if (node.kind === "link") throw fault("NotFound", path);
    return node;
  }

  /** What is at a path, or `undefined`; throws only when a file is in the way. */
  find(path: string): Node | undefined {
    let node: Node = this.root;
    for (const name of this.#place(path).names) {
      if (node.kind === "file") throw fault("NotADirectory", path);
      const next: Node | undefined = node.kind === "directory"
        ? node.children.get(name)
        : undefined;
      if (next === undefined) return undefined;
      node = next;
    }
    return node;
  }

  /** As {@linkcode find}, and `undefined` too when a file is in the way. */
  peek(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of this.#place(path).names) {
      node = node?.kind === "directory" ? node.children.get(name) : undefined;
    }
    return node;
  }

  makeDirectory(
    path: string,
    options: { recursive: boolean; mode: number },
  ): void {
    const there = this.find(path);
    if (there?.kind === "directory" && options.recursive) return;
    if (there !== undefined) throw fault("AlreadyExists", path);
    const { parent, name } = this.#place(path);
    if (options.recursive) {
      const above = this.find(parent);
      if (above === undefined) this.makeDirectory(parent, options);
      if (above?.kind === "link") throw fault("AlreadyExists", parent);
    }
    const made = this.#directory(path, options.mode & ~0o022);
    this.#openParent(path).children.set(name, made);
    this.onEvent({ path, kind: "made" });
  }

  /** Makes or overwrites a file in place. */
  write(
    path: string,
    version: { content: number; size: number; mtimeMs?: number; mode: number },
  ): FileNode {
    const there = this.find(path);
    if (there !== undefined && there.kind !== "file") {
      throw coded("EISDIR", path);
    }
    const node = there ?? this.#newFile(path, version.mode);
    this.writeInto(node, path, version);
    return node;
  }

  /** A file where nothing may be. */
  makeFile(
    path: string,
    version: { content: number; size: number; mode: number },
  ): FileNode {
    if (this.find(path) !== undefined) throw fault("AlreadyExists", path);
    return this.write(path, version);
  }

  /** Overwrites an open file, whatever names it has now. */
  writeInto(
    node: FileNode,
    path: string,
    version: { content: number; size: number; mtimeMs?: number },
  ): void {
    node.content = version.content;
    node.size = version.size;
    node.ctimeMs = this.#nowMs(path);
    node.mtimeMs = version.mtimeMs ?? node.ctimeMs;
    this.onEvent({ path, kind: "written" });
  }

  symlink(path: string, target: string): void {
    if (this.find(path) !== undefined) throw fault("AlreadyExists", path);
    const node: LinkNode = {
      kind: "link",
      inode: this.#inodes++,
      target,
      ctimeMs: this.#nowMs(path),
      links: 1,
    };
    this.#openParent(path).children.set(this.#nameIn(path), node);
    this.onEvent({ path, kind: "written" });
  }

  link(from: string, to: string): void {
    this.#parentOf(from);
    const node = this.get(from);
    if (this.find(to) !== undefined) throw fault("AlreadyExists", to);
    this.#parentOf(to);
    if (node.kind === "directory") throw fault("PermissionDenied", from);
    this.#openParent(to).children.set(this.#nameIn(to), node);
    node.links++;
    node.ctimeMs = this.#nowMs(from);
    this.onEvent({ path: to, kind: "written" });
  }

  rename(from: string, to: string): void {
    // As the kernel does: both directories, and only then what is in them.
    this.#parentOf(from);
    this.#parentOf(to);
    const node = this.get(from);
    const there = this.find(to);
    if (there === node) return;
    if (to.startsWith(`${from}/`)) throw coded("EINVAL", to);
    if (from.startsWith(`${to}/`)) throw coded("ENOTEMPTY", to);
    if (there?.kind === "directory") {
      if (node.kind !== "directory") throw coded("EISDIR", to);
      if (there.children.size > 0) throw coded("ENOTEMPTY", to);
    } else if (there !== undefined && node.kind === "directory") {
      throw fault("NotADirectory", to);
    }
    const source = this.#openParent(from);
    const target = this.#openParent(to);
    if (there !== undefined && there.kind !== "directory") {
      there.links--;
      there.ctimeMs = this.#nowMs(to);
    }
    source.children.delete(this.#nameIn(from));
    target.children.set(this.#nameIn(to), node);
    node.ctimeMs = this.#nowMs(to);
    this.onEvent({ path: from, kind: "gone" });
    this.onEvent({
      path: to,
      kind: node.kind === "directory" ? "made" : "written",
    });
  }

  remove(path: string, recursive: boolean): void {
    const node = this.get(path);
    if (path.endsWith("/")) {
      if (node.kind !== "directory") throw fault("NotADirectory", path);
      return this.remove(path.slice(0, -1), recursive);
    }
    if (node.kind === "directory") {
      if (node.children.size > 0) {
        if (!recursive) throw coded("ENOTEMPTY", path);
        for (const name of [...node.children.keys()]) {
          this.remove(`${path}/${name}`, true);
        }
      }
    } else {
      node.links--;
      node.ctimeMs = this.#nowMs(path);
    }
    this.#openParent(path).children.delete(this.#nameIn(path));
    this.onEvent({ path, kind: "gone" });
  }

  changeMode(path: string, mode: number): void {
    const node = this.follow(path);
    node.mode = mode & 0o7777;
    node.ctimeMs = this.#nowMs(path);
    this.onEvent({ path, kind: "written" });
  }

  /** Everything below a directory, by relative path; not `.sinkd`. */
  tree(path: string): Map<string, Node> {
    const found = new Map<string, Node>();
    const walk = (node: Node | undefined, prefix: string) => {
      if (node?.kind !== "directory") return;
      for (const name of [...node.children.keys()].sort()) {
        const child = node.children.get(name);
        if (child === undefined || name === ".sinkd") continue;
        found.set(prefix + name, child);
        walk(child, `${prefix}${name}/`);
      }
    };
    walk(this.peek(path), "");
    return found;
  }

  /** Every file and link below a directory, `.sinkd` included. */
  *leaves(path: string): Generator<FileNode | LinkNode> {
    const node = this.peek(path);
    if (node === undefined) return;
    if (node.kind !== "directory") return yield node;
    for (const name of node.children.keys()) {
      yield* this.leaves(`${path}/${name}`);
    }
  }

  #newFile(path: string, mode: number): FileNode {
    const now = this.#nowMs(path);
    const node: FileNode = {
      kind: "file",
      inode: this.#inodes++,
      content: EMPTY,
      size: 0,
      mtimeMs: now,
      ctimeMs: now,
      mode,
      links: 1,
    };
    this.#openParent(path).children.set(this.#nameIn(path), node);
    return node;
  }

  #directory(path: string, mode: number): DirectoryNode {
    return {
      kind: "directory",
      inode: this.#inodes++,
      children: new Map(),
      ctimeMs: this.#nowMs(path),
      mode,
    };
  }

  /** The directory of a path. */
  #parentOf(path: string): DirectoryNode {
    const parent = this.get(this.#place(path).parent);
    if (parent.kind === "link") throw fault("NotFound", path);
    if (parent.kind === "file") throw fault("NotADirectory", path);
    return parent;
  }

  /** The directory of a path, when names in it may be changed. */
  #openParent(path: string): DirectoryNode {
    const parent = this.#parentOf(path);
    if (!this.asUser && (parent.mode & 0o200) === 0) {
      throw fault("PermissionDenied", path);
    }
    return parent;
  }

  #nameIn(path: string): string {
    return this.#place(path).name;
  }

  #place(path: string): Place {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    const names = path.split("/").filter((name) => name !== "");
    const place = {
      names,
      parent: `/${names.slice(0, -1).join("/")}`,
      name: names.at(-1) ?? "",
    };
    this.#places.set(path, place);
    return place;
  }
}

/** The directory of an absolute path. */
export function parentPath(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}
