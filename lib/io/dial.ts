/**
 * Dialling out: TCP, and TLS with pinned certificates, as byte streams.
 *
 * @module
 */
import { type ByteStream, fromConnection } from "./byte_stream.ts";

/** The name that every server certificate carries, whatever address was dialled. */
export const SERVER_NAME = "sinkd.local";

/** Where to dial. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Whom to expect there: `certPems` are trusted beside the well-known roots. */
export interface Expected {
  readonly servername: string;
  readonly certPems: readonly string[];
}

/** Dials, with TLS when `expected` is given. The signal ends dialling and, later, the stream. */
export async function dial(
  address: Address,
  options: { readonly expected?: Expected; readonly signal: AbortSignal },
): Promise<ByteStream> {
  const { signal, expected } = options;
  signal.throwIfAborted();
  const plain = await Deno.connect({
    hostname: address.host,
    port: address.port,
    signal,
  });
  plain.setNoDelay(true);
  // Takes the connection over without waiting for the peer; the handshake does the waiting.
  const tls = expected === undefined ? undefined : await Deno.startTls(plain, {
    hostname: expected.servername,
    caCerts: [...expected.certPems],
  });
  const stream = fromConnection(tls ?? plain, () => {
    signal.removeEventListener("abort", stream.abort);
  });
  signal.addEventListener("abort", stream.abort, { once: true });
  try {
    signal.throwIfAborted();
    await tls?.handshake();
    signal.throwIfAborted();
    return stream;
  } catch (error) {
    stream.abort();
    throw error;
  }
}
