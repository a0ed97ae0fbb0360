/**
 * Two data channels joined in memory, with a cut after as many frames as a test likes.
 *
 * @module
 */
import type { Channel } from "../../lib/io/channel.ts";

type Frame =
  | { readonly kind: "message"; readonly value: unknown }
  | { readonly kind: "data"; readonly chunk: Uint8Array }
  | { readonly kind: "end" };

/** Most frames that wait in one direction before the sender waits. */
const WINDOW = 4;

/** Both ends; `cutAfter` frames of data in either direction the connection breaks. */
export function channelPair(
  options: { readonly cutAfter?: number } = {},
): { server: Channel; client: Channel; cut(): void } {
  const up = new Line();
  const down = new Line();
  let left = options.cutAfter ?? Infinity;
  function cut(): void {
    up.cut();
    down.cut();
  }
  function countDown(): void {
    if (--left < 0) cut();
  }
  return {
    server: end(up, down, { cut, countDown }),
    client: end(down, up, { cut, countDown }),
    cut,
  };
}

class Line {
  readonly #frames: Frame[] = [];
  #changed = Promise.withResolvers<void>();
  #broken = false;

  async put(frame: Frame): Promise<void> {
    while (this.#frames.length >= WINDOW && !this.#broken) {
      await this.#changed.promise;
    }
    if (this.#broken) throw new Error("the connection was cut");
    this.#frames.push(frame);
    this.#tell();
  }

  async take(): Promise<Frame> {
    while (this.#frames.length === 0 && !this.#broken) {
      await this.#changed.promise;
    }
    const frame = this.#broken ? undefined : this.#frames.shift();
    if (frame === undefined) throw new Error("the connection was cut");
    this.#tell();
    return frame;
  }

  cut(): void {
    this.#broken = true;
    this.#tell();
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

function end(
  incoming: Line,
  outgoing: Line,
  { cut, countDown }: { cut: () => void; countDown: () => void },
): Channel {
  return {
    send: (value) =>
      outgoing.put({
        kind: "message",
        value: JSON.parse(JSON.stringify(value)),
      }),
    async receive() {
      const frame = await incoming.take();
      if (frame.kind === "message") return frame.value;
      throw new Error(`the peer sent ${frame.kind}`);
    },
    async sendData(chunk) {
      countDown();
      await outgoing.put({ kind: "data", chunk: chunk.slice() });
    },
    endData: () => outgoing.put({ kind: "end" }),
    async readData() {
      const frame = await incoming.take();
      if (frame.kind === "data") return frame.chunk;
      if (frame.kind === "end") return undefined;
      throw new Error("the peer sent a message");
    },
    close: cut,
    [Symbol.asyncDispose]() {
      cut();
      return Promise.resolve();
    },
  };
}
