/**
 * Server side of TLS with backpressure that holds.
 *
 * Deno's `TLSSocket` keeps reading from the network while it is paused, without a bound, and does
 * not give out all of what it kept when it is resumed. So it is never paused here: what it reads
 * from is a stream of our own, fed from the TCP socket only while there is room at the far end.
 *
 * @module
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";

const BUFFER_BYTES = 256 * 1024;

/** The decrypted stream over `socket`; calls `ready` after the handshake. Destroying it closes the socket. */
export function secureStream(
  socket: Socket,
  context: SecureContext,
  ready: (stream: Duplex) => void,
): void {
  socket.pause();
  const encrypted = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      socket.write(chunk, done);
    },
    final(done) {
      socket.end(done);
    },
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Uint8Array) => encrypted.push(chunk));
  socket.on("end", () => encrypted.push(null));
  socket.on("error", () => encrypted.destroy());
  socket.on("close", () => encrypted.destroy());

  const tls = new TLSSocket(encrypted, {
    isServer: true,
    secureContext: context,
  });
  const clear = new Duplex({
    readableHighWaterMark: BUFFER_BYTES,
    writableHighWaterMark: BUFFER_BYTES,
    read() {
      socket.resume();
    },
    write(chunk, _encoding, done) {
      tls.write(chunk, done);
    },
    final(done) {
      tls.end(done);
    },
    destroy(error, done) {
      tls.destroy();
      socket.destroy();
      done(error);
    },
  });
  tls.on("data", (chunk: Uint8Array) => {
    if (!clear.push(chunk)) socket.pause();
  });
  tls.on("end", () => clear.push(null));
  tls.on("error", () => clear.destroy());
  tls.on("close", () => clear.destroy());
  tls.once("secure", () => ready(clear));
  socket.resume();
}
