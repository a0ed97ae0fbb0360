import assert from "node:assert/strict";
import fc from "fast-check";
import type { Entry } from "../../lib/core/entry.ts";
import { ancestorsOf, relativePath } from "../../lib/core/path.ts";
import {
  type Addition,
  formatQuota,
  growthOf,
  NO_QUOTA,
  overQuota,
  parseQuota,
  type Quota,
  type Usage,
  usageOf,
  usageText,
} from "../../lib/core/quota.ts";
import { shortageWords } from "../../lib/core/room.ts";
import type { ServerStep } from "../../lib/core/server_commit.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

function fileOf(size: number): Entry {
  return { kind: "file", size, mtimeMs: 1, mode: 0o644 };
}

const DIRECTORY: Entry = { kind: "directory", mode: 0o755 };
const LINK: Entry = { kind: "link", target: "t" };

const USES: [string, Entry, number | undefined, number][] = [
  ["an empty file", fileOf(0), undefined, 4 * KIB],
  ["a file of one byte", fileOf(1), undefined, 4 * KIB],
  ["a file of a block", fileOf(4 * KIB), undefined, 4 * KIB],
  ["a file over a block", fileOf(4 * KIB + 1), undefined, 8 * KIB],
  ["a large file with holes", fileOf(8 * MIB), MIB, MIB],
  [
    "a large file whose blocks are not known",
    fileOf(8 * MIB),
    undefined,
    8 * MIB,
  ],
  ["a small file, whatever the disk makes of it", fileOf(9 * KIB), 0, 12 * KIB],
  ["a directory", DIRECTORY, undefined, 4 * KIB],
  ["a link", LINK, undefined, 4 * KIB],
];
for (const [what, entry, data, bytes] of USES) {
  Deno.test(`usageOf() counts ${what} as ${bytes} bytes`, () => {
    assert.deepEqual(usageOf(entry, data), { bytes, files: 1 });
  });
}

const place = (path: string, size: number, replaces?: Entry): ServerStep => ({
  do: "place",
  path: relativePath(path),
  entry: fileOf(size),
  replaces,
});
const archive = (path: string): ServerStep => ({
  do: "archive",
  path: relativePath(path),
  entry: fileOf(1),
});

const COMMITS: [string, string, ServerStep[], Usage][] = [
  ["a new file", "docs", [place("f", 5000)], { bytes: 8 * KIB, files: 1 }],
  [
    "a new version, whose predecessor stays, in two directories of the history",
    "docs",
    [place("f", 1, fileOf(1))],
    { bytes: 12 * KIB, files: 3 },
  ],
  [
    "what goes to the same directories of the history, only once",
    "",
    [archive("a/f"), archive("a/g"), place("a/h", 1, fileOf(1))],
    { bytes: 12 * KIB, files: 3 },
  ],
  [
    "a directory that is made and one that goes",
    "docs",
    [
      { do: "makeDirectory", path: relativePath("a"), mode: 0o755 },
      { do: "makeDirectory", path: relativePath("b"), mode: 0o755 },
      { do: "removeDirectory", path: relativePath("c") },
    ],
    { bytes: 4 * KIB, files: 1 },
  ],
  [
    "nothing for a mode",
    "docs",
    [{ do: "mode", path: relativePath("a"), mode: 0o700, directory: true }],
    { bytes: 0, files: 0 },
  ],
];
for (const [what, prefix, steps, expected] of COMMITS) {
  Deno.test(`growthOf() counts ${what}`, () => {
    assert.deepEqual(growthOf({ prefix, steps }, () => undefined), expected);
  });
}

function addition(path: string, bytes: number, haveBytes = 0): Addition {
  return { path: relativePath(path), bytes, haveBytes };
}

const USED: Usage = { bytes: 100 * KIB, files: 10 };
const FITS: [string, Quota, Addition[], [string, "bytes" | "files"][]][] = [
  ["all without a quota", NO_QUOTA, [addition("a", 1e12)], []],
  ["all that has just enough", { bytes: 108 * KIB, files: 12 }, [
    addition("a", 1),
    addition("b", 4 * KIB),
  ], []],
  ["the smaller ones before a large one", { bytes: 120 * KIB, files: 99 }, [
    addition("large", 40 * KIB),
    addition("a", 1),
    addition("b", 1),
  ], [["large", "bytes"]]],
  ["what is there for the most part", { bytes: 108 * KIB, files: 99 }, [
    addition("large", 40 * KIB, 36 * KIB),
  ], []],
  ["nothing when the files are all there", { bytes: undefined, files: 10 }, [
    addition("a", 1),
  ], [["a", "files"]]],
  [
    "nothing of who has more than is allowed by now",
    {
      bytes: 50 * KIB,
      files: 5,
    },
    [addition("a", 1)],
    [["a", "files"]],
  ],
  ["nothing without its directory", { bytes: 104 * KIB, files: undefined }, [
    addition("first", 0),
    addition("d", 0),
    addition("d/e", 0),
    addition("d/e/there", 4 * KIB, 4 * KIB),
  ], [["d", "bytes"], ["d/e", "bytes"], ["d/e/there", "bytes"]]],
];
for (const [what, quota, additions, expected] of FITS) {
  Deno.test(`overQuota() lets in ${what}`, () => {
    const over = overQuota(additions, { user: "alice", quota, used: USED });
    assert.deepEqual(
      [...over].map(([path, { quota }]) => [path, quota?.unit]),
      expected,
    );
  });
}

