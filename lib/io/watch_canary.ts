/**
 * The canary: a file of our own that is touched now and then. When the watcher does not tell of it,
 * the watcher hangs.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import type { Timers } from "./timers.ts";

/** How the canary is kept. */
export interface CanaryOptions {
  /** A directory for nothing else. */
  readonly directory: string;
  readonly everyMs: number;
  readonly withinMs: number;
}

/** The wait is counted in parts, so that a machine that slept through one of them has the others. */
const PARTS = 5;
const EVERY = "canary";
const WITHIN = "canary answer";

/** Touches its file and waits to hear of it. Its timers are the owner's. */
export class Canary {
  readonly #options: CanaryOptions;
  readonly #timers: Timers;
  readonly #onSilence: (cause: string) => void;
  #before: (() => boolean) | undefined;

  constructor(
    options: CanaryOptions,
    timers: Timers,
    onSilence: (cause: string) => void,
  ) {
    this.#options = options;
    this.#timers = timers;
    this.#onSilence = onSilence;
    this.#make();
  }

  get #path(): string {
    return `${this.#options.directory}/canary`;
  }

  /** Plans the next touch; `before` runs first and may put it off by `false`. */
  plan(before: () => boolean, afterMs: number = this.#options.everyMs): void {
    this.#before = before;
    this.#timers.set(EVERY, afterMs, () => {
      if (!before()) return this.plan(before);
      try {
        this.#touch();
      } catch (error) {
        const reason = errorText(error);
        return this.#onSilence(`cannot touch ${this.#path}: ${reason}`);
      }
      this.#wait(PARTS);
    });
  }

  /** Touches now, if a touch is planned: something was seen that may stop the watcher. */
  hurry(): void {
    if (this.#before !== undefined && this.#timers.has(EVERY)) {
      this.plan(this.#before, 0);
    }
  }

  /** The watcher told of it. True when that was awaited. */
  heard(): boolean {
    const awaited = this.#timers.has(WITHIN);
    this.#timers.clear(WITHIN);
    return awaited;
  }

  /** Needs no space on the disk, unless somebody has removed the file. */
  #touch(): void {
    const now = new Date();
    try {
      Deno.utimeSync(this.#path, now, now);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      this.#make();
    }
  }

  #make(): void {
    Deno.mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(this.#path, "", { mode: 0o600 });
  }

  #wait(parts: number): void {
    if (parts === 0) return this.#onSilence("it was silent");
    this.#timers.set(
      WITHIN,
      this.#options.withinMs / PARTS,
      () => this.#wait(parts - 1),
    );
  }
}
