/**
 * What an anchor leaves out, as a text to compare with the last one.
 *
 * @module
 */
import type { AnchorConfig } from "../core/config.ts";

/** A text that is equal for the same choice. */
export function selectionText({ excludes, rsync }: AnchorConfig): string {
  const { maxSize, minSize } = rsync;
  return JSON.stringify({ excludes, maxSize, minSize });
}
