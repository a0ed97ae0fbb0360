/**
 * A front on a free loopback port with a throw-away certificate, for tests.
 *
 * @module
 */
import { connect, type TLSSocket } from "node:tls";
import {
  ensureCertificate,
  type ServerCertificate,
} from "../../lib/io/certificate.ts";
import type { Channel } from "../../lib/io/channel.ts";
import {
  type Front,
  FRONT_LIMITS,
  type FrontHandlers,
  type FrontLimits,
  openFront,
} from "../../lib/io/front.ts";

/** A front, its certificate, and the directory that holds it. */
export interface FrontFixture extends AsyncDisposable {
  readonly front: Front;
  readonly certificate: ServerCertificate;
}

/** Opens a front; handlers that are left out drop the connection. */
export async function frontFixture(
  handlers: Partial<FrontHandlers>,
  limits: Partial<FrontLimits> = { helloBytes: undefined },
): Promise<FrontFixture> {
  const directory = await Deno.makeTempDir({ prefix: "sinkd-front-" });
  const certificate = await ensureCertificate(directory);
  const front = await openFront(
    {
      host: "127.0.0.1",
      port: 0,
      ...certificate,
      limits: { ...FRONT_LIMITS, ...limits },
    },
    {
      onMqtt: (stream) => stream.destroy(),
      onChannel: (channel) => channel.close(),
      ...handlers,
    },
  );
  return {
    front,
    certificate,
    async [Symbol.asyncDispose]() {
      await front[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** A raw TLS connection to the front, for misbehaving on. */
export async function rawConnection(fixture: FrontFixture): Promise<TLSSocket> {
  const socket = connect({
    host: fixture.front.host,
    port: fixture.front.port,
    ca: fixture.certificate.certPem,
    servername: "sinkd.local",
  });
  const ready = Promise.withResolvers<void>();
  socket.once("secureConnect", ready.resolve);
  socket.once("error", ready.reject);
  await ready.promise;
  socket.on("error", () => socket.destroy());
  return socket;
}

/** Resolves when `socket` is closed. */
export function closed(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** Hands out the channels that a front accepts, in order. */
export class ChannelInbox {
  #waiting: PromiseWithResolvers<Channel>[] = [];
  #ready: Channel[] = [];

  /** For {@linkcode frontFixture}. */
  readonly onChannel = (channel: Channel): void => {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#ready.push(channel);
    else waiting.resolve(channel);
  };

  /** The next accepted channel. */
  next(): Promise<Channel> {
    const ready = this.#ready.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    const waiting = Promise.withResolvers<Channel>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }
}
