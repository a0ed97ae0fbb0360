/**
 * Pumping: a run of bytes both ways between a data channel and something local.
 *
 * @module
 */
import type { Channel } from "./channel.ts";

/** A local end: a connection, or a child's pipes. */
export interface LocalEnd {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** Bytes in one data frame. */
const CHUNK_BYTES = 128 * 1024;
/** Most of a child's messages that is kept. */
const KEPT_BYTES = 64 * 1024;

/**
 * Carries bytes both ways until either end has said all. A local end that breaks just ends its side;
 * throws when the channel breaks, with the local end closed.
 */
export async function pump(channel: Channel, local: LocalEnd): Promise<void> {
  const reader = local.readable.getReader();
  const writer = local.writable.getWriter();
  try {
    await Promise.all([sendAll(channel, reader), takeAll(channel, writer)]);
  } catch (error) {
    await Promise.allSettled([reader.cancel(error), writer.abort(error)]);
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

async function sendAll(
  channel: Channel,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<void> {
  for (;;) {
    const chunk = await readLocal(reader);
    if (chunk === undefined) break;
    for (let start = 0; start < chunk.length; start += CHUNK_BYTES) {
      await channel.sendData(chunk.subarray(start, start + CHUNK_BYTES));
    }
  }
  await channel.endData();
}

async function takeAll(
  channel: Channel,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  let open = true;
  for (;;) {
    const chunk = await channel.readData();
    if (chunk === undefined) break;
    if (open) open = await attempt(() => writer.write(chunk));
  }
  if (open) await attempt(() => writer.close());
}

async function readLocal(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Uint8Array | undefined> {
  try {
    return (await reader.read()).value;
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
    error instanceof Deno.errors.BadResource;
}
