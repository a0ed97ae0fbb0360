import assert from "node:assert/strict";
import type { AnchorConfig } from "../../lib/core/config.ts";
import { moveQuestion } from "../../lib/core/join_move.ts";

const anchor = { path: "/home/a/docs", name: "docs" } as AnchorConfig;
const [ONE, TWO] = ["1".repeat(64), "2".repeat(64)];
const before = {
  user: "alice",
  addresses: ["home:8883", "moved:8883"],
  fingerprints: [ONE],
};
const to = { user: "alice", address: "home:8883", fingerprint: ONE };

Deno.test.each([
  { what: "the same again", asks: false, to },
  { what: "a new certificate", asks: false, to: { ...to, fingerprint: TWO } },
  { what: "a new address", asks: false, to: { ...to, address: "new:8883" } },
  {
    what: "where its user moved to",
    asks: false,
    to: { ...to, address: "moved:8883", fingerprint: TWO },
  },
  { what: "another user", asks: true, to: { ...to, user: "bob" } },
  {
    what: "another server",
    asks: true,
    to: { ...to, address: "new:8883", fingerprint: TWO },
  },
  {
    what: "another user and server",
    asks: true,
    to: { user: "bob", address: "new:8883", fingerprint: TWO },
  },
])("moveQuestion() about $what: $asks", ({ asks, to }) => {
  const question = moveQuestion(before, to, [anchor]);
  assert.equal(question !== undefined, asks);
  if (question !== undefined) {
    for (const told of ["/home/a/docs", "alice", to.user, to.address]) {
      assert.ok(question.includes(told), `${told}: ${question}`);
    }
    assert.match(question, /nothing is deleted.*--move/);
  }
  assert.equal(moveQuestion(before, to, []), undefined);
  assert.equal(moveQuestion(undefined, to, [anchor]), undefined);
});

Deno.test("moveQuestion() asks about another user also where only the record tells who it was", () => {
  const recorded = { user: "alice", addresses: [], fingerprints: [] };
  assert.equal(moveQuestion(recorded, to, [anchor]), undefined);
  assert.notEqual(
    moveQuestion(recorded, { ...to, user: "bob" }, [anchor]),
    undefined,
  );
});
