import assert from "node:assert/strict";
import fc from "fast-check";
import {
  clientTopic,
  headTopic,
  MAX_PAYLOAD_BYTES,
  msgHeadSchema,
  msgReplySchema,
  msgStatusSchema,
  msgUpdateSchema,
  parseClientTopic,
  parsePayload,
  replyTopic,
} from "../../lib/core/protocol.ts";

const EPOCH = "0123456789abcdef";
const UPDATE = {
  status: "Sinkd",
  version: 1,
  path: "/srv/sinkd/alice/docs",
  date: 20260102,
  cycle: 3,
  epoch: EPOCH,
  changes: 1,
  bytes: 2,
  host: "laptop",
};
const PATH = { version: 1, path: "/srv/sinkd/alice/docs" };

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(
    typeof value === "string" ? value : JSON.stringify(value),
  );
}

Deno.test("parsePayload() takes every message of the protocol", () => {
  const stamp = { date: 20260102, cycle: 3 };
  for (const status of ["Sinkd", "Behind", "Updating", "Held"]) {
    const message = { ...UPDATE, status };
    assert.deepEqual(parsePayload(msgUpdateSchema, bytes(message)), {
      ok: true,
      value: message,
    });
  }
  const first = { ...UPDATE, epoch: "" };
  assert.ok(parsePayload(msgUpdateSchema, bytes(first)).ok);
  const offline = { status: "Offline", version: 1 };
  assert.ok(parsePayload(msgUpdateSchema, bytes(offline)).ok);
  const status = { version: 1, state: "Synching" };
  assert.ok(parsePayload(msgStatusSchema, bytes(status)).ok);
  const head = { version: 1, epoch: EPOCH, ...stamp };
  assert.ok(parsePayload(msgHeadSchema, bytes(head)).ok);
  const replies = [
    { kind: "Cache", ...PATH },
    { kind: "Sinkd", ...PATH, epoch: EPOCH, ...stamp, since: stamp },
    { kind: "Error", ...PATH, message: "no" },
    {
      kind: "Channel",
      ...PATH,
      session: EPOCH,
      token: EPOCH + EPOCH,
    },
  ];
  for (const reply of replies) {
    assert.deepEqual(parsePayload(msgReplySchema, bytes(reply)), {
      ok: true,
      value: reply,
    });
  }
});

const BAD: [string, unknown][] = [
  ["nothing", ""],
  ["no JSON", "{"],
  ["another kind of value", 7],
  ["null", null],
  ["another version", { ...UPDATE, version: 2 }],
  ["no version", { ...UPDATE, version: undefined }],
  ["an unknown status", { ...UPDATE, status: "Sunk" }],
  ["one field too many", { ...UPDATE, extra: true }],
  ["a negative cycle", { ...UPDATE, cycle: -1 }],
  ["a broken number", { ...UPDATE, changes: 0.5 }],
  ["a number beyond what counts", { ...UPDATE, bytes: 1e300 }],
  ["another epoch's shape", { ...UPDATE, epoch: "ABC" }],
  ["no path", { ...UPDATE, path: "" }],
  ["a long path", { ...UPDATE, path: "x".repeat(4097) }],
  ["a long host", { ...UPDATE, host: "x".repeat(256) }],
  ["a list", [UPDATE]],
];
for (const [what, value] of BAD) {
  Deno.test(`parsePayload() refuses ${what}, with a reason`, () => {
    const parsed = parsePayload(msgUpdateSchema, bytes(value));
    assert.ok(!parsed.ok);
    assert.ok(parsed.reason.length > 0 && parsed.reason.length < 500);
  });
}

Deno.test("parsePayload() refuses what is too large before it looks at it", () => {
  const parsed = parsePayload(
    msgUpdateSchema,
    new Uint8Array(MAX_PAYLOAD_BYTES + 1),
  );
  assert.deepEqual(parsed, { ok: false, reason: "larger than 16384 bytes" });
});

Deno.test("parsePayload() never throws, whatever bytes come", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
    assert.equal(typeof parsePayload(msgUpdateSchema, payload).ok, "boolean");
  }));
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const parsed = parsePayload(msgReplySchema, bytes(JSON.stringify(value)));
    assert.equal(typeof parsed.ok, "boolean");
  }));
});

Deno.test("parseClientTopic() takes a client's own topic only", () => {
  const topic = clientTopic("alice", "laptop");
  assert.deepEqual(parseClientTopic(topic), {
    user: "alice",
    client: "laptop",
  });
  const bad = [
    "",
    "sinkd",
    "sinkd/clients/alice",
    "sinkd/clients/alice/",
    "sinkd/clients//laptop",
    "sinkd/clients/alice/laptop/more",
    "sinkd/clients/+/laptop",
    "sinkd/clients/alice/#",
    "sinkd/clients/$x/laptop",
    "sinkd/clients/../laptop",
    "other/clients/alice/laptop",
    "/sinkd/clients/alice/laptop",
    headTopic("alice"),
    replyTopic("alice", "laptop"),
  ];
  for (const other of bad) {
    assert.equal(parseClientTopic(other), undefined, other);
  }
});
