/**
 * Every line that a report shows, with how bad it is: what the verdict follows from.
 *
 * @module
 */
import { counted, joined } from "./plural.ts";
import type {
  AnchorReport,
  ClientReport,
  Fault,
  Level,
  Needs,
  ServerReport,
  StatusReport,
} from "./status.ts";
import { transferWords } from "./transfer_words.ts";

/** One line of a report, as the verdict sees it. */
export interface Line {
  readonly level: Level;
  /** What the headline says when this is the worst line. */
  readonly what: string;
}

/** Every line of a report with its level. */
export function linesOf(report: StatusReport): Line[] {
  return report.role === "client" ? clientLines(report) : serverLines(report);
}

function clientLines(report: ClientReport): Line[] {
  const { server, watcher, anchors } = report;
  const lines = [
    ...anchors.flatMap((anchor) => anchorLines(anchor, server.state)),
    ...report.errors.map(faultLine),
    ...stateLines(report.state, server.state),
  ];
  if (server.state === "Offline") lines.push({ level: "offline", what: "" });
  if (watcher.mode === "scanning") {
    lines.push({ level: "note", what: "changes are found by scanning" });
  }
  if (anchors.length === 0) lines.push({ level: "note", what: "" });
  return lines;
}

function faultLine({ level, path, cause }: Fault): Line {
  const isSaid = path === "" || cause.includes(path);
  return { level, what: isSaid ? cause : `${path}: ${cause}` };
}

function anchorLines(
  anchor: AnchorReport,
  server: ClientReport["server"]["state"],
): Line[] {
  const { path, held, errors, agreement, conflicts, pending } = anchor;
  const { pendingSince, scanning, transfer, leftOut } = anchor;
  const lines = errors.map(faultLine);
  if (held !== null) {
    lines.push({ level: "decision", what: `${path}: ${held.reason}` });
  }
  lines.push(...stateLines(anchor.state, server));
  if (scanning === true) {
    lines.push({ level: "busy", what: `${path} is being scanned` });
  }
  if (pending > 0) {
    const waits = `${counted(pending, "change")} of ${path} ${
      pending === 1 ? "waits" : "wait"
    } for the server`;
    const isLong = pendingSince !== undefined && transfer === undefined;
    lines.push({ level: "busy", what: isLong ? waits : "" });
  }
  if (transfer !== undefined) {
    lines.push({ level: "busy", what: `${path}: ${transferWords(transfer)}` });
  }
  if (agreement.state === "differs") {
    const what = `${path} differs from the server`;
    lines.push({ level: "problem", what });
  } else if (agreement.found?.damage === true) {
    lines.push({ level: "note", what: `${path} was damaged on this disk` });
  }
  if (leftOut.length > 0) {
    lines.push({ level: "note", what: `${path} leaves files out` });
  }
  if (conflicts.length > 0) {
    lines.push({ level: "note", what: `${path} has conflict copies` });
  }
  return lines;
}

/** An anchor that is not open although the server is there is just being opened. */
function stateLines(
  state: ClientReport["state"],
  server: ClientReport["server"]["state"],
): Line[] {
  switch (state) {
    case "Sinkd":
      return [];
    case "Behind":
    case "Updating":
      return [{ level: "busy", what: "" }];
    case "Offline":
      return [{ level: server === "Offline" ? "offline" : "busy", what: "" }];
    case "Held":
      return [{ level: "decision", what: "" }];
  }
}

function serverLines(report: ServerReport): Line[] {
  const lines = report.errors.map(faultLine);
  if (report.state === "Offline") lines.push({ level: "offline", what: "" });
  if (report.state === "Synching") lines.push({ level: "busy", what: "" });
  for (
    const { user, clients, state, queue, checks, transfers } of report.users
  ) {
    for (const { client, path, ...transfer } of transfers ?? []) {
      const what = `${user}/${client}, ${path}: ${transferWords(transfer)}`;
      lines.push({ level: "busy", what });
    }
    if (state !== "Sinkd" || queue > 0) lines.push({ level: "busy", what: "" });
    if (checks.damaged.length > 0) {
      const what = `${counted(checks.damaged.length, "file")} of ${user} ${
        checks.damaged.length === 1 ? "is" : "are"
      } damaged on this disk`;
      lines.push({ level: "problem", what });
    }
    if (checks.mended.length > 0) lines.push({ level: "note", what: "" });
    for (const { client, state, needs } of clients) {
      lines.push(...machineLines(`${user}/${client}`, state, needs));
    }
  }
  for (const { user, reason } of report.elsewhere) {
    if (reason === "taken") continue;
    const level = reason === "stale" ? "decision" : "busy";
    const what = reason === "stale"
      ? `the directory of ${user} is older than its newest one`
      : "";
    lines.push({ level, what });
  }
  if (report.users.length + report.elsewhere.length === 0) {
    lines.push({ level: "note", what: "" });
  }
  return lines;
}

function machineLines(
  name: string,
  state: ClientReport["state"],
  needs: Needs | undefined,
): Line[] {
  const lines: Line[] = [];
  const text = needsText(needs);
  const level = levelOfNeeds(needs);
  if (level !== "good") {
    lines.push({ level, what: `${name} has ${text} (run sinkd status there)` });
  }
  switch (state) {
    case "Sinkd":
      break;
    case "Behind":
    case "Updating":
      lines.push({ level: "busy", what: "" });
      break;
    case "Offline":
      lines.push({ level: "note", what: "" });
      break;
    case "Held":
      lines.push({ level: "decision", what: `${name} is held` });
  }
  return lines;
}

/** How bad what a machine says of itself is. */
export function levelOfNeeds(needs: Needs | undefined): Level {
  if (needs === undefined) return "good";
  const { held, paused, decisions, problems } = needs;
  if (held + paused + decisions > 0) return "decision";
  return problems > 0 ? "problem" : "good";
}

/** What a machine says of itself, in words; empty when nothing is wrong. */
export function needsText(needs: Needs | undefined): string {
  if (needs === undefined) return "";
  const { held, paused, decisions, problems } = needs;
  return joined([
    held > 0 ? `${counted(held, "anchor")} held` : "",
    paused > 0 ? `${counted(paused, "anchor")} paused` : "",
    decisions > 0 ? `${counted(decisions, "decision")} to make` : "",
    problems > 0 ? counted(problems, "problem") : "",
  ]);
}
