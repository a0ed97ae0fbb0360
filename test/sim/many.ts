/**
 * Many schedules, side by side in workers.
 *
 * @module
 */

/** Seeds for a worker: `count` of them from `first` on. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

/** A schedule in which something did not hold; `says` is its shortest form that was found. */
export interface Failure {
  readonly seed: number;
  readonly says: string;
}

/** What came of a range, or of all; it ends at the first failure. */
export interface RangeEnd {
  runs: number;
  failure: Failure | undefined;
  /** How often each kind of fault, and what came of faults, was seen. */
  readonly counts: Map<string, number>;
}

/** Schedules that a worker is given at a time. */
const RANGE = 200;

/** Lives through `count` schedules from seed `first` on; `onProgress` hears of each range. */
export async function runMany(
  { first, count, workers = navigator.hardwareConcurrency, onProgress }:
    & Range
    & {
      readonly workers?: number;
      readonly onProgress?: (soFar: RangeEnd) => void;
    },
): Promise<RangeEnd> {
  const all: RangeEnd = { runs: 0, failure: undefined, counts: new Map() };
  let next = first;
  const work = async () => {
    using worker = new SimWorker();
    while (next < first + count && all.failure === undefined) {
      const range = {
        first: next,
        count: Math.min(RANGE, first + count - next),
      };
      next += range.count;
      const end = await worker.run(range);
      all.runs += end.runs;
      for (const [what, count] of end.counts) {
        all.counts.set(what, (all.counts.get(what) ?? 0) + count);
      }
      all.failure = earlier(all.failure, end.failure);
      onProgress?.(all);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return all;
}

/** Of two that failed side by side, the one that a single worker would have found. */
function earlier(
  one: Failure | undefined,
  other: Failure | undefined,
): Failure | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.seed < other.seed ? one : other;
}

/** A worker, which does one range at a time. */
class SimWorker implements Disposable {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
  });

  run(range: Range): Promise<RangeEnd> {
    const { promise, resolve, reject } = Promise.withResolvers<RangeEnd>();
    this.#worker.onmessage = ({ data }: MessageEvent<RangeEnd>) =>
      resolve(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`Cannot simulate: ${event.message}`));
    };
    this.#worker.postMessage(range);
    return promise;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
