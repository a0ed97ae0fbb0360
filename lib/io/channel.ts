/**
 * The data channel: messages and runs of bytes over one TLS connection that the client dialled.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import type { Duplex } from "node:stream";
import {
  CHANNEL_MAGIC,
  encodeData,
  encodeEnd,
  encodeMessage,
  type Frame,
  FrameDecoder,
} from "../core/frames.ts";
import { type ByteStream, fromSocket } from "./byte_stream.ts";
import { dial, SERVER_NAME } from "./dial.ts";

/** A conversation with the peer. Sending and receiving may run side by side; each waits when the peer is slow. */
export interface Channel extends AsyncDisposable {
  /** Sends one JSON message of at most 4 MiB. */
  send(message: unknown): Promise<void>;
  /** The next message; `undefined` when the peer closed between frames. Throws on a cut or when data comes. */
  receive(): Promise<unknown | undefined>;
  /** Sends at most 256 KiB of bytes. */
  sendData(chunk: Uint8Array): Promise<void>;
  /** Ends a run of bytes. */
  endData(): Promise<void>;
  /** The next bytes; `undefined` at the end of the run. Throws on a cut or when a message comes. */
  readData(): Promise<Uint8Array | undefined>;
  /** Cuts the connection at once. Disposing sends what is pending first. */
  close(): void;
}

/** Where and how to dial. `certPems` are the pinned certificates. */
export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly certPems: readonly string[];
  /** Ends dialling, and later the channel. */
  readonly signal: AbortSignal;
}

/** Client side: connects, checks the pinned certificate, says that this is a data channel. */
export async function dialChannel(options: DialOptions): Promise<Channel> {
  const { host, port, certPems, signal } = options;
  let stream: ByteStream | undefined;
  try {
    stream = await dial({ host, port }, {
      expected: { servername: SERVER_NAME, certPems },
      signal,
    });
    await stream.write(new TextEncoder().encode(CHANNEL_MAGIC));
  } catch (cause) {
    stream?.abort();
    throw new Error(
      `Cannot connect to the server at ${host}:${port}: ${errorText(cause)}`,
      { cause },
    );
  }
  return openChannel(stream);
}

/**
 * Either end over a node socket whose `firstBytes` (after the magic line) were already read.
 * With `firstMessageBytes` the first frame must be a message of at most that many.
 */
export function acceptChannel(
  socket: Duplex,
  firstBytes: Uint8Array,
  firstMessageBytes?: number,
): Channel {
  const decoder = new FrameDecoder(firstMessageBytes);
  return openChannel(fromSocket(socket, firstBytes), decoder);
}

function openChannel(
  stream: ByteStream,
  decoder: FrameDecoder = new FrameDecoder(),
): Channel {
  let sending: Promise<void> = Promise.resolve();

  function sendFrame(bytes: Uint8Array): Promise<void> {
    const turn = sending.then(() => stream.write(bytes));
    sending = turn.catch(() => {}); // the caller of the failed send has the error
    return turn;
  }

  async function nextFrame(): Promise<Frame | undefined> {
    for (;;) {
      const frame = decoder.take();
      if (frame !== undefined) return frame;
      const bytes = await stream.read();
      if (bytes !== undefined) decoder.push(bytes);
      else if (decoder.between) return undefined;
      else throw new Error("Cannot read frame: the connection was cut in it");
    }
  }

  return {
    // Encoded inside an async function, so that a frame over the limit is a rejection.
    async send(message) {
      await sendFrame(encodeMessage(message));
    },
    async sendData(chunk) {
      await sendFrame(encodeData(chunk));
    },
    async endData() {
      await sendFrame(encodeEnd());
    },
    async receive() {
      const frame = await nextFrame();
      if (frame === undefined) return undefined;
      if (frame.kind === "message") return frame.value;
      throw new Error(`Cannot read message: the peer sent ${frame.kind}`);
    },
    async readData() {
      const frame = await nextFrame();
      if (frame?.kind === "data") return frame.chunk;
      if (frame?.kind === "end") return undefined;
      throw new Error(
        frame === undefined
          ? "Cannot read data: the connection was closed before its end"
          : "Cannot read data: the peer sent a message",
      );
    },
    close() {
      stream.abort();
    },
    async [Symbol.asyncDispose]() {
      await sending;
      await stream.close();
    },
  };
}
