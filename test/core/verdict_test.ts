import assert from "node:assert/strict";
import {
  type ClientReport,
  type Level,
  levels,
  type ServerReport,
  type StatusReport,
  statusReportSchema,
} from "../../lib/core/status.ts";
import { linesOf } from "../../lib/core/report_lines.ts";
import {
  exitCodeOfLevel,
  verdictOf,
  worstLevel,
} from "../../lib/core/verdict.ts";
import {
  anchorReport,
  clientReport,
  fault,
  serverReport,
} from "../cli/reports.ts";

/** One line that a status may show, and how bad that is. */
interface Shown<R> {
  readonly name: string;
  readonly level: Level;
  readonly add: (report: R) => R;
}

const held = { reason: "60 paths were deleted", fix: "approve", paths: ["a"] };
const stamp = { date: 20261122, cycle: 7 };
const found = {
  at: "2026-11-22T11:00:00Z",
  cause: "c",
  paths: ["a"],
  damage: true,
};

function onAnchor(
  over: Parameters<typeof anchorReport>[0],
): (report: ClientReport) => ClientReport {
  return (report) => ({
    ...report,
    anchors: report.anchors.map((anchor, at) =>
      at > 0 ? anchor : {
        ...anchor,
        ...over,
        errors: [...anchor.errors, ...over?.errors ?? []],
      }
    ),
  });
}

function withError(
  over: Parameters<typeof fault>[0],
): <R extends StatusReport>(report: R) => R {
  return (report) => ({ ...report, errors: [...report.errors, fault(over)] });
}

const { agreement } = anchorReport();
const CLIENT: readonly Shown<ClientReport>[] = [
  {
    name: "an old rsync",
    level: "note",
    add: withError({ level: "note", cause: "rsync is old" }),
  },
  {
    name: "conflict copies",
    level: "note",
    add: onAnchor({ conflicts: ["/a/b"] }),
  },
  {
    name: "files over the size limit",
    level: "note",
    add: onAnchor({ leftOut: [{ cause: "c", count: 1, paths: ["a"] }] }),
  },
  {
    name: "watching by scanning",
    level: "note",
    add: (report) => ({
      ...report,
      watcher: { mode: "scanning", detail: "d" },
    }),
  },
  {
    name: "bytes that this disk changed",
    level: "note",
    add: onAnchor({ agreement: { ...agreement, found } }),
  },
  {
    name: "a transfer",
    level: "busy",
    add: onAnchor({
      transfer: {
        direction: "send",
        files: 1,
        bytes: 2,
        done: 1,
        bytesPerSecond: 1,
        since: "2026-11-22T11:00:00Z",
      },
    }),
  },
  { name: "a pending change", level: "busy", add: onAnchor({ pending: 1 }) },
  {
    name: "news on the server",
    level: "busy",
    add: (report) => ({ ...report, state: "Behind" }),
  },
  {
    name: "one anchor at work",
    level: "busy",
    add: onAnchor({ state: "Updating" }),
  },
  {
    name: "a file that cannot be read",
    level: "problem",
    add: onAnchor({ errors: [fault()] }),
  },
  {
    name: "a full disk",
    level: "problem",
    add: withError({ path: "/", cause: "disk full" }),
  },
  {
    name: "a difference",
    level: "problem",
    add: onAnchor({
      agreement: { ...agreement, state: "differs", differs: ["/a/b"], found },
    }),
  },
  {
    name: "a server that is away",
    level: "offline",
    add: (report) => ({
      ...report,
      state: report.state === "Held" ? "Held" : "Offline",
      server: { ...report.server, state: "Offline" },
    }),
  },
  {
    name: "an anchor that is just being opened",
    level: "busy",
    add: (report) => ({
      ...report,
      anchors: [
        ...report.anchors,
        anchorReport({ state: "Updating", scanning: true }),
      ],
    }),
  },
  {
    name: "a held anchor",
    level: "decision",
    add: (report) => ({
      ...report,
      state: "Held",
      anchors: [...report.anchors, anchorReport({ state: "Held", held })],
    }),
  },
  {
    name: "a revoked machine",
    level: "decision",
    add: withError({ level: "decision", cause: "this machine was revoked" }),
  },
];

const machine = (
  over: Partial<ServerReport["users"][number]["clients"][number]>,
) =>
(report: ServerReport): ServerReport => ({
  ...report,
  users: report.users.map((user) => ({
    ...user,
    clients: [...user.clients, {
      client: `m${user.clients.length}`,
      host: "h",
      state: "Sinkd",
      stamp,
      lastSeen: null,
      needs: { held: 0, paused: 0, decisions: 0, problems: 0 },
      ...over,
    }],
  })),
});
const needing = (
  over: Partial<ServerReport["users"][number]["clients"][number]["needs"]>,
) =>
  machine({
    needs: { held: 0, paused: 0, decisions: 0, problems: 0, ...over },
  });
