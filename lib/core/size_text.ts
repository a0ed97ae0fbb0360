/**
 * Sizes as people read them.
 *
 * @module
 */

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"] as const;

/**
 * Bytes in three digits at most; rounded `down` for what there is, `up` for what has to be freed.
 *
 * @example
 * ```ts
 * import { bytesText } from "./size_text.ts";
 * import assert from "node:assert/strict";
 * assert.equal(bytesText(400_000_000), "400 MB");
 * assert.equal(bytesText(2_130_000, "down"), "2.1 MB");
 * assert.equal(bytesText(1), "1 byte");
 * ```
 */
export function bytesText(
  bytes: number,
  direction: "up" | "down" | "near" = "near",
): string {
  if (bytes === 1) return "1 byte";
  const round =
    { up: Math.ceil, down: Math.floor, near: Math.round }[direction];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const scale = unit > 0 && value < 100 ? 10 : 1;
  const rounded = round(value * scale) / scale;
  if (rounded >= 1000 && unit < UNITS.length - 1) return `1 ${UNITS[unit + 1]}`;
  return `${rounded} ${UNITS[unit]}`;
}
