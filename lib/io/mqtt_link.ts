/**
 * The MQTT link of a daemon: connects, subscribes, says so, and starts again when the line is lost.
 *
 * Every attempt is a fresh client of the library, so nothing that was meant for a lost connection
 * is sent on a later one.
 *
 * @module
 */
import { type IClientOptions, MqttClient } from "mqtt";
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { toDuplex } from "./byte_stream.ts";
import { dial } from "./dial.ts";

/** Where the broker is: a `mqtt:` or `mqtts:` URL, or a stream within this process. */
export type LinkTarget =
  | {
    readonly kind: "url";
    readonly url: string;
    /** Trusted certificates, beside the well-known roots. */
    readonly caPems?: readonly string[];
    /** The name that the certificate must carry; the URL's host when left out. */
    readonly servername?: string;
  }
  | { readonly kind: "stream"; open(): Duplex };

/** What a link needs to know. User name and password default to those in the URL. */
export interface LinkOptions {
  readonly target: LinkTarget;
  readonly username?: string;
  readonly password?: string;
  readonly clientId: string;
  /** Published by the broker with QoS 1 when the line is lost; not on a clean end. */
  readonly will?: {
    readonly topic: string;
    readonly payload: string;
    readonly retain: boolean;
  };
  readonly subscriptions: readonly string[];
  /** Jitter source in [0, 1). */
  readonly random?: () => number;
}

/** What happens on a link. `up` comes after the broker granted every subscription, at each connect. */
export type LinkEvent =
  | { readonly kind: "up" }
  | { readonly kind: "down"; readonly reason: string }
  | { readonly kind: "refused"; readonly reason: string }
  | {
    readonly kind: "message";
    readonly topic: string;
    readonly payload: Uint8Array;
  };

/** An open link. Disposing waits up to a second for what was published, and ends without the will. */
export interface Link extends AsyncDisposable {
  /** Publishes when the link is up; drops the message otherwise. */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options: { readonly qos: 0 | 1; readonly retain: boolean },
  ): void;
}

/** How long to wait before the next attempt. */
export const BACKOFF = { firstMs: 200, lastMs: 10_000 } as const;

const KEEPALIVE_S = 15;
const CONNECT_LIMIT_MS = 10_000;
const END_LIMIT_MS = 1000;
const MAX_UNACKNOWLEDGED = 1000;
const REFUSED_CODES: readonly unknown[] = [4, 5];

type Ended = Extract<LinkEvent, { kind: "down" | "refused" }>;

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
      return { kind: "down", reason: messageOf(error) };
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
    async [Symbol.asyncDispose]() {
      await session?.finish();
      stop.abort();
      await running;
    },
  };
}

interface Session extends Pick<Link, "publish"> {
  readonly ended: Promise<Ended>;
  finish(): Promise<void>;
}

function startSession(
  stream: Duplex,
  options: LinkOptions,
  report: (event: LinkEvent) => void,
): Session {
  const ended = Promise.withResolvers<Ended>();
  let outcome: Ended = { kind: "down", reason: "the connection was closed" };
  let up = false;
  let finishing = false;
  let unacknowledged = 0;
  let onAllAcknowledged = (): void => {};

  const client = new MqttClient(() => stream, settingsOf(options));
  client.on("error", (error) => {
    outcome = "code" in error && REFUSED_CODES.includes(error.code)
      ? {
        kind: "refused",
        reason: "the broker refused the user name and secret",
      }
      : { kind: "down", reason: messageOf(error) };
    stream.destroy();
  });
  client.on("close", () => {
    up = false;
    onAllAcknowledged();
    client.end(true);
    ended.resolve(outcome);
  });
  client.on("connect", () => {
    if (options.subscriptions.length === 0) announce();
    else {
      client.subscribe([...options.subscriptions], { qos: 1 }, (error) => {
        if (error === null) announce();
        else fail(`the broker refused a subscription: ${error.message}`);
      });
    }
  });
  client.on("message", (topic, payload) => {
    if (!finishing) report({ kind: "message", topic, payload });
  });

  function announce(): void {
    if (stream.destroyed || finishing) return;
    up = true;
    report({ kind: "up" });
  }

  function fail(reason: string): void {
    if (stream.destroyed) return;
    outcome = { kind: "down", reason };
    stream.destroy();
  }

  return {
    ended: ended.promise,
    publish(topic, payload, { qos, retain }) {
      if (!up) return;
      if (unacknowledged >= MAX_UNACKNOWLEDGED) {
        fail(`the broker left ${MAX_UNACKNOWLEDGED} messages unacknowledged`);
        return;
      }
      unacknowledged++;
      const bytes = typeof payload === "string"
        ? payload
        : Buffer.from(payload);
      // An error here means that the connection is gone, which `close` reports.
      client.publish(topic, bytes, { qos, retain }, () => {
        unacknowledged--;
        if (unacknowledged === 0) onAllAcknowledged();
      });
    },
    async finish() {
      finishing = true;
      const limit = setTimeout(() => stream.destroy(), END_LIMIT_MS);
      if (up && unacknowledged > 0) {
        await new Promise<void>((resolve) => onAllAcknowledged = resolve);
      }
      if (up) client.end(false);
      else stream.destroy();
      await ended.promise;
      clearTimeout(limit);
    },
  };
}

function settingsOf(options: LinkOptions): IClientOptions {
  const { target, will } = options;
  const url = target.kind === "url" ? new URL(target.url) : undefined;
  const username = options.username ?? decodeURIComponent(url?.username ?? "");
  const password = options.password ?? decodeURIComponent(url?.password ?? "");
  return {
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: options.clientId,
    clean: true,
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_LIMIT_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    timerVariant: "native",
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
    ...(will === undefined ? {} : {
      will: {
        topic: will.topic,
        payload: Buffer.from(will.payload),
        qos: 1,
        retain: will.retain,
      },
    }),
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

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== ""
    ? error.message
    : String(error);
}
