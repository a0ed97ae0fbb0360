/**
 * Waiting for something that other processes bring about.
 *
 * @module
 */

const LOOK_EVERY_MS = 40;

/**
 * What a busy machine needs for anything at all: no wait ends before. A deadline is how a test says
 * that something never happens; how soon it happens is measured elsewhere.
 */
export const PATIENCE_MS = 120_000;

/** Two seconds on a machine that does nothing else: what nobody has to wait for. */
export const SOON_MS = 20_000;

/** Waits a moment between two looks. */
export function pause(ms: number = LOOK_EVERY_MS): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Looks until `condition` gives something other than `undefined` or false, and gives that; throws
 * after `limitMs` (or {@linkcode PATIENCE_MS}, if that is longer), with what `tell` says then.
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  options: { readonly limitMs?: number; readonly tell?: () => string } = {},
): Promise<T> {
  const { tell = () => "" } = options;
  const limitMs = Math.max(options.limitMs ?? 0, PATIENCE_MS);
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const got = await condition();
    if (got !== undefined && got !== false) return got;
    if (performance.now() > deadlineMs) {
      throw new Error(
        `Cannot wait longer for ${what}: not so after ${limitMs} ms. ${tell()}`,
      );
    }
    await pause();
  }
}
