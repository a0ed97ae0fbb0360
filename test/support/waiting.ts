/**
 * Waiting for something that other processes bring about.
 *
 * @module
 */

const LOOK_EVERY_MS = 40;

/** Waits a moment between two looks. */
export function pause(ms: number = LOOK_EVERY_MS): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Looks until `condition` gives something other than `undefined` or false, and gives that; throws
 * after `limitMs`, with what `tell` says then.
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  options: { readonly limitMs?: number; readonly tell?: () => string } = {},
): Promise<T> {
  const { limitMs = 15_000, tell = () => "" } = options;
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
