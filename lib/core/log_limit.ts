/**
 * How much others can write into our log: one line a minute for each kind of event and each source of
 * it, for so many sources at one time. What is left out is counted, and told in one later line.
 *
 * @module
 */

/** What others make us log. */
export type HeardKind =
  | "refused logins"
  | "networks not remembered"
  | "refused data channels"
  | "broken data channels"
  | "broken turns"
  | "dropped messages"
  | "lines of the rsync daemon"
  | "words of the server";

/** Most characters of a source that are kept. */
const MAX_SOURCE = 200;

/** An event: what, and who it came from, such as an address or `user/client`. */
export interface Heard {
  readonly kind: HeardKind;
  readonly source: string;
}

/** How many events were left out; without a `source`, those of all that there was no place for. */
export interface LeftOut {
  readonly kind: HeardKind;
  readonly source: string | undefined;
  readonly count: number;
}

/** For how long one line stands for all like it, and how many sources of a kind have a line of their own. */
export interface LogLimitOptions {
  readonly windowMs: number;
  readonly maxSources: number;
}

interface Window {
  readonly sinceMs: number;
  leftOut: number;
}

/** Sources in the order of their lines, and all others together. */
interface Sources {
  readonly own: Map<string, Window>;
  others: Window | undefined;
}

/**
 * At most `2 * maxSources + 1` lines of a kind in any span of `windowMs`: a line and a count for each
 * source, and one count for all others.
 *
 * @example
 * ```ts
 * import { LogLimit } from "./log_limit.ts";
 * import assert from "node:assert/strict";
 * const limit = new LogLimit({ windowMs: 60_000, maxSources: 20 });
 * const login = { kind: "refused logins", source: "203.0.113.7" } as const;
 * assert.ok(limit.says(login, 0));
 * assert.ok(!limit.says(login, 1000));
 * assert.deepEqual(limit.due(59_999), []);
 * assert.deepEqual(limit.due(60_000), [{ ...login, count: 1 }]);
 * ```
 */
export class LogLimit {
  readonly #options: LogLimitOptions;
  readonly #kinds = new Map<HeardKind, Sources>();

  constructor(options: LogLimitOptions) {
    this.#options = options;
  }

  /**
   * True when the event gets a line; else it is counted. What is {@linkcode due} at `nowMs` must have
   * been asked for.
   */
  says(heard: Heard, nowMs: number): boolean {
    const { kind } = heard;
    const source = heard.source.slice(0, MAX_SOURCE);
    const sources = this.#kinds.get(kind) ??
      { own: new Map<string, Window>(), others: undefined };
    this.#kinds.set(kind, sources);
    const known = sources.own.get(source);
    if (known !== undefined) {
      known.leftOut++;
      return false;
    }
    if (sources.own.size < this.#options.maxSources) {
      sources.own.set(source, { sinceMs: nowMs, leftOut: 0 });
      return true;
    }
    sources.others ??= { sinceMs: nowMs, leftOut: 0 };
    sources.others.leftOut++;
    return false;
  }

  /** Counts whose minute is over; each is given once. */
  due(nowMs: number): LeftOut[] {
    return this.#take((window) =>
      nowMs - window.sinceMs >= this.#options.windowMs
    );
  }

  /** All counts, as the program ends. */
  rest(): LeftOut[] {
    return this.#take(() => true);
  }

  /** How many sources are kept. */
  get size(): number {
    let size = 0;
    for (const { own } of this.#kinds.values()) size += own.size;
    return size;
  }

  #take(isOver: (window: Window) => boolean): LeftOut[] {
    const taken: LeftOut[] = [];
    for (const [kind, sources] of this.#kinds) {
      for (const [source, window] of sources.own) {
        if (!isOver(window)) continue;
        sources.own.delete(source);
        const count = window.leftOut;
        if (count > 0) taken.push({ kind, source, count });
      }
      const { others } = sources;
      if (others === undefined || !isOver(others)) continue;
      sources.others = undefined;
      taken.push({ kind, source: undefined, count: others.leftOut });
    }
    return taken;
  }
}

/** A count in words. */
export function leftOutText({ kind, source, count }: LeftOut): string {
  return `… and ${count} more like it from ${source ?? "others"} (${kind})`;
}
