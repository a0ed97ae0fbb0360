import assert from "node:assert/strict";
import { renderJson } from "../../lib/cli/render/json.ts";
import { plain } from "../../lib/core/plain_text.ts";
import { ago } from "../../lib/cli/render/style.ts";
import { renderText } from "../../lib/cli/render/text.ts";
import {
  clientReportSchema,
  type StatusReport,
  statusReportSchema,
} from "../../lib/core/status.ts";
import {
  anchorReport,
  clientReport,
  fault,
  NOW_MS,
  serverReport,
} from "./reports.ts";

function text(report: StatusReport): string {
  statusReportSchema.parse(report);
  return renderText(report, { nowMs: NOW_MS, colour: false });
}

function firstLine(report: StatusReport): string {
  return text(report).split("\n")[0] ?? "";
}

Deno.test("renderText() shows a client that works on one aligned screen", () => {
  assert.equal(
    text(clientReport({
      anchors: [
        anchorReport({ name: "docs" }),
        anchorReport({
          path: "/home/alice/写真",
          pending: 12,
          state: "Updating",
        }),
      ],
    })),
    `Working. 12 changes to send. Nothing to do.

Client  alice/laptop  Sinkd  20261122.7  pid 42, sinkd 0.1.0
Server  nas:8883      Sinkd  20261122.7

Anchor                   State     Pending  Conflicts  Last sync  Agreed
/home/alice/docs (docs)  Sinkd           0          0  3 s ago    60 s ago
/home/alice/写真         Updating       12          0  3 s ago    60 s ago
`,
  );
});

const stamp = { date: 0, cycle: 0 };
const verdicts: readonly [StatusReport, RegExp][] = [
  [clientReport(), /^Up to date\.$/],
  [
    clientReport({ errors: [fault({ level: "note" })] }),
    /^Up to date\. 1 note below\.$/,
  ],
  [
    clientReport({ errors: [fault()] }),
    /^Not everything is synced: .*it is a FIFO\.$/,
  ],
  [
    clientReport({ state: "Behind" }),
    /^Not up to date yet\. The server has changes/,
  ],
  [clientReport({ anchors: [] }), /^Nothing to sync yet\..*sinkd add PATH/],
  [
    clientReport({
      state: "Offline",
      server: { address: "nas:8883", state: "Offline", stamp },
      anchors: [anchorReport({ state: "Offline", pending: 2 })],
    }),
    /^Offline\. The server nas:8883 does not answer\. 2 changes wait here, safe/,
  ],
  [
    clientReport({
      state: "Held",
      anchors: [anchorReport({
        state: "Held",
        held: { reason: "60 of 100 files were deleted", fix: "f", paths: [] },
      })],
    }),
    /^Needs your decision: \/home\/alice\/docs: 60 of 100 files were deleted\.$/,
  ],
  [
    clientReport({
      anchors: [anchorReport({ pending: 1, errors: [fault()] })],
      errors: [fault({ fix: "the same, told twice" })],
    }),
    /^Not everything is synced: .*FIFO\. 1 change waits here, safe\.$/,
  ],
  [serverReport(), /^All requests are done\.$/],
  [serverReport({ users: [] }), /^Ready, without users\..*adduser/],
  [
    serverReport({ state: "Synching", users: [] }),
    /^Working\.$/,
  ],
  [serverReport({ state: "Offline" }), /^Offline\. The broker embedded/],
  [
    serverReport({ errors: [fault()] }),
    /^Not everything is synced: .*it is a FIFO\.$/,
  ],
  [
    serverReport({ errors: [fault({ level: "note" })] }),
    /^All requests are done\. 1 note below\.$/,
  ],
];

for (const [report, verdict] of verdicts) {
  Deno.test(`renderText() begins with the verdict ${verdict}`, () => {
    assert.match(firstLine(report), verdict);
  });
}

Deno.test("renderText() lists what is held, problems with why and fix, and conflict copies", () => {
  const shown = text(clientReport({
    anchors: [anchorReport({
      state: "Held",
      held: {
        reason: "60 files were deleted",
        fix: "sinkd approve, or sinkd reject",
        paths: Array.from({ length: 60 }, (_, at) => `gone-${at}`),
      },
      errors: [fault()],
      conflicts: Array.from({ length: 7 }, (_, at) => `c${at}.txt`),
    })],
  }));
  for (
    const part of [
      "  why: 60 files were deleted\n  fix: sinkd approve, or sinkd reject\n",
      "  gone-4\n  and 55 more",
      "  /home/alice/docs/pipe  (60 min ago)\n    why: it is a FIFO\n    fix: remove or exclude it\n",
      "7 conflict copies (",
      "  /home/alice/docs/c4.txt\n  and 2 more; all of them: sinkd status --json\n",
    ]
  ) assert.ok(shown.includes(part), `${part}\nis not in\n${shown}`);
});

Deno.test("renderText() shows held deletions by directory, with counts and ages", () => {
  const group = (directory: string, paths: number) => ({
    directory,
    paths,
    since: "2026-11-22T11:57:00Z",
  });
  const shown = text(clientReport({
    anchors: [anchorReport({
      held: {
        reason: "1,205 paths were deleted here at once",
        fix: "sinkd approve, or sinkd reject",
        paths: ["photos/2019/a"],
        groups: [group("photos/2019", 1204), group("", 1)],
      },
    })],
  }));
  assert.ok(
    shown.includes(
      "  1,204 paths in photos/2019 (deleted 3 min ago)\n  1 path in /home/alice/docs (deleted 3 min ago)\n",
    ),
    shown,
  );
});

