/**
 * A report as one screen of text. Its first line answers "am I in step, and if not, why".
 *
 * @module
 */
import type { StatusReport } from "../../core/status.ts";
import { clientLines } from "./client_text.ts";
import { serverLines } from "./server_text.ts";
import { painter } from "./style.ts";

/** What the text depends on besides the report. */
export interface TextOptions {
  readonly nowMs: number;
  readonly colour: boolean;
}

/** The report as text that ends with a newline. */
export function renderText(report: StatusReport, options: TextOptions): string {
  const paint = painter(options.colour);
  const lines = report.role === "client"
    ? clientLines(report, options.nowMs, paint)
    : serverLines(report, options.nowMs, paint);
  return `${lines.join("\n")}\n`;
}
