/**
 * One life of an MQTT connection: from the open stream to its end.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { type IClientOptions, MqttClient } from "mqtt";
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";

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
  /** `twin`: another process with this login is connected. */
  | {
    readonly kind: "refused";
    readonly reason: string;
    readonly twin?: true;
  }
  | {
    readonly kind: "message";
    readonly topic: string;
    readonly payload: Uint8Array;
  };

/** How a message is published. */
export interface PublishOptions {
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** How a session ended. */
export type Ended = Extract<LinkEvent, { kind: "down" | "refused" }>;

const KEEPALIVE_S = 15;
const CONNECT_LIMIT_MS = 10_000;
const END_LIMIT_MS = 1000;
const MAX_UNACKNOWLEDGED = 1000;
const REFUSED_CODES: readonly unknown[] = [4, 5];
const IDENTIFIER_REJECTED = 2;

/** A session that runs. */
export interface Session {
  readonly ended: Promise<Ended>;
  /** Publishes when the subscriptions are granted; drops the message otherwise. */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options: PublishOptions,
  ): void;
  /** Subscribes to more, as long as this session lasts; a refusal ends it. */
  subscribe(topics: readonly string[]): void;
  unsubscribe(topics: readonly string[]): void;
  /** Ends cleanly, waiting a little for acknowledgements. */
  finish(): Promise<void>;
}

/** Logs in on `stream` and subscribes; reports `up` and messages. */
export function startSession(
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
    const code: unknown = "code" in error ? error.code : undefined;
    outcome = code === IDENTIFIER_REJECTED
      ? {
        kind: "refused",
        reason: "another machine with the same credentials is connected",
        twin: true,
      }
      : REFUSED_CODES.includes(code)
      ? {
        kind: "refused",
        reason: "the broker refused the user name and secret",
      }
      : { kind: "down", reason: errorText(error) };
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
        else fail(refusedSubscription(error));
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
    subscribe(topics) {
      if (!up || topics.length === 0) return;
      client.subscribe([...topics], { qos: 1 }, (error) => {
        if (error !== null && !finishing) fail(refusedSubscription(error));
      });
    },
    unsubscribe(topics) {
      // An error here means that the connection is gone, which `close` reports.
      if (up && topics.length > 0) client.unsubscribe([...topics], () => {});
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

function refusedSubscription(error: Error): string {
  return `the broker refused a subscription: ${error.message}`;
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
