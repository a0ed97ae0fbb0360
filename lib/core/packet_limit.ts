/**
 * A bound on MQTT packet sizes, from the packets' headers alone.
 *
 * @module
 */

const MAX_LENGTH_BYTES = 4;

/**
 * Follows a stream of MQTT packets and tells when one announces more than `limitBytes`.
 *
 * @example
 * ```ts
 * import { PacketLimit } from "./packet_limit.ts";
 * import assert from "node:assert/strict";
 * const limit = new PacketLimit(100);
 * assert.ok(limit.accepts(new Uint8Array([0xc0, 0, 0x30, 2, 1, 1])));
 * assert.ok(!limit.accepts(new Uint8Array([0x30, 101])));
 * ```
 */
export class PacketLimit {
  readonly #limitBytes: number;
  #state: "type" | "length" | "body" = "type";
  #length = 0;
  #lengthBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** False as soon as a packet is too large or its length is malformed; the stream is useless then. */
  accepts(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#state) {
        case "type":
          at++;
          this.#state = "length";
          this.#length = 0;
          this.#lengthBytes = 0;
          break;
        case "length":
          if (!this.#takeLength(bytes[at] ?? 0)) return false;
          at++;
          break;
        case "body": {
          const part = Math.min(this.#length, bytes.length - at);
          at += part;
          this.#length -= part;
          if (this.#length === 0) this.#state = "type";
          break;
        }
      }
    }
    return true;
  }

  #takeLength(byte: number): boolean {
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes++;
    if (this.#length > this.#limitBytes) return false;
    if (byte >= 0x80) return this.#lengthBytes < MAX_LENGTH_BYTES;
    this.#state = this.#length === 0 ? "type" : "body";
    return true;
  }
}
