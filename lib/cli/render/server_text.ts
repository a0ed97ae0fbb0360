/**
 * A server's report as lines of text.
 *
 * @module
 */
import type { ChecksReport, ServerReport } from "../../core/status.ts";
import { stampText } from "../../core/stamp_text.ts";
import { counted } from "../../core/plural.ts";
import { needsText } from "../../core/report_lines.ts";
import { verdictOf } from "../../core/verdict.ts";
import { headline, toneOf, transferLine } from "./client_text.ts";
import { nameLines, problemLines } from "./problems.ts";
import { plain } from "../../core/plain_text.ts";
import { ago, type Cell, columns, type Paint } from "./style.ts";

const CLIENTS_SHOWN = 30;
const MENDED_SHOWN = 5;
const WAITING_SHOWN = 5;

/** See {@linkcode ServerReport}. */
export function serverLines(
  report: ServerReport,
  nowMs: number,
  paint: Paint,
): string[] {
  return [
    headline(verdictOf(report), paint),
    "",
    ...columns(
      [
        [{ text: "Server" }, { text: plain(report.listen) }, {
          text: report.state,
          tone: toneOf(report.state),
        }, {
          text: `pid ${report.pid}, sinkd ${report.version}`,
          tone: "quiet",
        }],
        [{ text: "Broker" }, { text: plain(report.broker) }, { text: "" }, {
          text: "",
        }],
      ],
      [],
      paint,
    ).map((line) => line.trimEnd()),
    ...userLines(report, nowMs, paint),
    ...transferLines(report, nowMs),
    ...elsewhereLines(report, nowMs, paint),
    ...problemLines(report.errors, nowMs, paint),
    ...report.users.flatMap(({ user, checks }) =>
      nameLines(
        `${
          counted(checks.mended.length, "file")
        } of ${user} changed on this disk without a write, brought back by a client (check the disk)`,
        checks.mended,
        paint,
        MENDED_SHOWN,
      )
    ),
  ];
}

/** What runs, and who waits for it. */
function transferLines({ users }: ServerReport, nowMs: number): string[] {
  const lines = users.flatMap(({ user, transfers = [], waiting = [] }) => {
    const names = waiting.slice(0, WAITING_SHOWN).map((name) =>
      plain(`${user}/${name}`)
    );
    const more = waiting.length - names.length;
    const rest = more > 0 ? ` and ${more} more` : "";
    return [
      ...transfers.map(({ client, path, ...transfer }) =>
        transferLine(`${user}/${client}, ${path}`, transfer, nowMs)
      ),
      ...(names.length === 0 ? [] : [`waiting: ${names.join(", ")}${rest}`]),
    ];
  });
  return lines.length === 0 ? [] : ["", ...lines];
}

/** Users that another server serves, or that wait. */
function elsewhereLines(
  { elsewhere }: ServerReport,
  nowMs: number,
  paint: Paint,
): string[] {
  if (elsewhere.length === 0) return [];
  const rows: Cell[][] = [
    ["Not served here", "", "Server", "Address", "Since"].map((text) => ({
      text,
    })),
    ...elsewhere.slice(0, CLIENTS_SHOWN).map((each): Cell[] => [
      { text: plain(each.user) },
      {
        text: REASONS[each.reason],
        tone: each.reason === "stale" ? "bad" : "quiet",
      },
      { text: plain(each.server) },
      { text: plain(each.address) },
      { text: each.since === null ? "" : ago(each.since, nowMs) },
    ]),
  ];
  const [head = "", ...lines] = columns(rows, [], paint)
    .map((line) => line.trimEnd());
  const more = elsewhere.length - CLIENTS_SHOWN;
  const tail = more > 0
    ? [`  and ${more} more users: sinkd status --json`]
    : [];
  return ["", paint("strong", head), ...lines, ...tail];
}

const REASONS = {
  taken: "another server has it",
  stale: "its newest directory is elsewhere",
  waiting: "waits to see who has it",
} as const;

function userLines(
  report: ServerReport,
  nowMs: number,
  paint: Paint,
): string[] {
  const rows: Cell[][] = [
    [
      "User",
      "Client",
      "Host",
      "State",
      "Stamp",
      "Queue",
      "Last seen",
      "Checked",
      "Needs",
    ].map((text) => ({ text })),
  ];
  for (const user of report.users) {
    rows.push([
      { text: plain(user.user) },
      { text: "" },
      { text: "" },
      { text: user.state, tone: toneOf(user.state) },
      { text: stampText(user.stamp) },
      { text: String(user.queue) },
      { text: "" },
      { text: checkedText(user.checks) },
      { text: "" },
    ]);
    for (const client of user.clients) {
      rows.push([
        { text: "" },
        { text: plain(client.client) },
        { text: plain(client.host) },
        { text: client.state, tone: toneOf(client.state) },
        { text: stampText(client.stamp) },
        { text: "" },
        { text: ago(client.lastSeen, nowMs) },
        { text: "" },
        { text: needsText(client.needs), tone: "bad" },
      ]);
    }
  }
  if (rows.length === 1) return [];
  const shown = columns(rows.slice(0, CLIENTS_SHOWN + 1), ["Queue"], paint)
    .map((line) => line.trimEnd());
  const [head = "", ...lines] = shown;
  const more = rows.length - 1 - CLIENTS_SHOWN;
  const tail = more > 0
    ? [`  and ${more} more lines: sinkd status --json`]
    : [];
  return ["", paint("strong", head), ...lines, ...tail];
}

/** Of how many files the bytes were read since they came. */
function checkedText({ files, checked }: ChecksReport): string {
  return files === 0 ? "" : `${Math.floor(checked * 100 / files)} %`;
}
