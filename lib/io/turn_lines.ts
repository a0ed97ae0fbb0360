/**
 * The two ends of a turn's data channel: messages checked against their schemas, and rsync calls.
 *
 * @module
 */
import {
  type ClientMessage,
  clientMessageSchema,
  type ServerMessage,
  serverMessageSchema,
} from "../core/channel_protocol.ts";
import type { ClientLine, ServerLine } from "../ports.ts";
import type { Channel } from "./channel.ts";
import { withDeadline } from "./deadline.ts";
import { callRsync } from "./rsync_call.ts";
import { serveRsync } from "./rsync_serve.ts";

/** What both ends need. */
export interface LineOptions {
  /** Where each rsync has a working directory of its own. */
  readonly runDirectory: string;
  /** How long the other side's next message may take, or may lie here before it takes one. */
  readonly silenceMs: number;
}

/** What the server's end needs. */
export interface ServerLineOptions extends LineOptions {
  /** How long the client's first message may take. */
  readonly firstMs: number;
}

/** The server's end. */
export function serverLine(
  channel: Channel,
  { runDirectory, silenceMs, firstMs }: ServerLineOptions,
): ServerLine {
  let limitMs = firstMs;
  const send = (message: ServerMessage) => sent(channel, silenceMs, message);
  return {
    send,
    async receive() {
      const value = await received(channel, limitMs);
      limitMs = silenceMs;
      const parsed = clientMessageSchema.safeParse(value);
      if (parsed.success) return parsed.data;
      throw new Error(
        "Cannot understand the client: its message does not parse",
      );
    },
    async rsync(call) {
      const password = randomHex(16);
      const { direction } = call;
      await send({ kind: "rsync", direction, password });
      const end = await callRsync(channel, {
        ...call,
        password,
        runDirectory,
        lateMs: silenceMs,
      });
      await send({ kind: "rsyncDone", code: end.code });
      return end;
    },
  };
}

/** The client's end; rsync serves `root` (or only one file in it). */
export function clientLine(
  channel: Channel,
  options: LineOptions & {
    readonly root: string;
    readonly only: string | undefined;
  },
): ClientLine {
  return {
    send: (message) => sent(channel, options.silenceMs, message),
    async receive() {
      const value = await received(channel, options.silenceMs);
      const parsed = serverMessageSchema.safeParse(value);
      if (parsed.success) return parsed.data;
      throw new Error(
        "Cannot understand the server: its message does not parse",
      );
    },
    async serveRsync({ direction, password, signal }) {
      const { root, only, runDirectory } = options;
      await serveRsync(channel, {
        root,
        only,
        runDirectory,
        direction,
        password,
        signal,
      });
    },
  };
}

/** `bytes` random bytes in lower-case hex. */
export function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

async function received(channel: Channel, limitMs: number): Promise<unknown> {
  const late = `Cannot go on with the transfer: nothing came for ${
    limitMs / 1000
  } s`;
  const value = await withDeadline(
    channel,
    { limitMs, late },
    () => channel.receive(),
  );
  if (value !== undefined) return value;
  throw new Error(
    "Cannot go on with the transfer: the other side closed the channel",
  );
}

async function sent(
  channel: Channel,
  limitMs: number,
  message: ClientMessage | ServerMessage,
): Promise<void> {
  const late = `Cannot go on with the transfer: nothing was taken for ${
    limitMs / 1000
  } s`;
  await withDeadline(channel, { limitMs, late }, () => channel.send(message));
}
