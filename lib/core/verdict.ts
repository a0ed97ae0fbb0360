/**
 * The verdict on a report: headline and exit code, never better than the worst line below them.
 *
 * Every line that a report shows has a level. The verdict's level is the worst of them, and both the
 * first words and the exit code follow from that level alone.
 *
 * @module
 */
import { counted, joined } from "./plural.ts";
import { transferWords } from "./transfer_words.ts";
import type {
  AnchorReport,
  ClientReport,
  Fault,
  Level,
  Needs,
  ServerReport,
  StatusReport,
} from "./status.ts";

/** One line of a report, as the verdict sees it. */
export interface Line {
  readonly level: Level;
  /** What the headline says when this is the worst line. */
  readonly what: string;
}

/** What `sinkd status` says first, and what it exits with. */
export interface Verdict {
  readonly level: Level;
  readonly exitCode: 0 | 1 | 4;
  /** The first words with the stop after them: the answer in short. */
  readonly mark: string;
  /** What follows them. */
  readonly text: string;
}

const ORDER: Readonly<Record<Level, number>> = {
  good: 0,
  note: 1,
  busy: 2,
  problem: 3,
  offline: 4,
  decision: 5,
};

/** The worst of some levels; `good` when there are none. */
export function worstLevel(levels: readonly Level[]): Level {
  return levels.reduce<Level>(
    (worst, level) => ORDER[level] > ORDER[worst] ? level : worst,
    "good",
  );
}

/** What `sinkd status` exits with at a level: 0 up to date, 1 not yet, 4 a person must act. */
export function exitCodeOfLevel(level: Level): 0 | 1 | 4 {
  switch (level) {
    case "good":
    case "note":
      return 0;
    case "busy":
    case "problem":
    case "offline":
      return 1;
    case "decision":
      return 4;
  }
}

/** The verdict on a report. */
export function verdictOf(report: StatusReport): Verdict {
  const lines = linesOf(report);
  const level = worstLevel(lines.map((line) => line.level));
  const { mark, text } = report.role === "client"
    ? clientHeadline(report, level, lines)
    : serverHeadline(report, level, lines);
  return { level, exitCode: exitCodeOfLevel(level), mark, text };
}

/** Every line of a report with its level. */
export function linesOf(report: StatusReport): Line[] {
  return report.role === "client" ? clientLines(report) : serverLines(report);
}

