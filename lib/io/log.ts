/**
 * Logging: lines on stderr, with systemd's level prefixes under systemd and times elsewhere.
 *
 * @module
 */
import {
  configure,
  getLogger,
  type Logger,
  type LogRecord,
} from "@logtape/logtape";
import type { LogLevel } from "../core/config.ts";

const encoder = new TextEncoder();
const SYSLOG_LEVEL: Record<LogRecord["level"], number> = {
  fatal: 2,
  error: 3,
  warning: 4,
  info: 6,
  debug: 7,
  trace: 7,
};

/** The logger of a part of the program. */
export function logger(part: string): Logger {
  return getLogger(["sinkd", part]);
}

/** Sends everything from `level` up to stderr; `journal` is true when systemd's journal reads it. */
export async function configureLog(
  level: LogLevel,
  journal: boolean,
): Promise<void> {
  await configure({
    reset: true,
    sinks: {
      stderr: (record) =>
        Deno.stderr.writeSync(encoder.encode(lineOf(record, journal))),
    },
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

function lineOf(record: LogRecord, journal: boolean): string {
  const message = record.message.map((part) =>
    typeof part === "string" ? part : String(part)
  )
    .join("").replaceAll("\n", "\\n");
  const part = record.category.slice(1).join(".");
  const head = journal
    ? `<${SYSLOG_LEVEL[record.level]}>`
    : `${new Date(record.timestamp).toISOString()} ${record.level} `;
  return `${head}${part}: ${message}\n`;
}
