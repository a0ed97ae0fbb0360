/**
 * A server's report as lines of text.
 *
 * @module
 */
import type { ChecksReport, ServerReport } from "../../core/status.ts";
import { stampText } from "../../core/stamp_text.ts";
import { toneOf } from "./client_text.ts";
import { nameLines, problemLines } from "./problems.ts";
import {
  ago,
  type Cell,
  columns,
  counted,
  type Paint,
  plain,
} from "./style.ts";

const CLIENTS_SHOWN = 30;
const MENDED_SHOWN = 5;

/** See {@linkcode ServerReport}. */
export function serverLines(
  report: ServerReport,
  nowMs: number,
  paint: Paint,
): string[] {
  return [
    verdict(report, paint),
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
    ...elsewhereLines(report, nowMs, paint),
    ...problemLines(report.errors, nowMs, paint),
    ...report.users.flatMap(({ user, checks }) =>
      nameLines(
        `${
          counted(checks.mended.length, "file")
        } of ${user} had other bytes on this disk than what came here, and were brought back (look after the disk)`,
        checks.mended,
        paint,
        MENDED_SHOWN,
      )
    ),
  ];
}

function verdict(report: ServerReport, paint: Paint): string {
  const clients = report.users.flatMap((user) => user.clients);
  const held = clients.filter((client) => client.state === "Held").length;
  const away = clients.filter((client) => client.state === "Offline").length;
  const notes = [
    held > 0 ? `${counted(held, "client")} held: run sinkd status there` : "",
    away > 0 ? `${counted(away, "client")} away` : "",
    report.errors.length > 0
      ? `${counted(report.errors.length, "problem")} below`
      : "",
  ].filter((note) => note !== "");
  const tail = notes.length === 0 ? "" : ` ${notes.join(", ")}.`;
  switch (report.state) {
    case "Offline":
      return `${paint("bad", "Offline.")} The broker ${
        plain(report.broker)
      } does not answer; check that it runs.${tail}`;
    case "Synching": {
      const queue = report.users.reduce((sum, user) => sum + user.queue, 0);
      return `${paint("busy", "Working.")} ${
        counted(queue, "request")
      } in the queue.${tail}`;
    }
    case "Sinkd":
      return report.users.length === 0
        ? `${
          paint("busy", "Ready, without users.")
        } Make one: sinkd server adduser NAME${tail}`
        : `${paint("good", "All requests are done.")}${tail}`;
  }
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
