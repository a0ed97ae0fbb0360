/**
 * A client's report as lines of text.
 *
 * @module
 */
import { counted } from "../../core/plural.ts";
import type {
  AnchorReport,
  ClientReport,
  Fault,
  Level,
  TransferReport,
} from "../../core/status.ts";
import { type Verdict, verdictOf } from "../../core/verdict.ts";
import { stampText } from "../../core/stamp_text.ts";
import { transferWords } from "../../core/transfer_words.ts";
import { nameLines, problemLines } from "./problems.ts";
import { agreedCell, agreementLines } from "./agreement_text.ts";
import { plain } from "../../core/plain_text.ts";
import { ago, type Cell, columns, type Paint, type Tone } from "./style.ts";

const CONFLICTS_SHOWN = 5;
const HELD_SHOWN = 5;
const LEFT_OUT_SHOWN = 5;

/** See {@linkcode ClientReport}. */
export function clientLines(
  report: ClientReport,
  nowMs: number,
  paint: Paint,
): string[] {
  const faults = distinct([
    ...report.anchors.flatMap((anchor) => anchor.errors),
    ...report.errors,
  ]);
  const conflicts = report.anchors.flatMap((anchor) =>
    anchor.conflicts.map((name) => below(anchor.path, name))
  );
  return [
    headline(verdictOf(report), paint),
    "",
    ...whoLines(report, paint),
    ...anchorLines(report, nowMs, paint),
    ...transferLines(report, nowMs),
    ...report.anchors.flatMap((anchor) => heldLines(anchor, nowMs, paint)),
    ...report.anchors.flatMap((anchor) => agreementLines(anchor, nowMs, paint)),
    ...problemLines(faults, nowMs, paint),
    ...report.anchors.flatMap((anchor) => leftOutLines(anchor, paint)),
    ...nameLines(
      `${
        counted(conflicts.length, "conflict copy")
      } (both versions are kept; merge them, then delete the copy)`,
      conflicts,
      paint,
      CONFLICTS_SHOWN,
    ),
  ];
}

function whoLines(report: ClientReport, paint: Paint): string[] {
  const rows: Cell[][] = [
    [
      { text: "Client" },
      { text: plain(`${report.user}/${report.client}`) },
      { text: report.state, tone: toneOf(report.state) },
      { text: stampText(report.stamp) },
      { text: `pid ${report.pid}, sinkd ${report.version}`, tone: "quiet" },
    ],
    [
      { text: "Server" },
      { text: plain(report.server.address) },
      { text: report.server.state, tone: toneOf(report.server.state) },
      { text: stampText(report.server.stamp) },
      { text: "" },
    ],
  ];
  const lines = columns(rows, [], paint).map((line) => line.trimEnd());
  if (report.watcher.mode === "scanning") {
    const detail = report.watcher.detail === ""
      ? ""
      : `: ${report.watcher.detail}`;
    lines.push(`Watch   ${paint("busy", `by scanning${plain(detail)}`)}`);
  }
  return lines;
}

function anchorLines(
  report: ClientReport,
  nowMs: number,
  paint: Paint,
): string[] {
  if (report.anchors.length === 0) return [];
  const heads = [
    "Anchor",
    "State",
    "Pending",
    "Conflicts",
    "Last sync",
    "Agreed",
  ];
  const rows: Cell[][] = [heads.map((text) => ({ text }))];
  for (const anchor of report.anchors) {
    const name = anchor.name === null ? "" : ` (${plain(anchor.name)})`;
    rows.push([
      { text: plain(anchor.path) + name },
      { text: anchor.state, tone: toneOf(anchor.state) },
      { text: String(anchor.pending) },
      { text: String(anchor.conflicts.length) },
      { text: ago(anchor.lastSync, nowMs) },
      agreedCell(anchor, nowMs),
    ]);
  }
  const [head = "", ...lines] = columns(rows, ["Pending", "Conflicts"], paint);
  return ["", paint("strong", head), ...lines];
}

/** What is on its way, and what has waited for long. */
function transferLines({ anchors }: ClientReport, nowMs: number): string[] {
  const lines = anchors.flatMap(({ path, transfer, pending, pendingSince }) => {
    if (transfer === undefined) {
      return pendingSince === undefined || pending === 0 ? [] : [
        `${plain(path)}: ${counted(pending, "change")} to send, the first ${
          ago(pendingSince, nowMs)
        }`,
      ];
    }
    const sent = transfer.direction === "send" ? transfer.files : 0;
    const rest = pending - sent;
    const then = rest > 0 ? `; ${counted(rest, "change")} to follow` : "";
    return [transferLine(path, transfer, nowMs) + then];
  });
  return lines.length === 0 ? [] : ["", ...lines];
}

/** Where, what, how far and since when. */
export function transferLine(
  where: string,
  transfer: TransferReport,
  nowMs: number,
): string {
  return `${plain(where)}: ${transferWords(transfer)} (began ${
    ago(transfer.since, nowMs)
  })`;
}

function heldLines(
  anchor: AnchorReport,
  nowMs: number,
  paint: Paint,
): string[] {
  if (anchor.held === null) return [];
  const { reason, fix, paths, groups } = anchor.held;
  return [
    "",
    `${paint("bad", "Held")}  ${plain(anchor.path)}`,
    `  why: ${plain(reason)}`,
    `  fix: ${plain(fix)}`,
    ...(groups === undefined
      ? nameLines("", paths, paint, HELD_SHOWN).slice(2)
      : groups.map(({ directory, paths, since }) =>
        `  ${counted(paths, "path")} in ${
          plain(directory === "" ? anchor.path : directory)
        } (deleted ${ago(since, nowMs)})`
      )),
  ];
}

function leftOutLines({ leftOut }: AnchorReport, paint: Paint): string[] {
  return leftOut.flatMap(({ cause, count, paths }) => {
    const heading = `${counted(count, "path")} ${plain(cause)}`;
    return nameLines(heading, paths, paint, LEFT_OUT_SHOWN);
  });
}

/** The same trouble may be told by the anchor and by the client: once is enough. */
function distinct(faults: readonly Fault[]): Fault[] {
  const known = new Map<string, Fault>();
  for (const fault of faults) {
    const key = JSON.stringify([fault.path, fault.cause]);
    if (!known.has(key)) known.set(key, fault);
  }
  return [...known.values()];
}

function below(anchor: string, path: string): string {
  return path.startsWith("/") ? path : `${anchor}/${path}`;
}

/** The first line of a status. */
export function headline(
  { level, mark, text }: Verdict,
  paint: Paint,
): string {
  const first = paint(TONES[level], mark);
  return text === "" ? first : `${first} ${plain(text)}`;
}

const TONES: Readonly<Record<Level, Tone>> = {
  good: "good",
  note: "good",
  busy: "busy",
  problem: "bad",
  offline: "bad",
  decision: "bad",
};

/** The colour of a state. */
export function toneOf(state: string): Tone {
  switch (state) {
    case "Sinkd":
      return "good";
    case "Held":
    case "Offline":
      return "bad";
    default:
      return "busy";
  }
}
