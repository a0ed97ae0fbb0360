/**
 * Deno's file calls over the in-memory {@linkcode FileSystem}, put in place of the real ones while a
 * world runs: so the production adapters themselves are simulated, and not a copy of them.
 *
 * @module
 */
import fs from "node:fs";
import process from "node:process";
import { EMPTY, type FileSystem, type Node } from "./file_system.ts";

/** What a call may run into: it is told before every call, with the path. */
export interface Calls {
  /** Before a synchronous call; may let others act, or throw when the process is killed. */
  readonly enter: (name: string, path: string) => void;
  /** Before an asynchronous one. */
  readonly pause: (name: string, path: string) => Promise<void>;
}

/** Puts the calls in place; gives back what restores the real ones. */
export function installFileCalls(files: FileSystem, calls: Calls): Disposable {
  const fakes = fileCalls(files, calls);
  const saved = new Map<string, PropertyDescriptor | undefined>();
  for (const [name, value] of Object.entries(fakes)) {
    saved.set(name, Object.getOwnPropertyDescriptor(Deno, name));
    Object.defineProperty(Deno, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  const { rmdirSync } = fs;
  fs.rmdirSync = (path) => {
    calls.enter("rmdir", String(path));
    if (files.get(String(path)).kind !== "directory") {
      throw Object.assign(new Error(`Cannot rmdir '${path}'`), {
        code: "ENOTDIR",
      });
    }
    files.remove(String(path), false);
  };
  return {
    [Symbol.dispose]() {
      fs.rmdirSync = rmdirSync;
      for (const [name, descriptor] of saved) {
        if (descriptor !== undefined) {
          Object.defineProperty(Deno, name, descriptor);
        }
      }
    },
  };
}

type FakeInfo = Pick<
  Deno.FileInfo,
  | "isFile"
  | "isDirectory"
  | "isSymlink"
  | "size"
  | "mtime"
  | "ctime"
  | "mode"
  | "ino"
  | "dev"
  | "nlink"
  | "uid"
  | "gid"
>;

/** Everything belongs to the account that this runs as, asked as `FileAreas` does. */
const OWNER = process.geteuid?.() ?? 0;

/** A picture of a node; dates are made when somebody asks for them. */
class NodeInfo implements FakeInfo {
  readonly dev = 1;
  readonly uid = OWNER;
  readonly gid = OWNER;
  readonly ino: number;
  readonly mode: number;
  readonly size: number;
  readonly nlink: number;
  readonly #kind: Node["kind"];
  readonly #mtimeMs: number;
  readonly #ctimeMs: number;

  constructor(node: Node) {
    this.#kind = node.kind;
    this.ino = node.inode;
    this.mode = modeOf(node);
    this.size = sizeOf(node);
    this.nlink = node.kind === "directory" ? 1 : node.links;
    this.#mtimeMs = node.kind === "file" ? node.mtimeMs : 0;
    this.#ctimeMs = node.ctimeMs;
  }

  get isFile(): boolean {
    return this.#kind === "file";
  }

  get isDirectory(): boolean {
    return this.#kind === "directory";
  }

  get isSymlink(): boolean {
    return this.#kind === "link";
  }

  get mtime(): Date {
    return new Date(this.#mtimeMs);
  }

  get ctime(): Date {
    return seconds(this.#ctimeMs);
  }
}

function modeOf(node: Node): number {
  switch (node.kind) {
    case "file":
      return 0o100000 | node.mode;
    case "directory":
      return 0o40000 | node.mode;
    case "link":
      return 0o120777;
  }
}

function sizeOf(node: Node): number {
  switch (node.kind) {
    case "file":
      return node.size;
    case "directory":
      return 4096;
    case "link":
      return node.target.length;
  }
}

/** Deno gives ctimes in whole seconds. */
function seconds(timeMs: number): Date {
  return new Date(Math.floor(timeMs / 1000) * 1000);
}

function fileCalls(files: FileSystem, calls: Calls): Record<string, unknown> {
  const { enter, pause } = calls;
  return {
    lstatSync(path: string) {
      enter("lstat", path);
      return new NodeInfo(files.get(path));
    },
    statSync(path: string) {
      enter("stat", path);
      return new NodeInfo(files.follow(path));
    },
    readDirSync(path: string) {
      enter("readDir", path);
      const node = files.follow(path);
      if (node.kind !== "directory") {
        throw new Deno.errors.NotADirectory(`Cannot list '${path}'`);
      }
      return [...node.children].sort(([left], [right]) => left < right ? -1 : 1)
        .map(([name, child]) => ({
          name,
          isFile: child.kind === "file",
          isDirectory: child.kind === "directory",
          isSymlink: child.kind === "link",
        }));
    },
    mkdirSync(path: string, options: Deno.MkdirOptions = {}) {
      enter("mkdir", path);
      const { recursive = false, mode = 0o777 } = options;
      files.makeDirectory(path, { recursive, mode });
    },
    renameSync(from: string, to: string) {
      enter("rename", from);
      files.rename(from, to);
    },
    linkSync(from: string, to: string) {
      enter("link", from);
      files.link(from, to);
    },
    removeSync(path: string, options: Deno.RemoveOptions = {}) {
      enter("remove", path);
      files.remove(path, options.recursive === true);
    },
    async remove(path: string, options: Deno.RemoveOptions = {}) {
      await pause("remove", path);
      files.remove(path, options.recursive === true);
    },
    readLinkSync(path: string) {
      enter("readLink", path);
      const node = files.get(path);
      if (node.kind === "link") return node.target;
      throw Object.assign(new Error(`Cannot read link '${path}'`), {
        code: "EINVAL",
      });
    },
    chmodSync(path: string, mode: number) {
      enter("chmod", path);
      files.changeMode(path, mode);
    },
    // Files are opened and flushed many at a time: only one task may park, so these give no way.
    async open(path: string, options: Deno.OpenOptions = {}) {
      await undefined;
      enter("open", path);
      const { createNew = false, mode = 0o666 } = options;
      const node = createNew
        ? files.makeFile(path, { content: EMPTY, size: 0, mode })
        : files.follow(path);
      let offset = 0;
      let written = "";
      return {
        async stat(): Promise<FakeInfo> {
          await undefined;
          return new NodeInfo(node);
        },
        async write(buffer: Uint8Array) {
          await pause("write", path);
          if (node.kind !== "file") throw new Error(`Cannot write '${path}'`);
          written += new TextDecoder().decode(buffer);
          const content = Number.parseInt(written);
          files.writeInto(node, path, { content, size: written.length });
          return buffer.length;
        },
        async syncData(): Promise<void> {
          await undefined;
          enter("syncData", path);
        },
        async read(buffer: Uint8Array) {
          await pause("read", path);
          if (node.kind === "directory") {
            throw Object.assign(new Error(`Cannot read '${path}'`), {
              code: "EISDIR",
            });
          }
          const bytes = bytesOf(node.content, node.size).subarray(offset);
          const count = Math.min(bytes.length, buffer.length);
          buffer.set(bytes.subarray(0, count));
          offset += count;
          return count === 0 ? null : count;
        },
        [Symbol.dispose]() {},
      };
    },
  };
}

function bytesOf(content: number, size: number): Uint8Array {
  if (content === EMPTY) return new Uint8Array(0);
  return new TextEncoder().encode(`${content} `.repeat(size).slice(0, size));
}

/** What rsync does with staged links: each is made anew below `to`, leading where it truly leads. */
export function makeLinks(
  files: FileSystem,
  { from, to }: { readonly from: string; readonly to: string },
  paths: readonly string[],
): void {
  for (const path of paths) unmunge(files, `${from}/${path}`, `${to}/${path}`);
}

function unmunge(files: FileSystem, from: string, to: string): void {
  const node = files.peek(from);
  if (node?.kind !== "link") return;
  files.makeDirectory(to.slice(0, to.lastIndexOf("/")), {
    recursive: true,
    mode: 0o700,
  });
  const there = files.peek(to);
  if (there !== undefined) files.remove(to, false);
  files.symlink(to, node.target.replace(/^\/rsyncd-munged\//, ""));
}
