/**
 * A report as JSON: the schema of lib/core/status.ts, one object.
 *
 * @module
 */
import type { StatusReport } from "../../core/status.ts";

/** The report as one indented JSON text with its newline. */
export function renderJson(report: StatusReport): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
