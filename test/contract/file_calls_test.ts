/**
 * One contract for Deno's file calls and for those of the simulator: the same calls in the same
 * directory have the same outcomes, and leave the same tree.
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import fc from "fast-check";
import { copyPlainFile } from "../../lib/io/copy_file.ts";
import { installFileCalls } from "../sim/fake_deno.ts";
import { FileSystem } from "../sim/file_system.ts";
import { tempDirectory } from "../support/temp.ts";

const PATHS = ["a", "a/b", "a/b/c", "d"];
const SIZE = 20;

/** One call. A user of the simulation writes and links by the file system itself. */
type Call =
  | { readonly call: "write"; readonly path: string; readonly content: number }
  | { readonly call: "symlink"; readonly path: string }
  | {
    readonly call:
      | "lstat"
      | "stat"
      | "readDir"
      | "readLink"
      | "rmdir"
      | "read";
    readonly path: string;
  }
  | {
    readonly call: "mkdir" | "remove" | "removeAsync";
    readonly path: string;
    readonly recursive: boolean;
  }
  | { readonly call: "chmod"; readonly path: string; readonly mode: number }
  | {
    readonly call: "rename" | "link" | "copy";
    readonly path: string;
    readonly to: string;
  };

const path = fc.constantFrom(...PATHS);
const calls: fc.Arbitrary<Call[]> = fc.array(
  fc.oneof(
    fc.record({
      call: fc.constant("write" as const),
      path,
      content: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ call: fc.constant("symlink" as const), path }),
    fc.record({
      call: fc.constantFrom(
        ...["lstat", "stat", "readDir", "readLink", "rmdir", "read"] as const,
      ),
      path,
    }),
    fc.record({
      call: fc.constantFrom(...["mkdir", "remove", "removeAsync"] as const),
      path,
      recursive: fc.boolean(),
    }),
    fc.record({
      call: fc.constant("chmod" as const),
      path,
      mode: fc.constantFrom(0o700, 0o755, 0o777),
    }),
    fc.record({
      call: fc.constantFrom(...["rename", "link", "copy"] as const),
      path,
      to: path,
    }),
  ),
  { minLength: 1, maxLength: 14, size: "max" },
);

/** How a world writes files and links: no call of sinkd does. */
interface Hand {
  write(path: string, content: number): void;
  symlink(path: string, target: string): void;
}

function textOf(content: number): string {
  return `${content} `.repeat(SIZE).slice(0, SIZE);
}

const CODES: Readonly<Record<string, string>> = {
  ENOENT: "NotFound",
  ENOTDIR: "NotADirectory",
  EEXIST: "AlreadyExists",
  ENOTEMPTY: "ENOTEMPTY",
};
const CLASSES = [
  "NotFound",
  "NotADirectory",
  "AlreadyExists",
  "PermissionDenied",
] as const;

/** What callers in `lib` tell apart: classes of Deno, codes of node:fs; all else is one to them. */
function faultOf(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  const known = CLASSES.find((name) => error instanceof Deno.errors[name]);
  const code = "code" in error ? String(error.code) : "";
  return known ?? CODES[code] ?? "another";
}

