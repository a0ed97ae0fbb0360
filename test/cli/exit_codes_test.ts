import assert from "node:assert/strict";
import { exitCodeOf, messageOf } from "../../lib/cli/exit_codes.ts";
import { UsageError } from "../../lib/core/fault.ts";

Deno.test("exitCodeOf() takes a UsageError's own code and 1 for the rest", () => {
  assert.equal(exitCodeOf(new UsageError("a")), 2);
  assert.equal(exitCodeOf(new UsageError("a", 3)), 3);
  assert.equal(exitCodeOf(new UsageError("a", 4)), 4);
  assert.equal(exitCodeOf(new Error("a")), 1);
  assert.equal(exitCodeOf("a"), 1);
});

Deno.test("messageOf() is one line with the causes that say more", () => {
  const disk = new Error("disk\n  full");
  const inner = new Error("Cannot write '/a'", { cause: disk });
  assert.equal(
    messageOf(new Error("Cannot save: Cannot write '/a'", { cause: inner })),
    "Cannot save: Cannot write '/a': disk full",
  );
  assert.equal(messageOf("odd"), "odd");
});
