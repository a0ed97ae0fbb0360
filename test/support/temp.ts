/**
 * Temporary directories and trees as plain values, for tests.
 *
 * @module
 */
import { PATIENCE_MS } from "./waiting.ts";
import { relativePath } from "../../lib/core/path.ts";

/** A directory that is removed at the end, whatever modes it came to have. */
export function tempDirectory(
  prefix = "sinkd-test-",
): AsyncDisposable & { readonly path: string } {
  const path = Deno.makeTempDirSync({ prefix });
  return {
    path,
    async [Symbol.asyncDispose]() {
      openUp(path);
      await Deno.remove(path, { recursive: true });
    },
  };
}

function openUp(directory: string): void {
  Deno.chmodSync(directory, 0o700);
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    if (isDirectory) openUp(`${directory}/${name}`);
  }
}

/** What a test wants at a path. */
export type Planned =
  | {
    readonly kind: "file";
    readonly text: string;
    readonly mtimeMs: number;
    readonly mode: number;
  }
  | { readonly kind: "directory"; readonly mode: number }
  | { readonly kind: "link"; readonly target: string };

/** A tree: paths to what is there. */
export type Tree = Readonly<Record<string, Planned>>;

/** A file of `text`; times and modes differ only where a test says so. */
export function file(
  text: string,
  { mtimeMs = 1_700_000_000_000, mode = 0o644 } = {},
): Planned {
  return { kind: "file", text, mtimeMs, mode };
}

/** A directory. */
export function directory(mode = 0o755): Planned {
  return { kind: "directory", mode };
}

/** A link. */
export function link(target: string): Planned {
  return { kind: "link", target };
}

/** Makes one thing at a path; what is there must be gone. */
export function makeAt(full: string, planned: Planned): void {
  switch (planned.kind) {
    case "file":
      Deno.writeTextFileSync(full, planned.text, { createNew: true });
      Deno.chmodSync(full, planned.mode);
      Deno.utimeSync(full, planned.mtimeMs / 1000, planned.mtimeMs / 1000);
      return;
    case "directory":
      Deno.mkdirSync(full);
      Deno.chmodSync(full, planned.mode);
      return;
    case "link":
      Deno.symlinkSync(planned.target, full);
  }
}

/** Makes a tree below `root`, parents first. */
export function makeTree(root: string, tree: Tree): void {
  for (const path of Object.keys(tree).sort()) {
    const planned = tree[path];
    if (planned !== undefined) makeAt(`${root}/${path}`, planned);
  }
}

/** Changes what is below `root` from `before` to `after`; what is the same is not touched. */
export function turnInto(
  root: string,
  { before, after }: { before: Tree; after: Tree },
): void {
  const isSame = (path: string) =>
    JSON.stringify(before[path]) === JSON.stringify(after[path]);
  for (const path of Object.keys(before).sort().reverse()) {
    if (!isSame(path) && before[path]?.kind !== after[path]?.kind) {
      Deno.removeSync(`${root}/${path}`);
    }
  }
  for (const path of Object.keys(after).sort()) {
    const planned = after[path];
    if (planned === undefined || isSame(path)) continue;
    if (before[path]?.kind !== planned.kind) makeAt(`${root}/${path}`, planned);
    else if (planned.kind === "directory") {
      Deno.chmodSync(`${root}/${path}`, planned.mode);
    } else replaceAt(root, { path, planned });
  }
}

/** Replaces a file or link as a careful program does: another inode, renamed over it. */
export function replaceAt(
  root: string,
  { path, planned }: { path: string; planned: Planned },
): void {
  makeAt(`${root}/.new`, planned);
  Deno.renameSync(`${root}/.new`, `${root}/${path}`);
}

/** What is below `root`, without `.sinkd`. */
export function readTree(root: string, below = ""): Record<string, Planned> {
  const tree: Record<string, Planned> = {};
  for (const { name } of Deno.readDirSync(`${root}/${below}`)) {
    if (name === ".sinkd") continue;
    const path = relativePath(`${below}${name}`);
    const full = `${root}/${path}`;
    const info = Deno.lstatSync(full);
    const mode = (info.mode ?? 0) & 0o777;
    if (info.isSymlink) tree[path] = link(Deno.readLinkSync(full));
    else if (info.isDirectory) {
      tree[path] = directory(mode);
      Object.assign(tree, readTree(root, `${path}/`));
    } else {
      const mtimeMs = info.mtime?.getTime() ?? 0;
      tree[path] = file(Deno.readTextFileSync(full), { mtimeMs, mode });
    }
  }
  return tree;
}

/** Runs until `done` is true or the deadline passes. */
export async function eventually(
  done: () => boolean,
  { limitMs = PATIENCE_MS, what = "it" } = {},
): Promise<void> {
  const deadline = performance.now() + Math.max(limitMs, PATIENCE_MS);
  while (!done()) {
    if (performance.now() > deadline) {
      throw new Error(`Cannot wait longer: ${what} did not happen`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