const elsewhere = (reason: "taken" | "stale" | "waiting") =>
(
  report: ServerReport,
): ServerReport => ({
  ...report,
  elsewhere: [...report.elsewhere, {
    user: "bob",
    server: "s",
    address: "a:1",
    since: null,
    reason,
  }],
});
const checked = (checks: Partial<ServerReport["users"][number]["checks"]>) =>
(
  report: ServerReport,
): ServerReport => ({
  ...report,
  users: report.users.map((user) => ({
    ...user,
    checks: { ...user.checks, ...checks },
  })),
});

const SERVER: readonly Shown<ServerReport>[] = [
  {
    name: "an old rsync",
    level: "note",
    add: withError({ level: "note", cause: "rsync is old" }),
  },
  {
    name: "a machine that is away",
    level: "note",
    add: machine({ state: "Offline" }),
  },
  {
    name: "files brought back",
    level: "note",
    add: checked({ mended: ["a"] }),
  },
  {
    name: "a queue",
    level: "busy",
    add: (report) => ({ ...report, state: "Synching" }),
  },
  {
    name: "a machine that is behind",
    level: "busy",
    add: machine({ state: "Behind" }),
  },
  { name: "a user that moves", level: "busy", add: elsewhere("waiting") },
  {
    name: "a full disk",
    level: "problem",
    add: withError({ path: "/srv", cause: "disk full" }),
  },
  {
    name: "a machine with a full disk",
    level: "problem",
    add: needing({ problems: 1 }),
  },
  {
    name: "a damaged file",
    level: "problem",
    add: checked({ damaged: ["a"] }),
  },
  {
    name: "a broker that is away",
    level: "offline",
    add: (report) => ({ ...report, state: "Offline" }),
  },
  {
    name: "a machine that is held",
    level: "decision",
    add: needing({ held: 1 }),
  },
  {
    name: "a machine that is paused",
    level: "decision",
    add: needing({ paused: 2 }),
  },
  {
    name: "a machine that was paused and is away",
    level: "decision",
    add: machine({
      state: "Offline",
      needs: { held: 0, paused: 1, decisions: 0, problems: 0 },
    }),
  },
  {
    name: "a machine that waits for a decision",
    level: "decision",
    add: needing({ decisions: 1 }),
  },
  { name: "a stale directory", level: "decision", add: elsewhere("stale") },
];

const GOOD = /^(Up to date|All requests are done|Nothing to sync yet|Ready)/;

/** The verdict on every combination of the lines is as bad as the worst of them. */
function checkAll<R extends StatusReport>(
  fine: R,
  table: readonly Shown<R>[],
): void {
  for (let chosen = 0; chosen < 2 ** table.length; chosen++) {
    const shown = table.filter((_, at) => (chosen >> at & 1) === 1);
    const report = shown.reduce((before, { add }) => add(before), fine);
    const { level, exitCode, mark, text } = verdictOf(report);
    const names = shown.map(({ name }) => name).join(", ");
    assert.equal(level, worstLevel(shown.map(({ level }) => level)), names);
    assert.equal(exitCode, exitCodeOfLevel(level), names);
    const isGood = level === "good" || level === "note";
    assert.equal(GOOD.test(mark), isGood, `${names}: ${mark}`);
    if (!isGood && level !== "busy") assert.notEqual(text, "", names);
    if (level !== "busy") assert.doesNotMatch(text, /nothing to do/i, names);
  }
}

Deno.test("verdictOf() is never better than the worst line of a client's report, in every combination", () => {
  checkAll(clientReport(), CLIENT);
});

Deno.test("verdictOf() is never better than the worst line of a server's report, in every combination", () => {
  checkAll(serverReport(), SERVER);
});

for (
  const [fine, table] of [
    [clientReport(), CLIENT],
    [serverReport(), SERVER],
  ] as const
) {
  for (const { name, level, add } of table) {
    Deno.test(`verdictOf() is ${level} for a ${fine.role} with ${name}`, () => {
      const report = add(fine as never);
      statusReportSchema.parse(report);
      assert.equal(verdictOf(report).level, level);
      assert.ok(linesOf(report).some((line) => line.level === level));
    });
  }
}

Deno.test("exitCodeOfLevel() rises with the level", () => {
  const codes = levels.map(exitCodeOfLevel);
  assert.deepEqual(codes, [0, 0, 1, 1, 1, 4]);
  assert.deepEqual([...levels].map((level) => worstLevel([level, "good"])), [
    ...levels,
  ]);
});

Deno.test("verdictOf() says what the worst line says", () => {
  const words = (report: StatusReport) => {
    const { mark, text } = verdictOf(report);
    return `${mark} ${text}`;
  };
  const revoked = fault({ level: "decision", cause: "it was revoked" });
  assert.match(words(clientReport({ errors: [revoked] })), /it was revoked/);
  const full = fault({ path: "server: /srv", cause: "disk full" });
  assert.match(
    words(serverReport({ errors: [full], state: "Synching" })),
    /server: \/srv: disk full/,
  );
  assert.match(
    words(clientReport({ errors: [full, fault(), revoked] })),
    /decision.*revoked/,
  );
  assert.match(
    words(clientReport({ errors: [full, fault({ cause: "other" })] })),
    /disk full \(and 1 more below\)/,
  );
  assert.match(
    words(needing({ paused: 2 })(serverReport())),
    /alice\/m1.*2 anchors paused/,
  );
});
