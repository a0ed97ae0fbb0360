/**
 * Pumping: a run of bytes both ways between a data channel and something local.
 *
 * @module
 */
import type { Channel } from "./channel.ts";

/** A local end: a connection, or a child's pipes. Reading and writing may run side by side. */
export interface LocalEnd {
  /** The next bytes; `undefined` at the end. */
  read(): Promise<Uint8Array | undefined>;
  write(chunk: Uint8Array): Promise<void>;
  /** Says that nothing more comes; reading goes on. */
  end(): Promise<void>;
  /** Lets go of both directions at once. */
  abort(): Promise<void>;
}

/** Bytes in one data frame. */
const CHUNK_BYTES = 128 * 1024;
/** Most of a child's messages that is kept. */
const KEPT_BYTES = 64 * 1024;

/** A TCP connection; its streams would close both directions at once, so they are not used. */
export function connectionEnd(connection: Deno.TcpConn): LocalEnd {
  const buffer = new Uint8Array(CHUNK_BYTES);
  return {
    async read() {
      const count = await connection.read(buffer);
      return count === null ? undefined : buffer.slice(0, count);
    },
    async write(chunk) {
      let written = 0;
      while (written < chunk.length) {
        written += await connection.write(chunk.subarray(written));
      }
    },
    end: () => connection.closeWrite(),
    abort() {
      connection.close();
      return Promise.resolve();
    },
  };
}

/** A child's standard output to read and standard input to write. */
export function pipesEnd(
  child: {
    readonly stdout: ReadableStream<Uint8Array>;
    readonly stdin: WritableStream<Uint8Array>;
  },
): LocalEnd {
  const reader = child.stdout.getReader();
  const writer = child.stdin.getWriter();
  return {
    read: async () => (await reader.read()).value,
    write: (chunk) => writer.write(chunk),
    end: () => writer.close(),
    async abort() {
      await Promise.allSettled([reader.cancel(), writer.abort()]);
    },
  };
}

/**
 * Carries bytes both ways until either end has said all. A local end that breaks just ends its side;
 * throws when the channel breaks, with the local end let go of.
 */
export async function pump(channel: Channel, local: LocalEnd): Promise<void> {
  const both = [sendAll(channel, local), takeAll(channel, local)];
  try {
    await Promise.all(both);
  } catch (error) {
    await local.abort();
    await Promise.allSettled(both);
    throw error;
  }
}

/** The exchange when there is no local end: says nothing, drops what comes. */
export async function drainRun(channel: Channel): Promise<void> {
  await channel.endData();
  while (await channel.readData() !== undefined);
}

/** All text of a stream, but no more than the last 64 KiB. */
export async function keptText(
  stream: ReadableStream<Uint8Array>,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text = (text + decoder.decode(chunk, { stream: true })).slice(-KEPT_BYTES);
  }
  return text;
}

async function sendAll(channel: Channel, local: LocalEnd): Promise<void> {
  for (;;) {
    const chunk = await readLocal(local);
    if (chunk === undefined) break;
    for (let start = 0; start < chunk.length; start += CHUNK_BYTES) {
      await channel.sendData(chunk.subarray(start, start + CHUNK_BYTES));
    }
  }
  await channel.endData();
}

async function takeAll(channel: Channel, local: LocalEnd): Promise<void> {
  let open = true;
  for (;;) {
    const chunk = await channel.readData();
    if (chunk === undefined) break;
    if (open) open = await attempt(() => local.write(chunk));
  }
  if (open) await attempt(() => local.end());
}

async function readLocal(local: LocalEnd): Promise<Uint8Array | undefined> {
  try {
    return await local.read();
  } catch (error) {
    if (isBroken(error)) return undefined;
    throw error;
  }
}

/** False when the local end is gone: rsync's exit code tells what happened to it. */
async function attempt(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isBroken(error)) return false;
    throw error;
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.BadResource;
}
