import assert from "node:assert/strict";
import fc from "fast-check";
import { parseMinFree } from "../../lib/core/config_values.ts";
import { relativePath } from "../../lib/core/path.ts";
import {
  type DiskSpace,
  isTooFull,
  keepBytes,
  type MinFree,
  misfits,
  neededBytes,
  needOf,
  roomBytes,
  shortageWords,
} from "../../lib/core/room.ts";
import { bytesText } from "../../lib/core/size_text.ts";

const BLOCK = 4096;
const MB = 1_000_000;

function space(availableBytes: number, totalBytes = 300 * MB): DiskSpace {
  return { totalBytes, availableBytes, blockBytes: BLOCK, freeFiles: 100 };
}

const percent = (percent: number, mostBytes?: number): MinFree => ({
  kind: "percent",
  percent,
  ...(mostBytes === undefined ? {} : { mostBytes }),
});

Deno.test.each(
  [
    [percent(1), 300 * MB, 3 * MB],
    [percent(1), 101, 2],
    [percent(0), 300 * MB, 0],
    [percent(1, 100 * MB), 1e13, 100 * MB],
    [percent(1, 100 * MB), 2 * MB, 20_000],
    [{ kind: "bytes", bytes: 7 }, 300 * MB, 7],
  ] satisfies [MinFree, number, number][],
)(
  "keepBytes() of %o on a disk of %i is %i",
  (minFree, total, keep) => assert.equal(keepBytes(minFree, total), keep),
);

Deno.test.each([
  // available, reserved, kept: what may be used
  [10, 0, 0, 10],
  [10, 10, 0, 0],
  [10, 11, 0, 0],
  [10, 4, 5, 1],
  [10, 5, 5, 0],
  [4, 0, 5, 0],
])(
  "roomBytes() with %i free, %i reserved, %i kept is %i",
  (free, reservedBytes, bytes, room) => {
    const minFree = { kind: "bytes", bytes } as const;
    assert.equal(roomBytes(space(free), { minFree, reservedBytes }), room);
  },
);

Deno.test.each([
  // bytes, have: what is needed
  [0, 0, BLOCK],
  [1, 0, BLOCK],
  [BLOCK, 0, BLOCK],
  [BLOCK + 1, 0, 2 * BLOCK],
  [3 * BLOCK, BLOCK, 2 * BLOCK],
  [BLOCK, 2 * BLOCK, 0],
])(
  "neededBytes() of %i bytes with %i there is %i",
  (bytes, haveBytes, needed) => {
    const path = relativePath("a");
    assert.equal(neededBytes({ path, bytes, haveBytes }, BLOCK), needed);
  },
);

Deno.test("misfits() refuses a file that is one byte too large, and none that just fits", () => {
  const path = relativePath("a");
  const room = { blockBytes: 1, freeFiles: undefined };
  for (const bytes of [1, 2, 4096, 400 * MB]) {
    const need = [{ path, bytes }];
    assert.equal(misfits(need, { ...room, roomBytes: bytes }).size, 0);
    assert.deepEqual([...misfits(need, { ...room, roomBytes: bytes - 1 })], [
      [path, { needBytes: bytes, roomBytes: bytes - 1 }],
    ]);
  }
});

Deno.test("misfits() refuses what has no free file", () => {
  const needs = ["a", "b"].map((name) => ({
    path: relativePath(name),
    bytes: 1,
  }));
  const room = { roomBytes: MB, blockBytes: BLOCK };
  assert.equal(misfits(needs, { ...room, freeFiles: 1 }).size, 1);
  assert.equal(misfits(needs, { ...room, freeFiles: 0 }).size, 2);
  assert.equal(misfits(needs, { ...room, freeFiles: undefined }).size, 0);
});

Deno.test("misfits() lets as many go as can, never more than there is space for", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 50_000 }), {
    maxLength: 30,
  });
  fc.assert(fc.property(sizes, fc.nat(500_000), (sizes, room) => {
    const needs = sizes.map((bytes, index) => ({
      path: relativePath(`f${index}`),
      bytes,
    }));
    const left = misfits(needs, {
      roomBytes: room,
      blockBytes: BLOCK,
      freeFiles: undefined,
    });
    const going = needs.filter(({ path }) => !left.has(path));
    const sum = going.reduce((sum, need) => sum + neededBytes(need, BLOCK), 0);
    assert.ok(sum <= room);
    for (const { needBytes } of left.values()) {
      assert.ok(sum + needBytes > room);
    }
  }));
});

Deno.test.each([
  // free, kept: too full
  [300 * MB, 3 * MB, false],
  [3 * MB, 3 * MB, false],
  [3 * MB - 1024 * 1024, 3 * MB, false],
  [3 * MB - 1024 * 1024 - 1, 3 * MB, true],
  [50, 100, false],
  [49, 100, true],
  [0, 0, false],
])("isTooFull() with %i free and %i to keep is %o", (free, bytes, full) => {
  assert.equal(isTooFull(space(free), { kind: "bytes", bytes }), full);
});

Deno.test("needOf() is the size of a file, less its holes", () => {
  const file = {
    kind: "file",
    size: 400 * MB,
    mtimeMs: 0,
    mode: 0o644,
  } as const;
  assert.equal(needOf(file, undefined), 400 * MB);
  assert.equal(needOf(file, BLOCK), BLOCK);
  assert.equal(needOf({ ...file, size: 1 }, BLOCK), 1);
  assert.equal(needOf({ kind: "directory", mode: 0o755 }, undefined), 0);
});

Deno.test.each([
  ["5%", { kind: "percent", percent: 5 }],
  [" 2.5 % ", { kind: "percent", percent: 2.5 }],
  ["0%", { kind: "percent", percent: 0 }],
  ["500m", { kind: "bytes", bytes: 500 * 1024 * 1024 }],
  [0, { kind: "bytes", bytes: 0 }],
  [1000, { kind: "bytes", bytes: 1000 }],
])("parseMinFree() takes %o", (given, value) => {
  assert.deepEqual(parseMinFree(given), { ok: true, value });
});

Deno.test.each([["100%"], ["-1%"], ["%"], ["much"], [-1], [true], ["5 %%"]])(
  "parseMinFree() refuses %o",
  (given) => assert.equal(parseMinFree(given).ok, false),
);

Deno.test("shortageWords() names disk, machine, need, space, and what to free", () => {
  const shortage = {
    disk: "/srv",
    needBytes: 400 * MB,
    roomBytes: 280 * MB,
  };
  const { cause, fix } = shortageWords(shortage, {
    machine: "the server",
    other: "exclude the file",
  });
  assert.match(cause, /400 MB on the server/);
  assert.match(cause, /280 MB can be used on the disk of \/srv/);
  assert.match(fix, /free up at least 120 MB .*the server.*exclude the file/);
});

Deno.test.each([
  [0, "0 bytes", "0 bytes"],
  [1, "1 byte", "1 byte"],
  [999, "999 bytes", "999 bytes"],
  [1000, "1 kB", "1 kB"],
  [1001, "1.1 kB", "1 kB"],
  [99_999, "100 kB", "99.9 kB"],
  [999_999, "1 MB", "999 kB"],
  [2_130_000, "2.2 MB", "2.1 MB"],
  [5e15, "5 PB", "5 PB"],
])("bytesText() of %i is '%s', rounded down '%s'", (bytes, up, down) => {
  assert.equal(bytesText(bytes, "up"), up);
  assert.equal(bytesText(bytes, "down"), down);
});
