/**
 * The background checksum: reads file after file when each is due, slowly, and sleeps in between.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { bucketOf, BUCKETS } from "../core/proof.ts";
import type { DigestRow, DigestStore } from "../io/digest_store.ts";
import { BRISK, DigestReader, type Pace, SLOW } from "../io/file_digest.ts";
import { logger } from "../io/log.ts";
import { Timers } from "../io/timers.ts";
import { describe } from "./faults.ts";

/** Longest sleep: a timer can't be much longer. */
const LONGEST_SLEEP_MS = 6 * 60 * 60 * 1000;
const AFTER_FAULT_MS = 60_000;
/** When a file that could not be read is looked at again. */
const UNREADABLE_MS = 60 * 60 * 1000;

const log = logger("checksum");

/**
 * How a file is before and after it is read: as `row` says, to be left alone for now, or not there;
 * or all files are to be left alone for a while.
 */
export type FileNow =
  | { readonly kind: "steady"; readonly row: DigestRow }
  | { readonly kind: "later"; readonly dueMs: number }
  | { readonly kind: "gone" }
  | { readonly kind: "busy"; readonly restMs: number };

/** What {@linkcode ChecksumWorker} works with. */
export interface ChecksumPorts {
  readonly store: DigestStore;
  /** In which time every file is read about once; 0: only when asked to. */
  readonly intervalMs: number;
  readonly fullPath: (path: string) => string;
  /** False while files may not be looked at. */
  readonly usable: () => boolean;
  readonly look: (row: DigestRow) => FileNow;
  /** A file was read, or could not be; gives its row as it is to be kept, but for when it is due. */
  readonly onDigest: (row: DigestRow, digest: string | undefined) => DigestRow;
  /** Nothing is due for now, and something was read. */
  readonly onRest: () => void;
}

/** Reads what is due. */
export class ChecksumWorker implements AsyncDisposable {
  readonly #ports: ChecksumPorts;
  readonly #timers = new Timers();
  readonly #stop = new AbortController();
  readonly #reader: DigestReader;
  #running: Promise<void> | undefined;
  #endRest: () => void = () => {};
  #pace: Pace = SLOW;

  constructor(ports: ChecksumPorts) {
    this.#ports = ports;
    this.#reader = new DigestReader(
      (ms) => this.#rest(ms),
      this.#stop.signal,
    );
  }

  /** Looks whether something is due; at a brisk pace when a person waits for it. */
  wake(asked = false): void {
    if (asked) {
      this.#pace = BRISK;
      this.#endRest();
    }
    if (this.#running !== undefined || this.#stop.signal.aborted) return;
    const first = this.#ports.store.first();
    const isOff = this.#ports.intervalMs === 0 && this.#pace === SLOW;
    if (first === undefined || isOff) return;
    const sleepMs = Math.max(first.due - Date.now(), 0);
    this.#timers.set(
      "due",
      Math.min(sleepMs, LONGEST_SLEEP_MS),
      () => this.#start(),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#timers[Symbol.dispose]();
    this.#endRest();
    await this.#running;
    this.#timers[Symbol.dispose]();
  }

  #start(): void {
    if (this.#stop.signal.aborted) return;
    this.#running = this.#run().then((delayMs) => {
      this.#running = undefined;
      if (this.#stop.signal.aborted) return;
      if (delayMs === 0) this.wake();
      else this.#timers.set("due", delayMs, () => this.wake());
    });
  }

  /** Gives how long to wait before the next look, or 0 for as long as nothing is due. */
  async #run(): Promise<number> {
    let read = 0;
    try {
      for (;;) {
        const first = this.#ports.store.first();
        if (first === undefined || first.due > Date.now()) break;
        if (!this.#ports.usable()) return AFTER_FAULT_MS;
        const restMs = await this.#check(first);
        if (restMs > 0) return restMs;
        read++;
        // What is put off is not waited for, and there may be very many.
        await new Promise<void>((resolve) => setImmediate(resolve));
        this.#stop.signal.throwIfAborted();
      }
    } catch (error) {
      if (this.#stop.signal.aborted) return 0;
      log.warn`Checksums rest for a minute: ${describe(error)}`;
      return AFTER_FAULT_MS;
    }
    this.#pace = SLOW;
    if (read > 0) this.#ports.onRest();
    return 0;
  }

  /** Gives how long to leave all files alone, or 0. */
  async #check(first: DigestRow): Promise<number> {
    const { store, look, fullPath, onDigest } = this.#ports;
    const before = look(first);
    if (before.kind !== "steady") return this.#putOff(first, before);
    const { row } = before;
    const digest = await this.#reader.read(
      fullPath(row.path),
      () => this.#pace,
    );
    const after = look(row);
    if (after.kind !== "steady") return this.#putOff(first, after);
    if (JSON.stringify(after.row) !== JSON.stringify(row)) {
      store.put({ ...after.row, due: Date.now() });
      return 0;
    }
    const due = digest === undefined
      ? Date.now() + UNREADABLE_MS
      : this.#dueNext(row.path);
    store.put({ ...onDigest(row, digest), due });
    return 0;
  }

  #putOff(row: DigestRow, now: Exclude<FileNow, { kind: "steady" }>): number {
    const { store } = this.#ports;
    switch (now.kind) {
      case "gone":
        store.drop(row.path);
        return 0;
      case "later":
        store.put({ ...row, due: now.dueMs });
        return 0;
      case "busy":
        return now.restMs;
    }
  }

  /** Spread over the second half of the interval, so that each day has its slice. */
  #dueNext(path: string): number {
    const { intervalMs } = this.#ports;
    const share = 0.5 + bucketOf(path) / (2 * BUCKETS);
    return Date.now() + Math.ceil((intervalMs || LONGEST_SLEEP_MS) * share);
  }

  #rest(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endRest = resolve;
    this.#timers.set("rest", ms, resolve);
    return promise;
  }
}
