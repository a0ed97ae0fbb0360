import assert from "node:assert/strict";
import type { Found } from "../../lib/core/entry.ts";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import {
  judgeRoot,
  rootEvidence,
  type RootVerdict,
} from "../../lib/core/root_identity.ts";

type Row = readonly [path: string, inode: number, ctimeS: number];

const MADE_S = 1000;

function rows(all: readonly Row[]): Map<RelativePath, Found> {
  return new Map(all.map(([path, inode, ctimeS]) => [relativePath(path), {
    entry: path.endsWith("dir")
      ? { kind: "directory", mode: 0o755 }
      : { kind: "file", size: 1, mtimeMs: 1, mode: 0o644 },
    inode,
    ctimeS,
  }]));
}

const RECORD: readonly Row[] = [
  ["dir", 10, MADE_S],
  ["dir/x", 11, MADE_S],
  ["dir/y", 12, MADE_S + 5],
  ["a", 13, MADE_S],
  ["b", 14, MADE_S + 5],
];
const MORE: readonly Row[] = [["c", 15, MADE_S], ["d", 16, MADE_S]];
const known = { device: 1, inode: 2 };

const JUDGED: readonly {
  what: string;
  now?: { device: number; inode: number };
  isWatched?: boolean;
  scanned: readonly Row[];
  recorded?: readonly Row[];
  rootCtimeS?: number;
  verdict: RootVerdict;
}[] = [
  {
    what: "the same numbers of what was there all the time, whatever is in it",
    now: known,
    isWatched: true,
    scanned: [],
    rootCtimeS: MADE_S,
    verdict: "same",
  },
  {
    what: "the same numbers, and files were deleted and edited",
    now: known,
    scanned: [["dir", 10, MADE_S + 9], ["a", 13, MADE_S + 9]],
    verdict: "same",
  },
  {
    what: "the same numbers, and everything was deleted",
    now: known,
    scanned: [],
    verdict: "same",
  },
  {
    what: "the same numbers, and everything is another file",
    now: known,
    scanned: RECORD.map(([path, inode]) => [path, inode + 50, MADE_S + 9]),
    verdict: "same",
  },
  {
    what: "the same numbers of a snapshot from before a file came",
    now: known,
    scanned: RECORD.filter(([path]) => path !== "b"),
    rootCtimeS: MADE_S,
    verdict: "another",
  },
  {
    what: "the same numbers of a snapshot from before an edit",
    now: known,
    scanned: RECORD.map(([path, inode]) => [path, inode, MADE_S]),
    verdict: "another",
  },
  {
    what: "another device number, the same files",
    scanned: RECORD,
    verdict: "same",
  },
  {
    what: "another device number, and a file was deleted",
    scanned: RECORD.filter(([path]) => path !== "b"),
    rootCtimeS: MADE_S + 5,
    verdict: "same",
  },
  {
    what: "another device number, and a directory was deleted",
    scanned: [
      ...RECORD.filter(([path]) => !path.startsWith("dir")),
      ...MORE,
    ],
    rootCtimeS: MADE_S + 9,
    recorded: [...RECORD, ...MORE],
    verdict: "same",
  },
  {
    what: "another device number, and a file was made in a directory",
    scanned: [["dir", 10, MADE_S + 90], ...RECORD.slice(1), [
      "dir/new",
      20,
      MADE_S + 90,
    ]],
    verdict: "same",
  },
  {
    what: "a snapshot from before a file came into the root",
    scanned: RECORD.filter(([path]) => path !== "b"),
    rootCtimeS: MADE_S,
    verdict: "another",
  },
  {
    what: "a snapshot from before a file came into a directory",
    scanned: RECORD.filter(([path]) => path !== "dir/y"),
    rootCtimeS: MADE_S + 5,
    verdict: "another",
  },
  {
    what: "a snapshot from before an edit, under another device number",
    scanned: RECORD.map(([path, inode]) => [path, inode, MADE_S]),
    verdict: "another",
  },
  {
    what: "another disk with a copy",
    scanned: RECORD.map(([path, inode, ctimeS]) => [path, inode, ctimeS + 100]),
    verdict: "another",
  },
  {
    what: "another directory with the same files moved there",
    now: { device: 1, inode: 3 },
    scanned: RECORD,
    verdict: "another",
  },
  { what: "an empty disk", scanned: [], verdict: "wrong" },
  {
    what: "another disk with little",
    scanned: RECORD.slice(0, 2),
    recorded: [...RECORD, ["c", 15, MADE_S]],
    verdict: "wrong",
  },
  {
    what: "a record of files that nobody has looked at since they came",
    scanned: RECORD,
    recorded: RECORD.map(([path]) => [path, 0, 0]),
    verdict: "another",
  },
];

for (const judged of JUDGED) {
  const { what, now, isWatched, scanned, recorded, rootCtimeS, verdict } =
    judged;
  Deno.test(`judgeRoot(): ${what}: ${verdict}`, () => {
    const evidence = () =>
      rootEvidence(
        rows(scanned),
        rows(recorded ?? RECORD),
        rootCtimeS ?? MADE_S + 9,
      );
    const seen = now ?? { device: 7, inode: 2 };
    assert.equal(judgeRoot(known, seen, isWatched ?? false, evidence), verdict);
  });
}

Deno.test("judgeRoot() takes the first directory that it sees", () => {
  const none = () => rootEvidence(new Map(), new Map(), 0);
  assert.equal(judgeRoot(undefined, known, false, none), "another");
});
