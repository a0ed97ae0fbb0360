/**
 * A worker that lives through schedules: it is sent ranges of seeds, and answers each with what came
 * of it. See `many.ts`.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import type { Range, RangeEnd } from "./many.ts";
import { describeShrunk, shrink } from "./shrink.ts";
import { live } from "./simulate.ts";

const SHRINK_MS = 60_000;

self.onmessage = async ({ data }: MessageEvent<Range>) => {
  const { first, count } = data;
  const end: RangeEnd = { runs: 0, failure: undefined, counts: new Map() };
  while (end.runs < count && end.failure === undefined) {
    const seed = first + end.runs++;
    const { chronicle, error } = await live(seed);
    for (const [what, count] of chronicle.counts) {
      end.counts.set(what, (end.counts.get(what) ?? 0) + count);
    }
    if (error === undefined) continue;
    const shrunk = await shrink(seed, { limitMs: SHRINK_MS });
    end.failure = {
      seed,
      says: shrunk === undefined
        ? `schedule ${seed} failed once, and not again: ${error}`
        : describeShrunk(shrunk),
    };
  }
  self.postMessage(end);
};
