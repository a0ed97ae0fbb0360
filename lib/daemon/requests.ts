/**
 * What a running client is asked to do with itself: a queue that loses nothing, whenever it is asked.
 *
 * Requests merge into the strongest: a stop ends everything and stays; a restart reads the
 * configuration, too; a reload asked for twice is one. What is asked before a session begins is done
 * by that session's beginning; what is asked while one opens or closes waits here.
 *
 * @module
 */

/** From weak to strong. */
const STRENGTHS = ["reload", "restart", "stop"] as const;

/** What is asked for. */
export type Request = typeof STRENGTHS[number];

/** See the module. */
export class Requests {
  #pending: Request | undefined;
  #arrived = Promise.withResolvers<void>();
  readonly #stop = new AbortController();

  /** Asks; never forgotten until it is taken. */
  ask(request: Request): void {
    if (request === "stop") this.#stop.abort();
    this.#pending = stronger(this.#pending, request);
    this.#arrived.resolve();
  }

  /** Aborted once a stop is asked for, for good. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** Settles when something is asked for that was not taken. */
  arrived(): Promise<void> {
    return this.#arrived.promise;
  }

  /** Takes what was asked for: the strongest of it. A stop can be taken again and again. */
  take(): Request | undefined {
    if (this.stopped.aborted) return "stop";
    const taken = this.#pending;
    this.#pending = undefined;
    this.#arrived = Promise.withResolvers<void>();
    return taken;
  }
}

/**
 * The stronger of two requests.
 *
 * @example
 * ```ts
 * import { stronger } from "./requests.ts";
 * import assert from "node:assert/strict";
 * assert.equal(stronger("restart", "reload"), "restart");
 * assert.equal(stronger(undefined, "reload"), "reload");
 * ```
 */
export function stronger(
  one: Request | undefined,
  other: Request | undefined,
): Request | undefined {
  return STRENGTHS.findLast((each) => each === one || each === other);
}

/** One life of what runs, with one configuration. */
export interface Life {
  /** May take long; a close meanwhile ends it. */
  open(): Promise<void>;
  /** `finishTurns`: what is under way may end first, until that is aborted. */
  close(finishTurns: AbortSignal | undefined): Promise<void>;
}

/** Begins one life after another, each ended by what is asked for, until that is no reload. */
export async function liveOn(
  requests: Requests,
  begin: () => Promise<Life>,
): Promise<"stop" | "restart"> {
  for (;;) {
    const life = await begin();
    const opening = life.open();
    await Promise.race([opening, requests.arrived()]);
    await requests.arrived();
    const asked = requests.take();
    await life.close(asked === "stop" ? undefined : requests.stopped);
    await opening;
    const strongest = stronger(asked, requests.take());
    if (strongest === "stop" || strongest === "restart") return strongest;
  }
}
