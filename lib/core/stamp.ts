/**
 * Stamps: the version of one user's whole tree, a UTC date and a cycle.
 *
 * @module
 */
import * as z from "zod";
export { stampText } from "./stamp_text.ts";

/** Version of a user's tree: `date` is YYYYMMDD in UTC, `cycle` counts commits of that day from 0. */
export interface Stamp {
  readonly date: number;
  readonly cycle: number;
}

/** Cycles of one day; keeps {@linkcode stampNumber} within a safe integer. */
export const MAX_CYCLE = 99_999_999;

/** Latest date; with {@linkcode MAX_CYCLE} still a safe integer. */
export const MAX_DATE = 90_061_231;

/** Schema of the two fields, for spreading into message schemas. */
export const stampShape = {
  date: z.int().min(0).max(MAX_DATE),
  cycle: z.int().min(0).max(MAX_CYCLE),
};

/** Schema of a stamp as an object of its own. */
export const stampSchema: z.ZodType<Stamp> = z.strictObject(stampShape);

/** The stamp of a tree that never had a commit. */
export const ZERO_STAMP: Stamp = { date: 0, cycle: 0 };

/**
 * Orders by date, then cycle: negative, zero or positive as in `Array.sort`.
 *
 * @example
 * ```ts
 * import { compareStamps } from "./stamp.ts";
 * import assert from "node:assert/strict";
 * assert.ok(compareStamps({ date: 20260102, cycle: 0 }, { date: 20260101, cycle: 9 }) > 0);
 * ```
 */
export function compareStamps(left: Stamp, right: Stamp): number {
  return left.date - right.date || left.cycle - right.cycle;
}

/** The stamp of the next commit made on `today` (YYYYMMDD, UTC); never falls, even when the clock does. */
export function nextStamp(head: Stamp, today: number): Stamp {
  if (today > head.date) return { date: today, cycle: 0 };
  return { date: head.date, cycle: head.cycle + 1 };
}

/** YYYYMMDD in UTC of a time in milliseconds since 1970. */
export function utcDate(timeMs: number): number {
  return Number(utcText(timeMs).slice(0, 8));
}

/** `YYYYMMDDHHMMSS` in UTC of a time in milliseconds since 1970. */
export function utcText(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, "").replace(
    /[-:T]/g,
    "",
  );
}

/** The stamp as one integer that sorts the same way (date × 10⁸ + cycle), as the databases keep it. */
export function stampNumber(stamp: Stamp): number {
  return stamp.date * (MAX_CYCLE + 1) + stamp.cycle;
}

/** Inverse of {@linkcode stampNumber}. */
export function stampFromNumber(value: number): Stamp {
  const date = Math.floor(value / (MAX_CYCLE + 1));
  return { date, cycle: value - date * (MAX_CYCLE + 1) };
}
