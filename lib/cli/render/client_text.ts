/**
 * A client's report as lines of text.
 *
 * @module
 */
import type { AnchorReport, ClientReport, Fault } from "../../core/status.ts";
import { stampText } from "../../core/stamp_text.ts";
import { nameLines, problemLines } from "./problems.ts";
import { agreedCell, agreementLines } from "./agreement_text.ts";
import {
  ago,
  type Cell,
  columns,
  counted,
  type Paint,
  plain,
  type Tone,
} from "./style.ts";

const CONFLICTS_SHOWN = 5;
const HELD_SHOWN = 5;

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
    verdict(report, faults.length + differing(report), paint),
    "",
    ...whoLines(report, paint),
    ...anchorLines(report, nowMs, paint),
    ...report.anchors.flatMap((anchor) => heldLines(anchor, paint)),
    ...report.anchors.flatMap((anchor) => agreementLines(anchor, nowMs, paint)),
    ...problemLines(faults, nowMs, paint),
    ...nameLines(
      `${
        counted(conflicts.length, "conflict copy").replace("copys", "copies")
      } (both versions are kept; merge them, then delete the copy)`,
      conflicts,
      paint,
      CONFLICTS_SHOWN,
    ),
  ];
}

/** Anchors that were found to differ from the server. */
function differing({ anchors }: ClientReport): number {
  return anchors.filter(({ agreement }) => agreement.state === "differs")
    .length;
}

function verdict(report: ClientReport, faults: number, paint: Paint): string {
  const pending = report.anchors.reduce(
    (sum, anchor) => sum + anchor.pending,
    0,
  );
  const waiting = pending === 0
    ? "nothing of yours waits"
    : `${counted(pending, "change")} of yours ${
      pending === 1 ? "waits" : "wait"
    } here, safe, and will go when it is back`;
  const held = report.anchors.filter((anchor) => anchor.held !== null);
  if (report.state === "Held" || held.length > 0) {
    const first = held[0];
    const why = first?.held?.reason ?? "a decision is needed";
    return `${paint("bad", "Waits for you:")} ${plain(sentence(why))}`;
  }
  if (report.server.state === "Offline" || report.state === "Offline") {
    return `${paint("bad", "Offline.")} The server ${
      plain(report.server.address)
    } does not answer; ${waiting}. Check that it runs and that this machine reaches it.`;
  }
  if (report.anchors.length === 0) {
    return `${
      paint("busy", "Nothing to keep in step.")
    } Name a directory: sinkd add PATH`;
  }
  if (report.state === "Behind") {
    return `${
      paint("busy", "Not yet in step.")
    } The server has news and sends it in turn; nothing to do.`;
  }
  if (
    report.state === "Updating" || pending > 0 ||
    report.anchors.some((anchor) => anchor.state !== "Sinkd")
  ) {
    const what = pending > 0 ? ` ${counted(pending, "change")} to go.` : "";
    const then = faults === 0
      ? "Nothing to do."
      : `${counted(faults, "problem")} below may hold it up.`;
    return `${paint("busy", "Working.")}${what} ${then}`;
  }
  const but = faults === 0
    ? ""
    : ` But ${counted(faults, "problem")} ${
      faults === 1 ? "needs" : "need"
    } a look.`;
  return `${paint("good", "In step.")}${but}`;
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

function heldLines(anchor: AnchorReport, paint: Paint): string[] {
  if (anchor.held === null) return [];
  return [
    "",
    `${paint("bad", "Held")}  ${plain(anchor.path)}`,
    `  why: ${plain(anchor.held.reason)}`,
    `  fix: ${plain(anchor.held.fix)}`,
    ...nameLines("", anchor.held.paths, paint, HELD_SHOWN).slice(2),
  ];
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

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

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
