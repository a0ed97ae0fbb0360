/**
 * Since when changes wait: what is over within seconds is not worth a word.
 *
 * @module
 */

/** From so long on it is told, in milliseconds. */
const LONG_MS = 15_000;

/** See the module. */
export class PendingSince {
  #since: { readonly wallMs: number; readonly steadyMs: number } | undefined;

  /** How many changes wait now. */
  note(pending: number): void {
    if (pending === 0) this.#since = undefined;
    else {
      this.#since ??= { wallMs: Date.now(), steadyMs: performance.now() };
    }
  }

  /** Fewer wait than before: the others have gone. */
  moved(): void {
    this.#since = undefined;
  }

  /** Since when, as a time; `undefined` while it is not long. */
  report(): string | undefined {
    const since = this.#since;
    if (since === undefined) return undefined;
    const isLong = performance.now() - since.steadyMs >= LONG_MS;
    return isLong ? new Date(since.wallMs).toISOString() : undefined;
  }
}
