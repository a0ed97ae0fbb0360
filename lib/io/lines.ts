/**
 * One bounded line of text over a stream connection.
 *
 * @module
 */

/** A line without its newline; or why there is none. */
export type Line =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "ended" }
  | { readonly kind: "too long" }
  | { readonly kind: "not UTF-8" };

/** What a line is read from. */
export interface ByteReader {
  read(buffer: Uint8Array): Promise<number | null>;
}

/** What a line is written to. */
export interface ByteWriter {
  write(bytes: Uint8Array): Promise<number>;
}

/** Reads up to the first newline, at most `maxBytes` with it; what follows it is lost. */
export async function readLine(
  from: ByteReader,
  maxBytes: number,
): Promise<Line> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const buffer = new Uint8Array(Math.min(maxBytes, 65_536));
  while (true) {
    const count = await from.read(buffer);
    if (count === null) return { kind: "ended" };
    const newline = buffer.subarray(0, count).indexOf(10);
    const used = newline < 0 ? count : newline;
    length += used;
    if (length >= maxBytes) return { kind: "too long" };
    chunks.push(buffer.slice(0, used));
    if (newline >= 0) return decode(chunks, length);
  }
}

/** Writes all of `text`. */
export async function writeAll(to: ByteWriter, text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(await to.write(bytes));
}

function decode(chunks: readonly Uint8Array[], length: number): Line {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(all);
    return { kind: "line", text };
  } catch {
    return { kind: "not UTF-8" };
  }
}
