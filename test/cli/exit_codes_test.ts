import assert from "node:assert/strict";
import {
  exitCodeOf,
  exitCodeOfReport,
  messageOf,
} from "../../lib/cli/exit_codes.ts";
import { UsageError } from "../../lib/core/fault.ts";
import type { StatusReport } from "../../lib/core/status.ts";
import { anchorReport, clientReport, fault, serverReport } from "./reports.ts";

const held = { reason: "paused", fix: "sinkd resume", paths: [] };
const stamp = { date: 0, cycle: 0 };
const reports: readonly [string, StatusReport, number][] = [
  ["a client is in step", clientReport(), 0],
  [
    "there are conflict copies and problems",
    clientReport({
      anchors: [anchorReport({ conflicts: ["a"], errors: [fault()] })],
      errors: [fault()],
    }),
    0,
  ],
  ["it is behind", clientReport({ state: "Behind" }), 1],
  ["it works", clientReport({ state: "Updating" }), 1],
  ["it is offline", clientReport({ state: "Offline" }), 1],
  [
    "the server is offline",
    clientReport({ server: { address: "a:1", state: "Offline", stamp } }),
    1,
  ],
  [
    "a change waits",
    clientReport({ anchors: [anchorReport({ pending: 1 })] }),
    1,
  ],
  [
    "one anchor is behind",
    clientReport({
      anchors: [anchorReport(), anchorReport({ state: "Behind" })],
    }),
    1,
  ],
  ["it is held", clientReport({ state: "Held" }), 4],
  [
    "one anchor is paused while offline",
    clientReport({ state: "Offline", anchors: [anchorReport({ held })] }),
    4,
  ],
  ["the server is done", serverReport(), 0],
  ["the server works", serverReport({ state: "Synching" }), 1],
  ["the server's broker is gone", serverReport({ state: "Offline" }), 1],
];

for (const [when, report, code] of reports) {
  Deno.test(`exitCodeOfReport() is ${code} when ${when}`, () => {
    assert.equal(exitCodeOfReport(report), code);
  });
}

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
