/**
 * Digests of files, read slowly: SHA-256, with rests so that neither disk nor processor are busy.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { isMissing } from "./files.ts";

const CHUNK_BYTES = 1024 * 1024;
/** Rests shorter than this are put together. */
const SHORTEST_REST_MS = 10;

/** How fast files are read: bytes in a second, and how long to rest for each millisecond of work. */
export interface Pace {
  readonly bytesPerSecond: number;
  readonly restPerWork: number;
}

/** In the background: 4 MiB/s, and one part in 70 of a processor. */
export const SLOW: Pace = { bytesPerSecond: 4 * 1024 * 1024, restPerWork: 70 };
/** When a person waits for it. */
export const BRISK: Pace = { bytesPerSecond: 64 * 1024 * 1024, restPerWork: 1 };

/** Waits; ends early when the reader is to stop. */
export type Rest = (ms: number) => Promise<void>;

/** Reads files one after another at a pace. */
export class DigestReader {
  readonly #rest: Rest;
  readonly #signal: AbortSignal;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #owedMs = 0;

  constructor(rest: Rest, signal: AbortSignal) {
    this.#rest = rest;
    this.#signal = signal;
  }

  /** SHA-256 in hex; `undefined` when the file is not there or may not be read. Throws on faults of the disk, and when stopped. */
  async read(full: string, pace: () => Pace): Promise<string | undefined> {
    const hash = createHash("sha256");
    let startMs = performance.now();
    try {
      using file = await Deno.open(full);
      for (;;) {
        const count = await file.read(this.#buffer);
        if (count !== null) hash.update(this.#buffer.subarray(0, count));
        await this.#pause(count ?? 0, performance.now() - startMs, pace());
        if (count === null) return hash.digest("hex");
        startMs = performance.now();
      }
    } catch (error) {
      const barred = error instanceof Deno.errors.PermissionDenied;
      if (barred || isMissing(error)) return undefined;
      throw error;
    }
  }

  async #pause(bytes: number, workMs: number, pace: Pace): Promise<void> {
    this.#signal.throwIfAborted();
    const byBytes = bytes / pace.bytesPerSecond * 1000;
    this.#owedMs += Math.max(byBytes, workMs * pace.restPerWork);
    if (this.#owedMs < SHORTEST_REST_MS) return;
    const restMs = this.#owedMs;
    this.#owedMs = 0;
    await this.#rest(restMs);
    this.#signal.throwIfAborted();
  }
}
