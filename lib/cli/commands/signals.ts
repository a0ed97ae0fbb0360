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

/**
 * Starts to listen. SIGHUP without a handler ends nobody, and the first handler hears of one that
 * came before it.
 */
export function listenForSignals(): Signals {
  const end = new AbortController();
  const handlers: (() => void)[] = [];
  const onEnd = () => end.abort();
  let early = false;
  const onReload = () => {
    early = handlers.length === 0;
    handlers.forEach((handler) => handler());
  };
  Deno.addSignalListener("SIGTERM", onEnd);
  Deno.addSignalListener("SIGINT", onEnd);
  Deno.addSignalListener("SIGHUP", onReload);
  return {
    shutdown: end.signal,
    onReload(handler) {
      handlers.push(handler);
      if (early) onReload();
    },
    [Symbol.dispose]() {
      Deno.removeSignalListener("SIGTERM", onEnd);
      Deno.removeSignalListener("SIGINT", onEnd);
      Deno.removeSignalListener("SIGHUP", onReload);
    },
  };
}
