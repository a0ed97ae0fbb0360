/**
 * The server's one port: TLS, and behind it MQTT or data channels, told apart by their first bytes.
 *
 * @module
 */
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer, type TLSSocket } from "node:tls";
import { CHANNEL_MAGIC } from "../core/frames.ts";
import { acceptChannel, type Channel } from "./channel.ts";

/** Where to listen and as whom. */
export interface FrontOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly certPem: string;
  readonly keyPem: string;
}

/** Who takes the connections. */
export interface FrontHandlers {
  onMqtt(stream: Duplex): void;
  onChannel(channel: Channel): void;
}

/** The open port. Disposing cuts every connection. */
export interface Front extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

const FIRST_BYTES_LIMIT_MS = 10_000;
const MQTT_CONNECT = 0x10;
const magic = new TextEncoder().encode(CHANNEL_MAGIC);

/** Opens the port; throws when it cannot be listened on. */
export async function openFront(
  options: FrontOptions,
  handlers: FrontHandlers,
): Promise<Front> {
  const sockets = new Set<Socket>();
  const server = createServer({
    cert: options.certPem,
    key: options.keyPem,
    minVersion: "TLSv1.2",
    handshakeTimeout: FIRST_BYTES_LIMIT_MS,
  });
  server.on("connection", (socket: Socket) => track(sockets, socket));
  server.on("secureConnection", (socket: TLSSocket) => {
    track(sockets, socket);
    socket.setNoDelay(true);
    greet(socket, handlers);
  });
  // A handshake that fails is that connection's own affair.
  server.on("tlsClientError", (_error, socket) => socket.destroy());

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
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const socket of sockets) socket.destroy();
      await closed.promise;
    },
  };
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.once("close", () => sockets.delete(socket));
  socket.on("error", () => socket.destroy());
}

/** Waits for enough bytes to know what the peer speaks, and hands the connection on. */
function greet(socket: TLSSocket, handlers: FrontHandlers): void {
  let seen: Uint8Array = new Uint8Array();
  const limit = setTimeout(() => socket.destroy(), FIRST_BYTES_LIMIT_MS);
  socket.once("close", () => clearTimeout(limit));
  socket.on("data", look);

  function look(chunk: Uint8Array): void {
    seen = concat(seen, chunk);
    if (seen[0] === MQTT_CONNECT) {
      settle();
      socket.unshift(seen);
      handlers.onMqtt(socket);
    } else if (
      !magic.every((byte, at) => at >= seen.length || seen[at] === byte)
    ) {
      settle();
      socket.destroy();
    } else if (seen.length >= magic.length) {
      settle();
      handlers.onChannel(acceptChannel(socket, seen.subarray(magic.length)));
    }
  }

  function settle(): void {
    clearTimeout(limit);
    socket.off("data", look);
    socket.pause();
  }
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length === 0) return right;
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
