/**
 * A data channel whose bytes are counted.
 *
 * @module
 */
import type { Channel } from "../io/channel.ts";
import type { Direction, TransferMeter } from "../turn/transfer_meter.ts";

/** As `channel`, of the client or of the server. */
export function meteredChannel(
  channel: Channel,
  meter: TransferMeter,
  side: "client" | "server",
): Channel {
  const out: Direction = side === "client" ? "edits" : "update";
  const back: Direction = side === "client" ? "update" : "edits";
  return {
    send: (message) => channel.send(message),
    receive: () => channel.receive(),
    endData: () => channel.endData(),
    close: () => channel.close(),
    async sendData(chunk) {
      await channel.sendData(chunk);
      meter.passed(out, chunk.length);
    },
    async readData() {
      const chunk = await channel.readData();
      if (chunk !== undefined) meter.passed(back, chunk.length);
      return chunk;
    },
    [Symbol.asyncDispose]: () => channel[Symbol.asyncDispose](),
  };
}
