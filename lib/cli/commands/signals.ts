/**
 * Signals of a foreground server or client: the first SIGTERM or SIGINT asks for a clean end,
 * SIGHUP for a reload.
 *
 * @module
 */

/** Held listeners; disposing removes them. */
export interface Signals extends Disposable {
  readonly shutdown: AbortSignal;
  onReload(handler: () => void): void;
}

/** Starts to listen. SIGHUP without a handler does nothing, so that a closed terminal ends nobody. */
export function listenForSignals(): Signals {
  const end = new AbortController();
  const handlers: (() => void)[] = [];
  const onEnd = () => end.abort();
  const onReload = () => handlers.forEach((handler) => handler());
  Deno.addSignalListener("SIGTERM", onEnd);
  Deno.addSignalListener("SIGINT", onEnd);
  Deno.addSignalListener("SIGHUP", onReload);
  return {
    shutdown: end.signal,
    onReload: (handler) => void handlers.push(handler),
    [Symbol.dispose]() {
      Deno.removeSignalListener("SIGTERM", onEnd);
      Deno.removeSignalListener("SIGINT", onEnd);
      Deno.removeSignalListener("SIGHUP", onReload);
    },
  };
}
