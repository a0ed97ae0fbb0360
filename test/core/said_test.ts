/**
 * What a machine may say about itself: a table of what must be refused, in each message that has it.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { z } from "zod";
import {
  clientMessageSchema,
  helloTurnSchema,
} from "../../lib/core/channel_protocol.ts";
import {
  helloProofSchema,
  proofAskSchema,
} from "../../lib/core/proof_protocol.ts";
import { msgUpdateSchema } from "../../lib/core/protocol.ts";
import {
  hostSchema,
  hostText,
  sentenceSchema,
  sentenceText,
} from "../../lib/core/said.ts";
import { helloJoinSchema } from "../../lib/io/join.ts";
import { helloPinsSchema } from "../../lib/io/pins.ts";

const LOGIN = {
  version: 1,
  user: "alice",
  client: "laptop",
  secret: "s3cret_-",
};
const STAMP = { date: 20260102, cycle: 3 };
const UPDATE = {
  status: "Sinkd",
  version: 1,
  path: "/srv/sinkd/alice/docs",
  ...STAMP,
  epoch: "0123456789abcdef",
  changes: 1,
  bytes: 2,
  host: "laptop",
};
const NEEDS = { held: 0, paused: 0, decisions: 0, problems: 0 };
const TRANSFER = { compress: false, partial: true, checksum: false };

/** Messages of a client that are right, each with where it says something of itself. */
const MESSAGES: readonly {
  readonly schema: z.ZodType;
  readonly message: Record<string, unknown>;
  readonly says: readonly string[];
}[] = [
  {
    schema: msgUpdateSchema,
    message: UPDATE,
    says: ["version", "path", "host", "epoch", "changes", "bytes"],
  },
  {
    schema: msgUpdateSchema,
    message: { status: "Report", version: 1, host: "laptop", needs: NEEDS },
    says: ["version", "host", "needs"],
  },
  {
    schema: helloTurnSchema,
    message: {
      kind: "turn",
      ...LOGIN,
      session: "0123456789abcdef",
      token: "0123456789abcdef".repeat(2),
    },
    says: ["version", "user", "client", "secret", "session", "token"],
  },
  {
    schema: helloProofSchema,
    message: { kind: "proof", ...LOGIN },
    says: ["version", "user", "client", "secret"],
  },
  {
    schema: helloPinsSchema,
    message: { kind: "pins", ...LOGIN },
    says: ["version", "user", "client", "secret"],
  },
  {
    schema: helloJoinSchema,
    message: { kind: "join", ...LOGIN, token: "t0ken", host: "laptop" },
    says: ["version", "user", "secret", "token", "host"],
  },
  {
    schema: clientMessageSchema,
    message: { kind: "fail", message: "the disk is full" },
    says: ["message"],
  },
  {
    schema: proofAskSchema,
    message: { kind: "fail", message: "the disk is full" },
    says: ["message"],
  },
  {
    schema: clientMessageSchema,
    message: {
      kind: "have",
      epoch: "",
      stamp: STAMP,
      edits: 0,
      single: false,
      transfer: { ...TRANSFER, bwlimit: "1m" },
    },
    says: ["epoch", "edits"],
  },
];

/** Paths may have any character that a file's name may have; they are escaped where they are shown. */
const PATHS = ["path"];
const CONTROLS = [
  "\0",
  "\n",
  "\r",
  "\x1b[2J",
  "\x7f",
  "\x9b",
  "\u202e",
  "\u2066",
  "\u2028",
];
const REFUSED: readonly unknown[] = [
  "x".repeat(5000),
  "\ud800",
  "a\0b",
  -1,
  Number.MAX_VALUE,
  null,
  {},
  [],
];

for (const { schema, message, says } of MESSAGES) {
  const title = String(message["kind"] ?? message["status"]);
  Deno.test(`a message '${title}' is taken as it should be, and refused with anything else in ${says.join(", ")}`, () => {
    assert.ok(schema.safeParse(message).success, "the message itself");
    for (const key of says) {
      const controls = PATHS.includes(key)
        ? []
        : CONTROLS.map((control) => `a${control}b`);
      for (const value of [...REFUSED, ...controls]) {
        assert.ok(
          !schema.safeParse({ ...message, [key]: value }).success,
          `${key}: ${JSON.stringify(value)?.slice(0, 40)}`,
        );
      }
    }
  });
}

Deno.test("a limit of bandwidth is bounded", () => {
  const { message, schema } = MESSAGES.at(-1) ?? assert.fail();
  for (const bwlimit of ["1".repeat(40), "1m\n", "1m --delete"]) {
    const transfer = { ...TRANSFER, bwlimit };
    assert.ok(!schema.safeParse({ ...message, transfer }).success, bwlimit);
  }
});

Deno.test("hostText() and sentenceText() make of any text one that is taken, and leave a good one alone", () => {
  fc.assert(fc.property(
    fc.string({ unit: "binary", maxLength: 2000 }),
    (text) => {
      const [host, sentence] = [hostText(text), sentenceText(text)];
      assert.ok(hostSchema.safeParse(host).success, JSON.stringify(host));
      assert.ok(sentenceSchema.safeParse(sentence).success);
      if (hostSchema.safeParse(text).success) assert.equal(host, text);
    },
  ));
  assert.ok(
    hostSchema.safeParse(hostText("é\ud83d\ude00".repeat(255))).success,
  );
});
