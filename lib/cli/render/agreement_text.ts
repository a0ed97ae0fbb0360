/**
 * How an anchor compares with the server, as text: when both last agreed, and what was found.
 *
 * @module
 */
import type { AnchorReport } from "../../core/status.ts";
import { nameLines } from "./problems.ts";
import { counted } from "../../core/plural.ts";
import { ago, type Cell, type Paint } from "./style.ts";

const PATHS_SHOWN = 5;

/** The cell of an anchor's row. */
export function agreedCell({ agreement }: AnchorReport, nowMs: number): Cell {
  return agreement.state === "differs"
    ? { text: "differs", tone: "bad" }
    : { text: ago(agreement.lastAgreed, nowMs) };
}

/** What was found, and what comes of it; nothing when nothing ever was. */
export function agreementLines(
  { agreement }: AnchorReport,
  nowMs: number,
  paint: Paint,
): string[] {
  const { found, differs, state } = agreement;
  if (found === null || state !== "differs" && !found.damage) return [];
  const paths = state === "differs" ? differs : found.paths;
  const what = `${counted(paths.length, "path")} ${
    paths.length === 1 ? "differs" : "differ"
  } from the server, found ${ago(found.at, nowMs)}: ${found.cause}`;
  const then = state === "differs"
    ? "being fixed; if it stays, compare both and copy the right one over the other"
    : "both sides agree again; a version that was replaced is in the server's history";
  return nameLines(`${what} (${then})`, paths, paint, PATHS_SHOWN);
}
