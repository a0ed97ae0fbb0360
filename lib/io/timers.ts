/**
 * Named timers: one for each name, all of which end together.
 *
 * @module
 */

/** Timers by name; setting one again puts it off. */
export class Timers implements Disposable {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  /** Calls `run` once after `delayMs`, in place of what was set under `name`. */
  set(name: string, delayMs: number, run: () => void): void {
    this.clear(name);
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      run();
    }, delayMs);
    this.#timers.set(name, timer);
  }

  /** True when a timer is set under `name`. */
  has(name: string): boolean {
    return this.#timers.has(name);
  }

  /** Ends the timer of that name, if there is one. */
  clear(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  /** Ends all of them. */
  [Symbol.dispose](): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
