/**
 * The verdict on a report: headline and exit code, never better than the worst line below them.
 *
 * Every line that a report shows has a level. The verdict's level is the worst of them, and both the
 * first words and the exit code follow from that level alone.
 *
 * @module
 */
import { counted } from "./plural.ts";
import { type Line, linesOf } from "./report_lines.ts";
import type {
  ClientReport,
  Level,
  ServerReport,
  StatusReport,
} from "./status.ts";

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
