import assert from "node:assert/strict";
import type { ClientMessage } from "../../lib/core/channel_protocol.ts";
import type { RelativePath } from "../../lib/core/path.ts";
import { ZERO_STAMP } from "../../lib/core/stamp.ts";
import { openJournal } from "../../lib/io/journal.ts";
import { openServerTree } from "../../lib/io/server_tree.ts";
import type { ServerLine } from "../../lib/ports.ts";
import { serveTurn } from "../../lib/turn/serve_turn.ts";
import { tempDirectory } from "../support/temp.ts";
import { ENDLESS_ROOM } from "../sim/endless_room.ts";

const EPOCH = "0123456789abcdef";

/** A client that hands in one new directory, and what it heard. */
function scripted(): { line: ServerLine; heard: string[] } {
  const heard: string[] = [];
  const says: ClientMessage[] = [
    {
      kind: "have",
      epoch: EPOCH,
      stamp: ZERO_STAMP,
      edits: 1,
      single: false,
      transfer: { compress: false, partial: false, checksum: false },
    },
    { kind: "want", plain: [], verify: [], last: true },
    { kind: "applied", stamp: ZERO_STAMP, left: 0 },
    { kind: "edits", count: 1, more: false },
    {
      kind: "entries",
      changes: [{
        path: "new" as RelativePath,
        entry: { kind: "directory", mode: 0o755 },
      }],
    },
    { kind: "checked", changed: [] },
    { kind: "agreed", more: false },
  ];
  const line: ServerLine = {
    send(message) {
      heard.push(message.kind);
      return Promise.resolve();
    },
    receive() {
      const next = says.shift();
      return next === undefined
        ? Promise.reject(new Error("the client has said all"))
        : Promise.resolve(next);
    },
    rsync: () => Promise.reject(new Error("nothing here needs bytes")),
  };
  return { line, heard };
}

/** One turn, in which the server loses its user when it has been asked `losesAt` times. */
async function turn(losesAt: number, isAdmitted = true) {
  await using directory = tempDirectory();
  Deno.mkdirSync(`${directory.path}/.sinkd`);
  using journal = openJournal(":memory:", () => EPOCH);
  const { line, heard } = scripted();
  let asked = 0;
  const ended = await serveTurn({
    path: "files" as RelativePath,
    stageName: "laptop",
    exclusive: true,
    line,
    journal,
    tree: openServerTree(directory.path, () => Promise.resolve()),
    room: ENDLESS_ROOM,
    today: () => 20261122,
    assertServed() {
      if (++asked > losesAt) throw new Error("another server has alice");
    },
    assertAdmitted() {
      if (!isAdmitted) throw new Error("the client was revoked");
    },
    onCommit: () => heard.push("(head published)"),
  }).then(() => "served", (error: Error) => error.message);
  return {
    ended,
    heard,
    cycle: journal.head().stamp.date,
    pending: journal.pendingIntents().length,
  };
}

Deno.test("serveTurn() commits, tells all, and tells the client, while the user is served here", async () => {
  const { ended, heard, cycle } = await turn(Infinity);
  assert.equal(ended, "served");
  assert.equal(cycle, 20261122);
  assert.deepEqual(heard.slice(-3), ["(head published)", "committed", "bye"]);
});

Deno.test("serveTurn() commits nothing when another server has the user", async () => {
  const { ended, heard, cycle, pending } = await turn(0);
  assert.equal(ended, "another server has alice");
  assert.equal(cycle, 0);
  assert.equal(pending, 0);
  assert.equal(heard.includes("committed"), false);
});

Deno.test("serveTurn() commits nothing for a client whose login does not count any more", async () => {
  const { ended, heard, cycle, pending } = await turn(Infinity, false);
  assert.equal(ended, "the client was revoked");
  assert.equal(cycle, 0);
  assert.equal(pending, 0);
  assert.equal(heard.includes("committed"), false);
});

Deno.test("serveTurn() tells nobody of a commit that came too late: the client keeps its edits", async () => {
  const { ended, heard } = await turn(1);
  assert.equal(ended, "another server has alice");
  assert.equal(heard.includes("(head published)"), false);
  assert.equal(heard.includes("committed"), false);
});
