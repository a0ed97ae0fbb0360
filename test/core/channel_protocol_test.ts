import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Change,
  clientMessageSchema,
  ENTRIES_PER_MESSAGE,
  helloTurnSchema,
  inMessages,
  serverMessageSchema,
  transferSchema,
} from "../../lib/core/channel_protocol.ts";
import type { Entry } from "../../lib/core/entry.ts";
import { encodeMessage } from "../../lib/core/frames.ts";
import { relativePath } from "../../lib/core/path.ts";

const file: Entry = { kind: "file", size: 1, mtimeMs: 1, mode: 0o644 };
const stamp = { date: 20260102, cycle: 1 };
const transfer = { compress: false, partial: true, checksum: false };
const EPOCH = "0123456789abcdef";

Deno.test("clientMessageSchema and serverMessageSchema take what the other side sends", () => {
  const client = [
    { kind: "have", epoch: "", stamp, edits: 0, single: false, transfer },
    { kind: "want", plain: [0], verify: [], last: true },
    { kind: "applied", stamp, left: 0 },
    { kind: "edits", count: 1, more: false },
    { kind: "entries", changes: [{ path: "a", entry: file, verify: true }] },
    { kind: "entries", changes: [{ path: "a", snapshot: true, entry: file }] },
    { kind: "checked", changed: [] },
    { kind: "agreed", more: true },
    { kind: "fail", message: "no" },
  ];
  for (const message of client) {
    assert.deepEqual(clientMessageSchema.parse(message), message);
  }
  const server = [
    { kind: "welcome", epoch: EPOCH, head: stamp },
    { kind: "changes", complete: true, count: 1, to: stamp, more: false },
    { kind: "entries", changes: [{ path: "a", versions: [file] }] },
    { kind: "rsync", direction: "update", password: EPOCH + EPOCH },
    { kind: "rsyncDone", code: 23 },
    { kind: "staged", detail: "" },
    { kind: "take", paths: 1, bytes: 1 },
    { kind: "check" },
    { kind: "committed", stamp, left: [{ index: 0, reason: "no" }] },
    { kind: "bye", stamp },
  ];
  for (const message of server) {
    assert.deepEqual(serverMessageSchema.parse(message), message);
  }
});

const BAD_PATHS = [
  "",
  "/etc/passwd",
  "../x",
  "a/../../x",
  ".sinkd/x",
  "a\0",
  ".",
];
for (const path of BAD_PATHS) {
  Deno.test(`clientMessageSchema and serverMessageSchema refuse the path ${JSON.stringify(path)}`, () => {
    const message = { kind: "entries", changes: [{ path, entry: file }] };
    assert.ok(!clientMessageSchema.safeParse(message).success);
    assert.ok(!serverMessageSchema.safeParse(message).success);
  });
}

const BAD: [string, unknown][] = [
  ["a field too many", { kind: "agreed", more: true, extra: 1 }],
  ["an unknown kind", { kind: "delete everything" }],
  ["a negative index", { kind: "checked", changed: [-1] }],
  ["a negative count", { kind: "edits", count: -1, more: false }],
  ["too many entries", {
    kind: "entries",
    changes: Array(ENTRIES_PER_MESSAGE + 1).fill({ path: "a" }),
  }],
  ["nothing", undefined],
];
for (const [what, message] of BAD) {
  Deno.test(`clientMessageSchema refuses ${what}`, () => {
    assert.ok(!clientMessageSchema.safeParse(message).success);
  });
}

Deno.test("transferSchema lets no other option of rsync in with the bandwidth", () => {
  for (const bwlimit of ["100", "1.5m", "10MiB", "2kb"]) {
    assert.ok(transferSchema.safeParse({ ...transfer, bwlimit }).success);
  }
  for (
    const bwlimit of ["", "-1", "1 --delete", "1m\n--delete", "$(x)", "1,2"]
  ) {
    assert.ok(
      !transferSchema.safeParse({ ...transfer, bwlimit }).success,
      bwlimit,
    );
  }
});

Deno.test("helloTurnSchema takes the hello of a turn and nothing else", () => {
  const hello = {
    kind: "turn",
    version: 1,
    user: "alice",
    client: "laptop",
    secret: "s",
    session: EPOCH,
    token: EPOCH + EPOCH,
  };
  assert.ok(helloTurnSchema.safeParse(hello).success);
  for (
    const change of [{ version: 2 }, { session: "x" }, { token: EPOCH }, {
      user: "x".repeat(65),
    }]
  ) assert.ok(!helloTurnSchema.safeParse({ ...hello, ...change }).success);
});

Deno.test("inMessages() keeps all entries in order, in messages that fit a frame", () => {
  const many = (count: number, change: Omit<Change, "path">): Change[] =>
    Array.from({ length: count }, (_, index) => ({
      path: relativePath(`f${index}`),
      ...change,
    }));
  const versions = Array<Entry>(1000).fill({ ...file, size: 2 ** 50 });
  const long = Array(15).fill("\x01".repeat(250)).join("/");
  const lists: Change[][] = [
    [],
    many(1, {}),
    many(ENTRIES_PER_MESSAGE, {}),
    many(ENTRIES_PER_MESSAGE + 1, { entry: file }),
    many(300, { versions } as Omit<Change, "path">),
    many(600, {}).map(({ path }) => ({
      path: relativePath(`${long}/${path}`),
      entry: { kind: "link", target: "\x01".repeat(4095) },
    })),
  ];
  for (const list of lists) {
    const messages = [...inMessages(list)];
    assert.deepEqual(messages.flat(), list);
    for (const changes of messages) {
      assert.ok(changes.length > 0 && changes.length <= ENTRIES_PER_MESSAGE);
      const frame = encodeMessage({ kind: "entries", changes });
      assert.ok(frame.length < 2 * 1024 * 1024);
    }
  }
});

Deno.test("clientMessageSchema never throws, whatever comes", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assert.equal(
      typeof clientMessageSchema.safeParse(value).success,
      "boolean",
    );
  }));
});
