/**
 * The problems of a report: where, why, and what to do.
 *
 * @module
 */
import type { Fault } from "../../core/status.ts";
import { plain } from "../../core/plain_text.ts";
import { ago, type Paint } from "./style.ts";

const SHOWN = 8;

/** Problems and then notes, the first few of each with why and fix; none when there are none. */
export function problemLines(
  faults: readonly Fault[],
  nowMs: number,
  paint: Paint,
): string[] {
  const [notes, problems] = [
    faults.filter(({ level }) => level === "note"),
    faults.filter(({ level }) => level !== "note"),
  ];
  return [
    ...faultLines("Problems", problems, { nowMs, paint }),
    ...faultLines("Notes", notes, { nowMs, paint }),
  ];
}

function faultLines(
  heading: string,
  faults: readonly Fault[],
  { nowMs, paint }: { nowMs: number; paint: Paint },
): string[] {
  if (faults.length === 0) return [];
  const lines = ["", paint("strong", heading)];
  for (const fault of faults.slice(0, SHOWN)) {
    const since = paint("quiet", `(${ago(fault.since, nowMs)})`);
    const tone = fault.level === "note" ? "busy" : "bad";
    lines.push(
      `  ${
        paint(tone, plain(fault.path === "" ? "sinkd" : fault.path))
      }  ${since}`,
      `    why: ${plain(fault.cause)}`,
      `    fix: ${plain(fault.fix)}`,
    );
  }
  if (faults.length > SHOWN) lines.push(moreLine(faults.length - SHOWN));
  return lines;
}

/** Lines for a heading and the first few names; none when there are none. */
export function nameLines(
  heading: string,
  names: readonly string[],
  paint: Paint,
  shown: number,
): string[] {
  if (names.length === 0) return [];
  const lines = ["", paint("strong", heading)];
  for (const name of names.slice(0, shown)) lines.push(`  ${plain(name)}`);
  if (names.length > shown) lines.push(moreLine(names.length - shown));
  return lines;
}

function moreLine(count: number): string {
  return `  and ${count} more; all of them: sinkd status --json`;
}
