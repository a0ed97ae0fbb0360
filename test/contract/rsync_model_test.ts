/**
 * One contract for rsync and for the simulator's model of it: from the same three trees the same call
 * stages the same files, and says the same of what it could not stage.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import { namesPath, rsyncOutcome } from "../../lib/core/rsync.ts";
import { callRsync } from "../../lib/io/rsync_call.ts";
import { serveRsync } from "../../lib/io/rsync_serve.ts";
import type { RsyncEnd } from "../../lib/ports.ts";
import { FileSystem } from "../sim/file_system.ts";
import { modelRsync } from "../sim/rsync_model.ts";
import { channelPair } from "../support/channel_pair.ts";
import { PLAIN } from "../support/client_rig.ts";
import { tempDirectory } from "../support/temp.ts";

const PASSWORD = "0123456789abcdef0123456789abcdef";
const MUNGED = "/rsyncd-munged/";
const MTIMES = [1_700_000_000_000, 1_700_000_000_001];

type Item =
  | {
    readonly kind: "file";
    readonly content: number;
    readonly size: number;
    readonly mtimeMs: number;
  }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "directory" };
/** Few paths: what is below `a` is there only when that is a directory. */
type Tree = Readonly<Partial<Record<"a" | "a/b" | "d", Item>>>;

/** Files are numbers of times 10 bytes, as in the simulation. */
interface Given {
  readonly direction: "edits" | "update";
  readonly verify: boolean;
  readonly paths: readonly ("a" | "a/b" | "d")[];
  readonly source: Tree;
  readonly compare: Tree;
  readonly staged: Tree;
}

const item: fc.Arbitrary<Item> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("file" as const),
      content: fc.integer({ min: 1, max: 2 }),
      size: fc.constantFrom(10, 20),
      mtimeMs: fc.constantFrom(...MTIMES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("link" as const),
      target: fc.constantFrom("nowhere-1", "nowhere-2"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("directory" as const) }),
  },
);
const tree: fc.Arbitrary<Tree> = fc.record(
  { a: item, "a/b": item, d: item },
  { requiredKeys: [] },
).map((given) => {
  const { "a/b": below, ...rest } = given;
  return rest.a?.kind === "directory" && below !== undefined
    ? { ...rest, "a/b": below }
    : rest;
});
const given: fc.Arbitrary<Given> = fc.record({
  direction: fc.constantFrom("edits", "update"),
  verify: fc.boolean(),
  paths: fc.subarray(["a", "a/b", "d"], { minLength: 1 }),
  source: tree,
  compare: tree,
  staged: tree,
});

/** The server's side holds links munged, and so does the staging directory of a client. */
function munged(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([path, item]) => [
      path,
      item.kind === "link" ? { ...item, target: MUNGED + item.target } : item,
    ]),
  );
}

function textOf(content: number, size: number): string {
  return `${content} `.repeat(size).slice(0, size);
}

/** What matters of a call's end: its outcome, and which paths it names. */
function said(end: RsyncEnd, paths: readonly string[]) {
  return {
    outcome: rsyncOutcome(end.code, end.stderr).kind,
    named: paths.filter((path) => namesPath(path, end.stderr)),
  };
}

async function really(given: Given): Promise<unknown> {
  await using temp = tempDirectory();
  const { direction, verify, source, compare, staged } = given;
  const [anchor, server] = [`${temp.path}/anchor`, `${temp.path}/server`];
  const incoming = `${anchor}/.sinkd/incoming`;
  const edits = direction === "edits";
  for (const path of [incoming, `${server}/stage`, `${server}/live`]) {
    Deno.mkdirSync(path, { recursive: true });
  }
  const stage = edits ? `${server}/stage` : incoming;
  make(edits ? anchor : `${server}/live`, edits ? source : munged(source));
  make(edits ? `${server}/live` : anchor, edits ? munged(compare) : compare);
  make(stage, munged(staged));
  const channels = channelPair();
  const [end] = await Promise.all([
    callRsync(channels.server, {
      direction,
      local: edits ? `${server}/stage` : `${server}/live`,
      remote: edits ? "" : ".sinkd/incoming",
      compareDest: edits ? `${server}/live` : "/",
      verify,
      transfer: { ...PLAIN, partial: true },
      paths: given.paths.map(relativePath),
      password: PASSWORD,
      runDirectory: `${temp.path}/run`,
    }),
    serveRsync(channels.client, {
      root: anchor,
      only: undefined,
      direction,
      password: PASSWORD,
      runDirectory: `${temp.path}/run`,
    }),
  ]);
  return { ...said(end, given.paths), stage: look(stage) };
}

/** Directories before what is in them. */
function inOrder(tree: Tree): [string, Item][] {
  return Object.entries(tree).sort(([left], [right]) => left < right ? -1 : 1);
}

function make(root: string, tree: Tree): void {
  for (const [path, item] of inOrder(tree)) {
    const full = `${root}/${path}`;
    switch (item.kind) {
      case "file":
        Deno.writeTextFileSync(full, textOf(item.content, item.size));
        Deno.utimeSync(full, item.mtimeMs / 1000, item.mtimeMs / 1000);
        break;
      case "link":
        Deno.symlinkSync(item.target, full);
        break;
      case "directory":
        Deno.mkdirSync(full);
    }
  }
}

function look(root: string, below = ""): string[] {
  return [...Deno.readDirSync(`${root}/${below}`)].flatMap(({ name }) => {
    const path = `${below}${name}`;
    const full = `${root}/${path}`;
    const info = Deno.lstatSync(full);
    if (info.isSymlink) return [`${path} -> ${Deno.readLinkSync(full)}`];
    if (info.isDirectory) return [`${path}/`, ...look(root, `${path}/`)];
    return [
      `${path} ${Deno.readTextFileSync(full)} ${info.mtime?.getTime()}`,
    ];
  }).sort();
}

async function inMemory(given: Given): Promise<unknown> {
  const { direction, verify, source, compare, staged } = given;
  const files = new FileSystem(() => 0);
  const edits = direction === "edits";
  const put = (root: string, tree: Tree) => {
    files.makeDirectory(root, { recursive: true, mode: 0o700 });
    for (const [path, item] of inOrder(tree)) {
      const full = `${root}/${path}`;
      switch (item.kind) {
        case "file":
          files.write(full, { ...item, mode: 0o600 });
          break;
        case "link":
          files.symlink(full, item.target);
          break;
        case "directory":
          files.makeDirectory(full, { recursive: false, mode: 0o700 });
      }
    }
  };
  put("/from", edits ? source : munged(source));
  put("/compare", edits ? munged(compare) : compare);
  put("/stage", munged(staged));
  const end = await modelRsync({
    from: "/from",
    into: "/stage",
    compare: "/compare",
    verify,
    paths: given.paths as readonly string[] as readonly RelativePath[],
  }, {
    files,
    pause: () => Promise.resolve(),
    torn: () => -1,
    saw: () => {},
    fails: () => false,
    isFull: () => false,
  });
  const stage = [...files.tree("/stage")].map(([path, node]) => {
    switch (node.kind) {
      case "directory":
        return `${path}/`;
      case "link":
        return `${path} -> ${node.target}`;
      case "file":
        return `${path} ${textOf(node.content, node.size)} ${node.mtimeMs}`;
    }
  }).sort();
  return { ...said(end, given.paths), stage };
}

Deno.test("the simulator's rsync stages what the real one does", async () => {
  await fc.assert(
    fc.asyncProperty(given, async (given) => {
      assert.deepEqual(await inMemory(given), await really(given));
    }),
    { numRuns: 80 },
  );
});
