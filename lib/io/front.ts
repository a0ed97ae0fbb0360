/**
 * The server's one port: TLS, and behind it MQTT or data channels, told apart by their first bytes.
 *
 * @module
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import { CHANNEL_MAGIC } from "../core/frames.ts";
import { acceptChannel, type Channel } from "./channel.ts";
import { secureStream } from "./tls_stream.ts";
import { WaitingRoom } from "./waiting_room.ts";

/** Where to listen and as whom. */
export interface FrontOptions extends CertificatePair {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly limits?: FrontLimits;
}

/** Who is at the other end. */
export interface Visitor {
  /** IP address. */
  readonly address: string;
  /** Says that the login was good; whoever is not admitted in time is shut out. */
  admit(): void;
}

/** Who takes the connections. */
export interface FrontHandlers {
  onMqtt(stream: Duplex, visitor: Visitor): void;
  onChannel(channel: Channel, visitor: Visitor): void;
}

/** How many connections there may be; where one is too many, the oldest that is not admitted goes. */
export interface FrontLimits {
  /** Not admitted, of all. */
  readonly waiting: number;
  /** Not admitted, of one address. */
  readonly waitingOfAddress: number;
  /** Of one address, admitted or not. */
  readonly ofAddress: number;
  /** How long one may take to be admitted. */
  readonly admitMs: number;
  /** Largest hello of a data channel; only who is known may send more at once. */
  readonly helloBytes: number | undefined;
}

/** The open port. Disposing cuts every connection. */
export interface Front extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Shows another certificate to who comes from now on. */
  present(certificate: CertificatePair): void;
}

/** A certificate and its key, PEM. */
export interface CertificatePair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** What a server bears. */
export const FRONT_LIMITS: FrontLimits = {
  waiting: 1024,
  waitingOfAddress: 64,
  ofAddress: 1024,
  admitMs: 15_000,
  helloBytes: 16_384,
};

const FIRST_BYTES_LIMIT_MS = 10_000;
const MQTT_CONNECT = 0x10;
const magic = new TextEncoder().encode(CHANNEL_MAGIC);

/** Opens the port; throws when it cannot be listened on. */
export async function openFront(
  options: FrontOptions,
  handlers: FrontHandlers,
): Promise<Front> {
  const sockets = new Set<Socket>();
  const { limits = FRONT_LIMITS } = options;
  const waiting = new WaitingRoom(limits);
  let context = contextOf(options);
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    const limit = setTimeout(() => socket.destroy(), FIRST_BYTES_LIMIT_MS);
    socket.once("close", () => {
      clearTimeout(limit);
      sockets.delete(socket);
    });
    // What goes wrong in one connection is that connection's own affair.
    socket.on("error", () => socket.destroy());
    const visitor = waiting.enter(socket);
    if (visitor === undefined) return;
    secureStream(socket, context, (stream) => {
      greet(stream, {
        onMqtt: (mqtt) => handlers.onMqtt(mqtt, visitor),
        onChannel: (firstBytes) =>
          handlers.onChannel(
            acceptChannel(stream, firstBytes, limits.helloBytes),
            visitor,
          ),
      }, () => clearTimeout(limit));
    });
  });

  const listening = Promise.withResolvers<void>();
  server.once("error", (cause: Error) =>
    listening.reject(
      new Error(
        `Cannot listen on ${options.host}:${options.port}: ${cause.message}`,
        { cause },
      ),
    ));
  server.listen({ host: options.host, port: options.port }, listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;

  return {
    host: options.host,
    port,
    present(certificate) {
      context = contextOf(certificate);
    },
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const socket of sockets) socket.destroy();
      await closed.promise;
    },
  };
}

function contextOf({ certPem, keyPem }: CertificatePair) {
  return createSecureContext({
    cert: certPem,
    key: keyPem,
    minVersion: "TLSv1.2",
  });
}

/** Waits for enough bytes to know what the peer speaks, and hands the connection on. */
function greet(
  stream: Duplex,
  handlers: {
    onMqtt(stream: Duplex): void;
    onChannel(firstBytes: Uint8Array): void;
  },
  known: () => void,
): void {
  let seen: Uint8Array = new Uint8Array();
  stream.on("error", () => stream.destroy());
  stream.on("data", look);

  function look(chunk: Uint8Array): void {
    seen = concat(seen, chunk);
    const mqtt = seen[0] === MQTT_CONNECT;
    if (!mqtt && !startsLikeMagic(seen)) {
      stream.destroy();
    } else if (mqtt || seen.length >= magic.length) {
      known();
      stream.off("data", look);
      stream.pause();
      if (mqtt) {
        stream.unshift(seen);
        handlers.onMqtt(stream);
      } else {
        handlers.onChannel(seen.subarray(magic.length));
      }
    }
  }
}

function startsLikeMagic(bytes: Uint8Array): boolean {
  return magic.every((byte, at) => at >= bytes.length || bytes[at] === byte);
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length === 0) return right;
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
