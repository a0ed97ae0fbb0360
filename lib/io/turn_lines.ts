/**
 * The two ends of a turn's data channel: messages checked against their schemas, and rsync calls.
 *
 * @module
 */
import {
  clientMessageSchema,
  serverMessageSchema,
} from "../core/channel_protocol.ts";
import type { ClientLine, ServerLine } from "../ports.ts";
import type { Channel } from "./channel.ts";
import { callRsync } from "./rsync_call.ts";
import { serveRsync } from "./rsync_serve.ts";

/** What both ends need. */
export interface LineOptions {
  /** Where each rsync has a working directory of its own. */
  readonly runDirectory: string;
  /** How long the other side's next message may take. */
  readonly silenceMs: number;
}

/** The server's end. */
export function serverLine(
  channel: Channel,
  { runDirectory, silenceMs }: LineOptions,
): ServerLine {
  return {
    send: (message) => channel.send(message),
    async receive() {
      const value = await withDeadline(channel, silenceMs);
      const parsed = clientMessageSchema.safeParse(value);
      if (parsed.success) return parsed.data;
      throw new Error(
        "Cannot understand the client: its message does not parse",
      );
    },
    async rsync(call) {
      const password = randomHex(16);
      const { direction } = call;
      await channel.send({ kind: "rsync", direction, password });
      const end = await callRsync(channel, {
        ...call,
        password,
        runDirectory,
      });
      await channel.send({ kind: "rsyncDone", code: end.code });
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
    send: (message) => channel.send(message),
    async receive() {
      const value = await withDeadline(channel, options.silenceMs);
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

async function withDeadline(
  channel: Channel,
  silenceMs: number,
): Promise<unknown> {
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    channel.close();
  }, silenceMs);
  try {
    const value = await channel.receive();
    if (value !== undefined) return value;
  } catch (error) {
    if (!silent) throw error;
  } finally {
    clearTimeout(timer);
  }
  throw new Error(
    silent
      ? `Cannot go on with the transfer: nothing came for ${silenceMs / 1000} s`
      : "Cannot go on with the transfer: the other side closed the channel",
  );
}