async function outcomeOf(
  root: string,
  hand: Hand,
  given: Call,
): Promise<unknown> {
  const at = `${root}/${given.path}`;
  try {
    switch (given.call) {
      case "write":
        return hand.write(at, given.content);
      case "symlink":
        return hand.symlink(at, "nowhere-1");
      case "lstat":
        return shown(Deno.lstatSync(at));
      case "stat":
        return shown(Deno.statSync(at));
      case "readDir":
        return Array.from(
          Deno.readDirSync(at),
          ({ name, isFile, isDirectory, isSymlink }) =>
            [name, isFile, isDirectory, isSymlink].join(" "),
        ).sort();
      case "readLink":
        return Deno.readLinkSync(at);
      case "rmdir":
        return fs.rmdirSync(at);
      case "read":
        return await contentOf(at);
      case "mkdir":
        return Deno.mkdirSync(at, { recursive: given.recursive, mode: 0o755 });
      case "remove":
        return Deno.removeSync(at, { recursive: given.recursive });
      case "removeAsync":
        return await Deno.remove(at, { recursive: given.recursive });
      case "chmod":
        return Deno.chmodSync(at, given.mode);
      case "rename":
        return Deno.renameSync(at, `${root}/${given.to}`);
      case "link":
        return Deno.linkSync(at, `${root}/${given.to}`);
      case "copy":
        // Copies of sinkd never go over anything.
        if (isThere(`${root}/${given.to}`)) return "not called";
        return await copyPlainFile(at, `${root}/${given.to}`);
    }
  } catch (error) {
    return `fault: ${faultOf(error)}`;
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function shown(
  { isFile, isDirectory, isSymlink, size, mode, nlink }: Deno.FileInfo,
): unknown {
  const kind = [isFile, isDirectory, isSymlink].join(" ");
  // Of a directory sinkd reads neither size nor links, and of a link no mode.
  if (isDirectory) return { kind, mode };
  return isSymlink ? { kind, size, nlink } : { kind, size, mode, nlink };
}

async function contentOf(path: string): Promise<string> {
  const buffer = new Uint8Array(100);
  let text = "";
  using file = await Deno.open(path);
  for (;;) {
    const count = await file.read(buffer);
    if (count === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

/** Everything there is, with which names are one file. */
async function treeOf(root: string): Promise<unknown[]> {
  const rows: unknown[] = [];
  const inodes = new Map<number | null, string>();
  const walk = async (below: string) => {
    for (
      const { name } of [...Deno.readDirSync(`${root}/${below}`)]
        .sort((left, right) => left.name < right.name ? -1 : 1)
    ) {
      const path = `${below}${name}`;
      const info = Deno.lstatSync(`${root}/${path}`);
      const first = inodes.get(info.ino) ?? path;
      inodes.set(info.ino, first);
      const content = info.isFile
        ? await contentOf(`${root}/${path}`)
        : info.isSymlink
        ? Deno.readLinkSync(`${root}/${path}`)
        : "";
      rows.push([path, first, shown(info), content]);
      if (info.isDirectory) await walk(`${path}/`);
    }
  };
  await walk("");
  return rows;
}

async function lifeIn(
  root: string,
  hand: Hand,
  given: readonly Call[],
): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (const one of given) seen.push([one, await outcomeOf(root, hand, one)]);
  return [...seen, await treeOf(root)];
}

async function lifeInMemory(given: readonly Call[]): Promise<unknown[]> {
  let nowMs = 0;
  const files = new FileSystem(() => nowMs++);
  files.asUser = Deno.uid() === 0;
  files.makeDirectory("/sim", { recursive: true, mode: 0o755 });
  using _calls = installFileCalls(files, {
    enter: () => {},
    pause: () => Promise.resolve(),
  });
  return await lifeIn("/sim", {
    write(path, content) {
      files.write(path, { content, size: SIZE, mode: 0o644 });
    },
    symlink: (path, target) => files.symlink(path, target),
  }, given);
}

async function lifeOnDisk(given: readonly Call[]): Promise<unknown[]> {
  await using temp = tempDirectory();
  return await lifeIn(temp.path, {
    write(path, content) {
      const info = fs.lstatSync(path, { throwIfNoEntry: false });
      // Users of the simulation do not write through links.
      if (info?.isSymbolicLink() === true) {
        throw Object.assign(new Error("Cannot write: a link"), {
          code: "EISDIR",
        });
      }
      Deno.writeTextFileSync(path, textOf(content));
      if (info === undefined) Deno.chmodSync(path, 0o644);
    },
    symlink: (path, target) => Deno.symlinkSync(target, path),
  }, given);
}

Deno.test("file calls of the simulator have the outcomes of the real ones", async () => {
  await fc.assert(
    fc.asyncProperty(calls, async (given) => {
      assert.deepEqual(await lifeInMemory(given), await lifeOnDisk(given));
    }),
    { numRuns: 300 },
  );
});