function clientLines(report: ClientReport): Line[] {
  const { server, watcher, anchors } = report;
  const lines = [
    ...anchors.flatMap(anchorLines),
    ...report.errors.map(faultLine),
    ...stateLines(report.state),
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

function anchorLines(anchor: AnchorReport): Line[] {
  const { path, held, errors, agreement, conflicts, pending, transfer } =
    anchor;
  const lines = errors.map(faultLine);
  if (held !== null) {
    lines.push({ level: "decision", what: `${path}: ${held.reason}` });
  }
  lines.push(...stateLines(anchor.state));
  if (pending > 0) lines.push({ level: "busy", what: "" });
  if (transfer !== undefined) {
    lines.push({ level: "busy", what: `${path}: ${transferWords(transfer)}` });
  }
  if (agreement.state === "differs") {
    const what = `${path} differs from the server`;
    lines.push({ level: "problem", what });
  } else if (agreement.found?.damage === true) {
    lines.push({ level: "note", what: `${path} was damaged on this disk` });
  }
  if (conflicts.length > 0) {
    lines.push({ level: "note", what: `${path} has conflict copies` });
  }
  return lines;
}

function stateLines(state: ClientReport["state"]): Line[] {
  switch (state) {
    case "Sinkd":
      return [];
    case "Behind":
    case "Updating":
      return [{ level: "busy", what: "" }];
    case "Offline":
      return [{ level: "offline", what: "" }];
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

interface Headline {
  readonly mark: string;
  readonly text: string;
}

function clientHeadline(
  report: ClientReport,
  level: Level,
  lines: readonly Line[],
): Headline {
  const pending = report.anchors.reduce((sum, { pending }) => sum + pending, 0);
  const changes = pending === 0
    ? ""
    : `${counted(pending, "change")} ${
      pending === 1 ? "waits" : "wait"
    } here, safe`;
  switch (level) {
    case "decision":
      return {
        mark: "Needs your decision:",
        text: after(worstWords(lines, level, "see below"), []),
      };
    case "offline":
      return {
        mark: "Offline.",
        text: sentences([
          `the server ${report.server.address} does not answer`,
          changes === ""
            ? "nothing waits here"
            : `${changes}, until it is back`,
          below(lines, ["problem"]),
          "check that it runs and that this machine reaches it",
        ]),
      };
    case "problem":
      return {
        mark: "Not everything is synced:",
        text: after(worstWords(lines, level, "see below"), [changes]),
      };
    case "busy":
      return busyHeadline(report, pending, lines);
    case "note":
    case "good":
      return report.anchors.length === 0
        ? {
          mark: "Nothing to sync yet.",
          text: sentences(["name a directory: sinkd add PATH"]),
        }
        : { mark: "Up to date.", text: sentences([below(lines, ["note"])]) };
  }
}

function busyHeadline(
  report: ClientReport,
  pending: number,
  lines: readonly Line[],
): Headline {
  const isMoving = report.anchors.some(({ transfer }) =>
    transfer !== undefined
  );
  if (!isMoving && pending === 0 && report.state === "Behind") {
    return {
      mark: "Not up to date yet.",
      text: sentences([
        "the server has changes and sends them in turn; nothing to do",
        below(lines, ["note"]),
      ]),
    };
  }
  const moving = worstWords(lines, "busy", "");
  if (moving !== "") {
    const files = report.anchors.reduce(
      (sum, { transfer }) =>
        sum + (transfer?.direction === "send" ? transfer.files : 0),
      0,
    );
    const rest = pending - files;
    return {
      mark: "Working:",
      text: after(moving, [
        rest > 0
          ? `${counted(rest, "change")} ${rest === 1 ? "waits" : "wait"} for it`
          : "",
        below(lines, ["note"]),
      ]),
    };
  }
  return {
    mark: "Working.",
    text: sentences([
      pending === 0 ? "" : `${counted(pending, "change")} to send`,
      "nothing to do",
      below(lines, ["note"]),
    ]),
  };
}

function serverHeadline(
  report: ServerReport,
  level: Level,
  lines: readonly Line[],
): Headline {
  const machines = report.users.flatMap(({ clients }) => clients);
  const away = machines.filter(({ state }) => state === "Offline").length;
  const offline = away === 0
    ? ""
    : `${counted(away, "machine")} ${away === 1 ? "is" : "are"} offline`;
  const queue = report.users.reduce((sum, user) => sum + user.queue, 0);
  const moving = worstWords(lines, "busy", "");
  const work = queue === 0 ? "" : `${counted(queue, "request")} in the queue`;
  switch (level) {
    case "decision":
      return {
        mark: "Needs a decision:",
        text: after(worstWords(lines, level, "see below"), []),
      };
    case "offline":
      return {
        mark: "Offline.",
        text: sentences([
          `the broker ${report.broker} does not answer`,
          below(lines, ["problem"]),
          "check that it runs",
        ]),
      };
    case "problem":
      return {
        mark: "Not everything is synced:",
        text: after(worstWords(lines, level, "see below"), [work]),
      };
    case "busy":
      return moving === ""
        ? { mark: "Working.", text: sentences([work, offline]) }
        : { mark: "Working:", text: after(moving, [work, offline]) };
    case "note":
    case "good":
      return report.users.length + report.elsewhere.length === 0
        ? {
          mark: "Ready, without users.",
          text: sentences(["add one: sinkd server adduser NAME"]),
        }
        : {
          mark: "All requests are done.",
          text: sentences([offline, errorsBelow(report)]),
        };
  }
}

/** The words of the first of the worst lines that has some, and how many more there are. */
function worstWords(
  lines: readonly Line[],
  level: Level,
  otherwise: string,
): string {
  const told = new Set(
    lines.filter((line) => line.level === level).map(({ what }) => what),
  );
  told.delete("");
  const [first = otherwise] = told;
  return told.size > 1 ? `${first} (and ${told.size - 1} more below)` : first;
}

function below(lines: readonly Line[], levels: readonly Level[]): string {
  const told = new Set(
    lines.filter(({ level }) => levels.includes(level)).map(({ what }) => what),
  );
  told.delete("");
  const noun = levels[0] ?? "";
  return told.size === 0 ? "" : `${counted(told.size, noun)} below`;
}

function errorsBelow({ errors }: ServerReport): string {
  return errors.length === 0 ? "" : `${counted(errors.length, "note")} below`;
}

/** What comes after a colon, then further sentences. */
function after(first: string, rest: readonly string[]): string {
  return [first, sentences(rest)].filter((text) => text !== "")
    .map((text) => /[.!?]$/.test(text) ? text : `${text}.`).join(" ");
}

/** Clauses as sentences; empty ones are left out. */
function sentences(clauses: readonly string[]): string {
  return clauses.filter((clause) => clause !== "").map((clause) => {
    const text = clause.charAt(0).toUpperCase() + clause.slice(1);
    return /[.!?]$/.test(text) ? text : `${text}.`;
  }).join(" ");
}
