/**
 * A worker that lives through schedules: it is sent ranges of seeds, and answers each with what came
 * of it. See `many.ts`.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import type { Range, RangeEnd } from "./many.ts";
import { simulate } from "./simulate.ts";

self.onmessage = async ({ data }: MessageEvent<Range>) => {
  const { first, count } = data;
  const end: RangeEnd = { runs: 0, failure: undefined };
  while (end.runs < count && end.failure === undefined) {
    const seed = first + end.runs++;
    try {
      await simulate(seed);
    } catch (error) {
      end.failure = {
        seed,
        says: error instanceof Error ? error.message : String(error),
      };
    }
  }
  self.postMessage(end);
};
