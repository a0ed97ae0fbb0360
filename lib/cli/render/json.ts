/**
 * A report as JSON: the schema of lib/core/status.ts with its verdict, one object.
 *
 * @module
 */
import type { StatusReport } from "../../core/status.ts";
import { verdictOf } from "../../core/verdict.ts";

/** The report as one indented JSON text with its newline. */
export function renderJson(report: StatusReport): string {
  const { level, exitCode, mark, text } = verdictOf(report);
  const headline = [mark, text].join(" ").trim();
  const verdict = { level, exitCode, headline };
  return `${JSON.stringify({ ...report, verdict }, null, 2)}\n`;
}
