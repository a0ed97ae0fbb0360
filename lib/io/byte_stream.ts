/**
 * Byte streams with backpressure over the two kinds of connection: Deno's own and node's sockets.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

/** A connection as bytes. `read` and `write` may run side by side, each one call at a time. */
export interface ByteStream {
  /** The next bytes, or `undefined` when the peer has closed. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends what was written, then closes; idempotent. */
  close(): Promise<void>;
  /** Closes at once; idempotent. */
  abort(): void;
}

const READ_BYTES = 256 * 1024;
const CLOSE_LIMIT_MS = 2000;

/** Streams over one of Deno's connections; `onClosed` is called once. */
export function fromConnection(
  connection: Deno.Conn,
  onClosed: () => void,
): ByteStream {
  let open = true;
  function abort(): void {
    if (!open) return;
    open = false;
    connection.close();
    onClosed();
  }
  return {
    async read() {
      if (!open) return undefined;
      const buffer = new Uint8Array(READ_BYTES);
      try {
        const length = await connection.read(buffer);
        return length === null ? undefined : buffer.subarray(0, length);
      } catch (error) {
        // A peer that ends without TLS close_notify; frames tell whether something is missing.
        if (!open || error instanceof Deno.errors.UnexpectedEof) {
          return undefined;
        }
        throw error;
      }
    },
    async write(bytes) {
      let written = 0;
      while (written < bytes.length) {
        written += await connection.write(bytes.subarray(written));
      }
    },
    async close() {
      if (!open) return;
      const limit = setTimeout(abort, CLOSE_LIMIT_MS);
      try {
        await connection.closeWrite();
      } catch (error) {
        if (open && !isGone(error)) throw error;
      } finally {
        clearTimeout(limit);
        abort();
      }
    },
    abort,
  };
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.UnexpectedEof;
}

/** Streams over a node socket, after `firstBytes` which were already read from it. */
export function fromSocket(socket: Duplex, firstBytes: Uint8Array): ByteStream {
  const chunks: Uint8Array[] = firstBytes.length > 0 ? [firstBytes] : [];
  let ended = false;
  let failure: Error | undefined;
  let wakeReader = (): void => {};
  let wakeWriter = (): void => {};
  const closed = Promise.withResolvers<void>();

  socket.on("data", (chunk: Uint8Array) => {
    chunks.push(chunk);
    socket.pause();
    wakeReader();
  });
  socket.on("end", () => {
    ended = true;
    wakeReader();
  });
  socket.on("error", (error: Error) => failure ??= error);
  socket.on("drain", () => wakeWriter());
  socket.on("close", () => {
    ended = true;
    wakeReader();
    wakeWriter();
    closed.resolve();
  });
  if (socket.destroyed) {
    ended = true;
    closed.resolve();
  }

  return {
    async read() {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) return chunk;
        if (failure !== undefined) throw failure;
        if (ended) return undefined;
        await new Promise<void>((resolve) => {
          wakeReader = resolve;
          socket.resume();
        });
      }
    },
    async write(bytes) {
      if (socket.destroyed || socket.writableEnded) {
        throw failure ?? new Error("Cannot write: the connection is closed");
      }
      if (socket.write(bytes)) return;
      await new Promise<void>((resolve) => wakeWriter = resolve);
      if (socket.destroyed) {
        throw failure ?? new Error("Cannot write: the connection is closed");
      }
    },
    async close() {
      const limit = setTimeout(() => socket.destroy(), CLOSE_LIMIT_MS);
      if (!socket.destroyed) socket.end(() => socket.destroy());
      await closed.promise;
      clearTimeout(limit);
    },
    abort() {
      socket.destroy();
    },
  };
}

/** A byte stream as node's, for libraries that want one. */
export function toDuplex(stream: ByteStream): Duplex {
  return new Duplex({
    allowHalfOpen: false,
    read() {
      stream.read().then(
        (bytes) => this.push(bytes === undefined ? null : Buffer.from(bytes)),
        (error) => this.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      stream.write(chunk).then(() => done(), done);
    },
    final(done) {
      stream.close().then(() => done(), done);
    },
    destroy(error, done) {
      stream.abort();
      done(error);
    },
  });
}
