/**
 * The MQTT link of a daemon: connects, subscribes, says so, and starts again when the line is lost.
 *
 * Every attempt is a fresh client of the library, so nothing that was meant for a lost connection
 * is sent on a later one.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import type { Duplex } from "node:stream";
import { toDuplex } from "./byte_stream.ts";
import { dial } from "./dial.ts";
import {
  type Ended,
  type LinkEvent,
  type LinkOptions,
  type LinkTarget,
  type PublishOptions,
  type Session,
  startSession,
} from "./mqtt_session.ts";

export type { LinkEvent, LinkOptions, LinkTarget } from "./mqtt_session.ts";

/** An open link. Disposing waits up to a second for what was published, and ends without the will. */
export interface Link extends AsyncDisposable {
  /** Publishes when the link is up; drops the message otherwise. */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options: PublishOptions,
  ): void;
  /** Subscribes to more topics until the link goes down; does nothing while it is. */
  subscribe(topics: readonly string[]): void;
  unsubscribe(topics: readonly string[]): void;
}

/** How long to wait before the next attempt. */
export const BACKOFF = { firstMs: 200, lastMs: 10_000 } as const;

const CONNECT_LIMIT_MS = 10_000;

/** Opens a link, which keeps itself open until disposed. */
export function openLink(
  options: LinkOptions,
  onEvent: (event: LinkEvent) => void,
): Link {
  const stop = new AbortController();
  let session: Session | undefined;

  async function run(): Promise<void> {
    let said = "";
    let failures = 0;
    while (!stop.signal.aborted) {
      let wasUp = false;
      const ended = await attempt((event) => {
        if (event.kind === "up") {
          wasUp = true;
          said = "";
        }
        onEvent(event);
      });
      if (stop.signal.aborted) return;
      failures = wasUp ? 0 : failures + 1;
      // The same failure again is not news.
      if (said !== `${ended.kind} ${ended.reason}`) onEvent(ended);
      said = `${ended.kind} ${ended.reason}`;
      await pause(
        ended.kind === "refused" ? BACKOFF.lastMs : backoffMs(failures),
        stop.signal,
      );
    }
  }

  function backoffMs(failures: number): number {
    const random = options.random ?? Math.random;
    const fullMs = Math.min(BACKOFF.firstMs * 2 ** failures, BACKOFF.lastMs);
    return fullMs * (0.5 + random() / 2);
  }

  async function attempt(report: (event: LinkEvent) => void): Promise<Ended> {
    let stream: Duplex;
    try {
      stream = await openStream(options.target, stop.signal);
    } catch (error) {
      return { kind: "down", reason: errorText(error) };
    }
    if (stop.signal.aborted) {
      stream.destroy();
      return { kind: "down", reason: "the link was closed" };
    }
    session = startSession(stream, options, report);
    const ended = await session.ended;
    session = undefined;
    return ended;
  }

  const running = run();
  return {
    publish(topic, payload, publishOptions) {
      session?.publish(topic, payload, publishOptions);
    },
    subscribe(topics) {
      session?.subscribe(topics);
    },
    unsubscribe(topics) {
      session?.unsubscribe(topics);
    },
    async [Symbol.asyncDispose]() {
      await session?.finish();
      stop.abort();
      await running;
    },
  };
}

async function openStream(
  target: LinkTarget,
  signal: AbortSignal,
): Promise<Duplex> {
  if (target.kind === "stream") return target.open();
  const url = new URL(target.url);
  const secure = url.protocol === "mqtts:";
  if (!secure && url.protocol !== "mqtt:") {
    throw new Error(
      `Cannot use broker ${url.protocol}//${url.host}: the URL must start with mqtt:// or mqtts://`,
    );
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || (secure ? 8883 : 1883));
  const expected = {
    servername: target.servername ?? host,
    certPems: target.caPems ?? [],
  };
  const dialling = new AbortController();
  const limit = setTimeout(
    () => dialling.abort(new Error(`no answer from ${url.host}`)),
    CONNECT_LIMIT_MS,
  );
  const abort = () => dialling.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return toDuplex(
      await dial({ host, port }, {
        signal: dialling.signal,
        ...(secure ? { expected } : {}),
      }),
    );
  } finally {
    clearTimeout(limit);
    signal.removeEventListener("abort", abort);
  }
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, durationMs);
  const abort = () => over.resolve();
  signal.addEventListener("abort", abort, { once: true });
  await over.promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", abort);
}
