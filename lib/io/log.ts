/**
 * Logging: lines on stderr, with systemd's level prefixes under systemd and times elsewhere. Each is
 * escaped and cut here, whoever its names and words are from, and what others cause is limited.
 *
 * @module
 */
import {
  configure,
  dispose,
  getLogger,
  type Logger,
  type LogRecord,
} from "@logtape/logtape";
import type { LogLevel } from "../core/config.ts";
import { errorText } from "../core/error_text.ts";
import { type Heard, leftOutText, LogLimit } from "../core/log_limit.ts";
import { plain } from "../core/plain_text.ts";
import { LOG_BOUNDS, type LogBounds, LogFile } from "./log_file.ts";
import { LogWriter } from "./log_writer.ts";

const SYSLOG_LEVEL: Record<LogRecord["level"], number> = {
  fatal: 2,
  error: 3,
  warning: 4,
  info: 6,
  debug: 7,
  trace: 7,
};

/** Most characters of a line, and of one that others cause. */
const MAX_LINE = 8000;
const MAX_HEARD_LINE = 1000;
/** What others may make us write: of each kind about 40 lines a minute, from wherever they are. */
const HEARD_LIMIT = { windowMs: 60_000, maxSources: 20 };
/** How often it is looked whether there are counts to tell. */
const TELL_EVERY_MS = 10_000;

/** Where the log goes. */
export interface LogPlace {
  /** True when systemd's journal reads it. */
  readonly journal: boolean;
  /** The file that stderr is, if `start` made it one. */
  readonly file: string | undefined;
  readonly bounds?: LogBounds;
}

/** The logger of a part of the program. */
export function logger(part: string): Logger {
  return getLogger(["sinkd", part]);
}

/**
 * The same logger for what others cause, be it a stranger, a client, another user or the server: one
 * line a minute for each kind and source, and then how many more there were.
 */
export function heard(log: Logger, what: Heard): Logger {
  return log.with({ [HEARD]: what });
}

const HEARD = "heard";

/** Sends everything from `level` up to stderr. */
export async function configureLog(
  level: LogLevel,
  place: LogPlace,
): Promise<void> {
  await configure({
    reset: true,
    sinks: { stderr: openSink(place) },
    loggers: [
      { category: "sinkd", lowestLevel: level, sinks: ["stderr"] },
      {
        category: ["logtape", "meta"],
        lowestLevel: "error",
        sinks: ["stderr"],
      },
    ],
  });
}

/** Tells what is counted still; nothing is logged after it. */
export async function endLog(): Promise<void> {
  await dispose();
}

function openSink(
  { journal, file, bounds = LOG_BOUNDS }: LogPlace,
): ((record: LogRecord) => void) & Disposable {
  const note = (text: string) =>
    lineOf({ ...headOf("warning", "log"), text }, journal);
  const writer = openWriter(file, bounds, note);
  const limit = new LogLimit(HEARD_LIMIT);
  /** What the last line of a kind looked like, for the line with its count. */
  const heads = new Map<Heard["kind"], Head>();

  function tell(counts: ReturnType<LogLimit["due"]>): void {
    for (const count of counts) {
      const head = heads.get(count.kind) ?? headOf("warning", "log");
      const { timestamp } = headOf("warning", "");
      const text = leftOutText(count);
      writer.write(lineOf({ ...head, timestamp, text }, journal));
    }
  }

  const timer = setInterval(
    () => tell(limit.due(performance.now())),
    TELL_EVERY_MS,
  );
  Deno.unrefTimer(timer);

  return Object.assign((record: LogRecord) => {
    const what = record.properties[HEARD] as Heard | undefined;
    const { level, timestamp, category } = record;
    const head = { level, timestamp, part: category.slice(1).join(".") };
    if (what !== undefined) {
      const nowMs = performance.now();
      tell(limit.due(nowMs));
      if (!limit.says(what, nowMs)) return;
      heads.set(what.kind, head);
    }
    const most = what === undefined ? MAX_LINE : MAX_HEARD_LINE;
    const text = cut(record.message.map(String).join(""), most);
    writer.write(lineOf({ ...head, text }, journal));
  }, {
    [Symbol.dispose]() {
      clearInterval(timer);
      tell(limit.rest());
    },
  });
}

/** A log that cannot be kept within bounds is better than none. */
function openWriter(
  file: string | undefined,
  bounds: LogBounds,
  note: (text: string) => string,
): LogWriter {
  if (file === undefined) return new LogWriter(Deno.stderr, undefined, note);
  try {
    return new LogWriter(Deno.stderr, LogFile.open(file, bounds), note);
  } catch (error) {
    const writer = new LogWriter(Deno.stderr, undefined, note);
    const reason = errorText(error);
    writer.write(note(`this file is not kept within bounds: ${reason}`));
    return writer;
  }
}

/** What a line begins with. */
interface Head {
  readonly level: LogRecord["level"];
  readonly part: string;
  readonly timestamp: number;
}

function headOf(level: Head["level"], part: string): Head {
  return { level, part, timestamp: Date.now() };
}

/** One line, with its newline; nothing in it is more than text. */
function lineOf(
  { level, part, timestamp, text }: Head & { readonly text: string },
  journal: boolean,
): string {
  const head = journal
    ? `<${SYSLOG_LEVEL[level]}>`
    : `${new Date(timestamp).toISOString()} ${level} `;
  return `${head}${plain(`${part}: ${text}`)}\n`;
}

/** The first `most` characters, and how many there are more. */
function cut(text: string, most: number): string {
  const rest = text.length - most;
  return rest > 0 ? `${text.slice(0, most)}… (${rest} more)` : text;
}
