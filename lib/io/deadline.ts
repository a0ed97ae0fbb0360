/**
 * Waiting for the other side of a channel, but not for ever.
 *
 * @module
 */
import type { Channel } from "./channel.ts";

/**
 * Does `work` over a channel; when that takes longer than `limitMs` (milliseconds) the channel is
 * closed, and it throws with what `late` says.
 */
export async function withDeadline<T>(
  channel: Pick<Channel, "close">,
  { limitMs, late }: { readonly limitMs: number; readonly late: string },
  work: () => Promise<T>,
): Promise<T> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    channel.close();
  }, limitMs);
  try {
    const result = await work();
    if (!isLate) return result;
  } catch (error) {
    if (!isLate) throw error;
  } finally {
    clearTimeout(timer);
  }
  throw new Error(late);
}