Deno.test("overQuota() never lets a user have more than its quota, and nothing without its directory", () => {
  const limit = fc.option(fc.nat({ max: 40 }), { nil: undefined });
  const path = fc.array(fc.constantFrom("a", "b", "c"), {
    minLength: 1,
    maxLength: 3,
  }).map((names) => names.join("/"));
  const additions = fc.uniqueArray(
    fc.record({ path, blocks: fc.nat({ max: 8 }), have: fc.nat({ max: 8 }) }),
    { selector: ({ path }) => path },
  );
  fc.assert(
    fc.property(limit, limit, additions, (blocks, files, wanted) => {
      const quota = {
        bytes: blocks === undefined ? undefined : blocks * 4096,
        files,
      };
      const list = wanted.map(({ path, blocks, have }) =>
        addition(path, blocks * 4096, have * 4096)
      );
      const used = { bytes: 10 * 4096, files: 5 };
      const over = overQuota(list, { user: "alice", quota, used });
      const going = list.filter(({ path }) => !over.has(path));
      const grown = going.reduce(
        (sum, { bytes, haveBytes }) =>
          sum + Math.max(Math.max(bytes, 4096) - haveBytes, 0),
        0,
      );
      if (going.length > 0) {
        assert.ok(
          grown === 0 || used.bytes + grown <= (quota.bytes ?? Infinity),
        );
        assert.ok(used.files + going.length <= (files ?? Infinity));
      }
      for (const { path } of going) {
        assert.ok(!ancestorsOf(path).some((above) => over.has(above)));
      }
      for (const { needBytes, roomBytes, quota } of over.values()) {
        assert.ok(needBytes >= 0 && roomBytes >= 0 && quota?.user === "alice");
      }
    }),
  );
});

const TEXTS: [string, Quota | undefined][] = [
  ["10G", { bytes: 10 * 1024 ** 3, files: undefined }],
  ["10GB,100k", { bytes: 10e9, files: 100_000 }],
  ["4096, 7", { bytes: 4096, files: 7 }],
  ["none", NO_QUOTA],
  ["none,2m", { bytes: undefined, files: 2_000_000 }],
  ["1g,none", { bytes: 1024 ** 3, files: undefined }],
  ["0", { bytes: 0, files: undefined }],
  ["", undefined],
  [",5", undefined],
  ["10G,", undefined],
  ["10G,5,5", undefined],
  ["-1", undefined],
  ["10G,1.5k", undefined],
  ["10G,1kb", undefined],
  ["much", undefined],
  ["10G,99999999999999999", undefined],
];
for (const [text, expected] of TEXTS) {
  Deno.test(`parseQuota() reads '${text}' as ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(parseQuota(text), expected);
    if (expected === undefined) return;
    assert.deepEqual(parseQuota(formatQuota(expected)), expected);
  });
}

Deno.test("usageText() tells what a user has of what it may have", () => {
  const used = { bytes: 3_200_000_000, files: 1204 };
  assert.equal(usageText(used, NO_QUOTA), "3.2 GB, 1,204 files");
  assert.equal(
    usageText(used, { bytes: 10e9, files: 100_000 }),
    "3.2 GB of 10 GB, 1,204 files of 100,000",
  );
});

Deno.test("shortageWords() says whose quota it is, what is needed and what is left", () => {
  const machine = { machine: "the server", other: "exclude the file" };
  const quota: Quota = { bytes: 108 * KIB, files: 100_000 };
  const over = overQuota([addition("large", 40_000)], {
    user: "alice",
    quota,
    used: USED,
  });
  const [shortage] = over.values();
  assert.ok(shortage !== undefined);
  const { cause, fix } = shortageWords(shortage, machine);
  assert.equal(
    cause,
    "over quota: it needs 41 kB, and 8.1 kB are left of the 111 kB that alice may have on the server, history included",
  );
  assert.match(fix, /sinkd server quota alice SIZE;/);
  const files = {
    ...shortage.quota,
    user: "alice",
    unit: "files",
    limit: 1000,
  };
  const words = shortageWords(
    { ...shortage, quota: { ...files, unit: "files" } },
    machine,
  );
  assert.match(
    words.cause,
    /it needs 1 file, and 0 are left of the 1,000 that/,
  );
  assert.match(words.fix, /sinkd server quota alice SIZE FILES;/);
});
