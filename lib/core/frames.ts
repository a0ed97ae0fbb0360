/**
 * Frames of the data channel: `[u32 big-endian payload length][u8 kind][payload]`, without any I/O.
 *
 * @module
 */

/** What the connecting side sends first, before any frame. */
export const CHANNEL_MAGIC = "SINKD/1\n";

/** Largest payload of a JSON frame, in bytes. */
export const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** Largest payload of a data frame, in bytes. */
export const MAX_DATA_BYTES = 256 * 1024;

const HEADER_BYTES = 5;
const JSON_KIND = 0;
const DATA_KIND = 1;
const END_KIND = 2;

/** One frame, parsed. */
export type Frame =
  | { readonly kind: "message"; readonly value: unknown }
  | { readonly kind: "data"; readonly chunk: Uint8Array<ArrayBuffer> }
  | { readonly kind: "end" };

/** A JSON frame; throws when the message is larger than {@linkcode MAX_JSON_BYTES}. */
export function encodeMessage(message: unknown): Uint8Array<ArrayBuffer> {
  const payload = new TextEncoder().encode(JSON.stringify(message));
  return encodeFrame(JSON_KIND, payload, MAX_JSON_BYTES);
}

/** A data frame; throws when the chunk is larger than {@linkcode MAX_DATA_BYTES}. */
export function encodeData(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeFrame(DATA_KIND, chunk, MAX_DATA_BYTES);
}

/** The frame that ends a run of data frames. */
export function encodeEnd(): Uint8Array<ArrayBuffer> {
  return encodeFrame(END_KIND, new Uint8Array(), 0);
}

function encodeFrame(
  kind: number,
  payload: Uint8Array,
  limit: number,
): Uint8Array<ArrayBuffer> {
  if (payload.length > limit) {
    throw new Error(
      `Cannot send a frame of ${payload.length} bytes: the limit is ${limit}`,
    );
  }
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  new DataView(bytes.buffer).setUint32(0, payload.length);
  bytes[4] = kind;
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/**
 * Incremental decoder. It holds what was pushed and not yet taken; a caller that pushes only when
 * {@linkcode FrameDecoder.take} has nothing keeps that to one frame and one chunk.
 *
 * @example
 * ```ts
 * import { encodeMessage, FrameDecoder } from "./frames.ts";
 * import assert from "node:assert/strict";
 * const decoder = new FrameDecoder();
 * const bytes = encodeMessage({ a: 1 });
 * decoder.push(bytes.subarray(0, 7));
 * assert.equal(decoder.take(), undefined);
 * decoder.push(bytes.subarray(7));
 * assert.deepEqual(decoder.take(), { kind: "message", value: { a: 1 } });
 * ```
 */
export class FrameDecoder {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerLength = 0;
  #payload = new Uint8Array();
  #payloadLength = 0;
  #pending: Uint8Array[] = [];
  #firstMessageBytes: number | undefined;

  /** With `firstMessageBytes` the first frame must be a message of at most that many bytes. */
  constructor(firstMessageBytes?: number) {
    this.#firstMessageBytes = firstMessageBytes;
  }

  /** Adds received bytes; they are kept by reference until taken. */
  push(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#pending.push(bytes);
  }

  /** True when no byte of an unfinished frame has come. */
  get between(): boolean {
    return this.#headerLength === 0 && this.#pending.length === 0;
  }

  /** The next whole frame, or `undefined` when more bytes are needed. Throws on a frame that breaks the rules. */
  take(): Frame | undefined {
    if (this.#headerLength < HEADER_BYTES) {
      this.#headerLength = this.#fill(this.#header, this.#headerLength);
      if (this.#headerLength < HEADER_BYTES) return undefined;
      const length = checkedLength(this.#header, this.#firstMessageBytes);
      this.#payload = new Uint8Array(length);
      this.#payloadLength = 0;
    }
    this.#payloadLength = this.#fill(this.#payload, this.#payloadLength);
    if (this.#payloadLength < this.#payload.length) return undefined;
    const frame = toFrame(this.#header[4], this.#payload);
    this.#headerLength = 0;
    this.#payload = new Uint8Array();
    this.#firstMessageBytes = undefined;
    return frame;
  }

  #fill(target: Uint8Array, start: number): number {
    let filled = start;
    while (filled < target.length) {
      const [chunk] = this.#pending;
      if (chunk === undefined) break;
      const part = chunk.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) this.#pending.shift();
      else this.#pending[0] = chunk.subarray(part.length);
    }
    return filled;
  }
}

function checkedLength(
  header: Uint8Array<ArrayBuffer>,
  firstMessageBytes: number | undefined,
): number {
  const length = new DataView(header.buffer).getUint32(0);
  const kind = header[4];
  if (firstMessageBytes !== undefined && kind !== JSON_KIND) {
    throw new Error("Cannot read frame: the first one must be a message");
  }
  const limit = kind === JSON_KIND
    ? firstMessageBytes ?? MAX_JSON_BYTES
    : kind === DATA_KIND
    ? MAX_DATA_BYTES
    : kind === END_KIND
    ? 0
    : undefined;
  if (limit === undefined) {
    throw new Error(`Cannot read frame: its kind ${kind} is unknown`);
  }
  if (length > limit) {
    throw new Error(
      `Cannot read frame: its ${length} bytes are over the limit of ${limit}`,
    );
  }
  return length;
}

function toFrame(
  kind: number | undefined,
  payload: Uint8Array<ArrayBuffer>,
): Frame {
  if (kind === END_KIND) return { kind: "end" };
  if (kind === DATA_KIND) return { kind: "data", chunk: payload };
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
    return { kind: "message", value: JSON.parse(text) };
  } catch (cause) {
    throw new Error("Cannot read frame: it is not JSON", { cause });
  }
}