Deno.test("renderText() stays one screen when there is very much", () => {
  const many = Array.from({ length: 500 }, (_, at) => `n${at}`);
  const lines = text(clientReport({
    anchors: [anchorReport({
      held: { reason: "r", fix: "f", paths: many },
      conflicts: many,
      errors: many.map((path) => fault({ path })),
    })],
  })).split("\n");
  assert.ok(lines.length < 60, `${lines.length} lines`);
});

Deno.test("renderText() shows a server with its users and clients", () => {
  const shown = text(serverReport());
  assert.match(shown, /^Server {2}0\.0\.0\.0:8883 {2}Sinkd {2}pid 7/m);
  assert.match(shown, /^Broker {2}embedded$/m);
  assert.match(shown, /^alice +Sinkd +20261122\.7 +0 +100 %$/m);
  assert.match(shown, /laptop +lap\.local +Sinkd +20261122\.7 +10 min ago$/m);
});

Deno.test("renderText() says which server has whom this one does not serve", () => {
  const shown = text(serverReport({
    elsewhere: [{
      user: "bob",
      server: "rack2",
      address: "10.0.0.2:8883",
      since: "2026-11-22T11:50:00Z",
      reason: "taken",
    }, {
      user: "carol",
      server: "",
      address: "",
      since: null,
      reason: "waiting",
    }],
  }));
  assert.match(
    shown,
    /^bob +another server has it +rack2 +10\.0\.0\.2:8883 +10 min ago$/m,
  );
  assert.match(shown, /^carol +waits to see who has it$/m);
});

Deno.test("renderText() names what differs from the server, and what did", () => {
  const { agreement } = anchorReport();
  const found = {
    at: "2026-11-22T11:50:00Z",
    cause: "its bytes differ",
    paths: ["/home/alice/docs/a"],
  };
  const shown = (state: "differs" | "agreed", damage = false) =>
    text(clientReport({
      anchors: [anchorReport({
        agreement: {
          ...agreement,
          state,
          found: { ...found, damage },
          differs: state === "differs" ? ["/home/alice/docs/b"] : [],
        },
      })],
    }));
  assert.match(
    shown("differs"),
    /^Not everything is synced: \/home\/alice\/docs differs from the server\.$/m,
  );
  assert.match(shown("differs"), /^\/home\/alice\/docs .* differs$/m);
  assert.match(
    shown("differs"),
    /^1 path differs from the server, found 10 min ago: its bytes differ \(being fixed.*\n {2}\/home\/alice\/docs\/b$/m,
  );
  assert.match(shown("agreed"), /^Up to date\.\n/);
  assert.doesNotMatch(shown("agreed"), /differ|both sides/);
  assert.match(
    shown("agreed", true),
    /both sides agree.*\n {2}\/home\/alice\/docs\/a$/m,
  );
});

Deno.test("renderText() tells which files of a user were brought back", () => {
  const report = serverReport();
  const checks = { files: 8, checked: 5, damaged: [], mended: ["docs/a"] };
  const users = report.users.map((user) => ({ ...user, checks }));
  const shown = text({ ...report, users });
  assert.match(shown, /^alice .* 62 %$/m);
  assert.match(shown, /^1 file of alice .*brought back.*\n {2}docs\/a$/m);
});

Deno.test("renderText() says when it watches by scanning", () => {
  const detail = "watch limit reached; raise fs.inotify.max_user_watches";
  const shown = text(
    clientReport({ watcher: { mode: "scanning", detail } }),
  );
  assert.ok(shown.includes(`Watch   by scanning: ${detail}\n`));
});

Deno.test("renderText() colours only when asked, and keeps the columns", () => {
  const report = clientReport({
    anchors: [anchorReport(), anchorReport({ state: "Held", path: "/b" })],
  });
  const coloured = renderText(report, { nowMs: NOW_MS, colour: true });
  assert.ok(coloured.includes("\x1b[31mHeld"));
  // deno-lint-ignore no-control-regex -- the codes are what is taken out
  assert.equal(coloured.replace(/\x1b\[\d+m/g, ""), text(report));
});

Deno.test("renderText() lets no file name send terminal codes", () => {
  const name = "a\x1b[2Jb\nc\u202egpj";
  const shown = text(clientReport({
    anchors: [anchorReport({ conflicts: [name], path: `/x/${name}` })],
    errors: [fault({ path: name, cause: name })],
  }));
  // deno-lint-ignore no-control-regex -- none of these may be there
  assert.doesNotMatch(shown, /[\x1b\u202e]/);
  assert.equal(plain(name), "a\\x1b[2Jb\\x0ac\\u202egpj");
});

Deno.test("ago() counts in the unit that says enough", () => {
  const cases: readonly [number, string][] = [
    [-5, "just now"],
    [0, "just now"],
    [3, "3 s ago"],
    [119, "119 s ago"],
    [600, "10 min ago"],
    [7200, "2 h ago"],
    [86_400 * 3, "3 days ago"],
  ];
  for (const [seconds, wanted] of cases) {
    const time = new Date(NOW_MS - seconds * 1000).toISOString();
    assert.equal(ago(time, NOW_MS), wanted);
  }
  assert.equal(ago(null, NOW_MS), "never");
});

Deno.test("renderJson() prints what the schema reads back, with the verdict", () => {
  const report = clientReport({ errors: [fault()] });
  const { verdict, ...printed } = clientReportSchema.parse(
    JSON.parse(renderJson(report)),
  );
  assert.deepEqual(printed, report);
  assert.deepEqual(verdict, {
    level: "problem",
    exitCode: 1,
    headline: "Not everything is synced: /home/alice/docs/pipe: it is a FIFO.",
  });
});
