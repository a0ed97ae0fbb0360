/**
 * Stamps as people read them; apart from their schemas, so that `sinkd status` does not load those.
 *
 * @module
 */
import type { Stamp } from "./stamp.ts";

/** `date.cycle`, as shown to people and used for history folder names. */
export function stampText(stamp: Stamp): string {
  return `${stamp.date}.${stamp.cycle}`;
}
