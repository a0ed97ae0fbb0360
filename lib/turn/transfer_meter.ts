/**
 * How far a transfer is: what the messages of a turn announce, and the bytes that pass beside them.
 *
 * Sizes are those of the files; what an rsync really sends may be less (deltas, compression), and the
 * rate is that of the wire.
 *
 * @module
 */
import type { Change } from "../core/channel_protocol.ts";
import type { ClientLine, ServerLine } from "../ports.ts";

/** Which way bytes go, as seen from the client: `edits` to the server, `update` from it. */
export type Direction = "edits" | "update";

/** A transfer under way. */
export interface Progress {
  readonly direction: Direction;
  readonly files: number;
  /** Of these files, all together. */
  readonly bytes: number;
  /** So far, on the wire; never more than `bytes`. */
  readonly done: number;
  readonly bytesPerSecond: number;
  /** How long it takes already, in milliseconds. */
  readonly forMs: number;
}

/** The rate is that of so many of the last seconds. */
const WINDOW_MS = 10_000;
const SAMPLE_MS = 1_000;

interface Phase {
  readonly direction: Direction;
  readonly startMs: number;
  files: number;
  bytes: number;
  done: number;
  readonly samples: { atMs: number; done: number }[];
}

/** Measures the transfers of one turn, one after the other. `nowMs` is a clock that does not jump. */
export class TransferMeter {
  readonly #nowMs: () => number;
  /** Sizes of what was announced last, in its order; of files only. */
  #announced: (number | undefined)[] = [];
  #sizes = new Map<string, number>();
  #wanted: number[] = [];
  #phase: Phase | undefined;
  #calling = false;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** What goes on now, or `undefined`. */
  progress(): Progress | undefined {
    const phase = this.#phase;
    if (phase === undefined || !this.#calling) return undefined;
    const nowMs = this.#nowMs();
    const [first = { atMs: phase.startMs, done: 0 }] = phase.samples;
    const seconds = Math.max(nowMs - first.atMs, 1) / 1000;
    return {
      direction: phase.direction,
      files: phase.files,
      bytes: phase.bytes,
      done: Math.min(phase.done, phase.bytes),
      bytesPerSecond: Math.round((phase.done - first.done) / seconds),
      forMs: Math.round(nowMs - phase.startMs),
    };
  }

  /** A list of changes begins. */
  announce(): void {
    this.#announced = [];
    this.#sizes = new Map();
    this.#wanted = [];
    this.#phase = undefined;
  }

  entries(changes: readonly Change[]): void {
    for (const { path, entry } of changes) {
      const size = entry?.kind === "file" ? entry.size : undefined;
      this.#announced.push(size);
      if (size !== undefined) this.#sizes.set(path, size);
    }
  }

  /** Only these of the announced changes are fetched. */
  want(indexes: readonly number[]): void {
    for (const index of indexes) {
      const size = this.#announced[index];
      if (size !== undefined) this.#wanted.push(size);
    }
  }

  /** A call begins; without `paths` it is of all that was announced or wanted. */
  begin(direction: Direction, paths?: readonly string[]): void {
    this.#calling = true;
    const phase = this.#phase ??= {
      direction,
      startMs: this.#nowMs(),
      files: 0,
      bytes: 0,
      done: 0,
      samples: [],
    };
    if (paths === undefined && phase.files > 0) return; // the second call of the same list
    const sizes = paths?.map((path) => this.#sizes.get(path)) ??
      (direction === "update" ? this.#wanted : this.#announced);
    for (const size of sizes) {
      if (size === undefined) continue;
      phase.files++;
      phase.bytes += size;
    }
  }

  end(): void {
    this.#calling = false;
  }

  /** Bytes passed in the direction of the client to the server (`edits`), or back. */
  passed(direction: Direction, bytes: number): void {
    const phase = this.#phase;
    if (phase === undefined || phase.direction !== direction) return;
    phase.done += bytes;
    const nowMs = this.#nowMs();
    const last = phase.samples.at(-1);
    if (last === undefined) {
      phase.samples.push({ atMs: phase.startMs, done: 0 });
    } else if (nowMs - last.atMs >= SAMPLE_MS) {
      phase.samples.push({ atMs: nowMs, done: phase.done });
    }
    while (
      phase.samples.length > 2 &&
      nowMs - (phase.samples[1]?.atMs ?? nowMs) > WINDOW_MS
    ) phase.samples.shift();
  }
}

/** The client's line, measured. */
export function meteredClientLine(
  line: ClientLine,
  meter: TransferMeter,
): ClientLine {
  return {
    send(message) {
      if (message.kind === "edits") meter.announce();
      if (message.kind === "entries") meter.entries(message.changes);
      if (message.kind === "want") {
        meter.want([...message.plain, ...message.verify]);
      }
      return line.send(message);
    },
    async receive() {
      const message = await line.receive();
      if (message.kind === "changes") meter.announce();
      if (message.kind === "entries") meter.entries(message.changes);
      return message;
    },
    async serveRsync(call) {
      meter.begin(call.direction);
      try {
        await line.serveRsync(call);
      } finally {
        meter.end();
      }
    },
  };
}

/** The server's line, measured. */
export function meteredServerLine(
  line: ServerLine,
  meter: TransferMeter,
): ServerLine {
  return {
    send(message) {
      if (message.kind === "changes") meter.announce();
      if (message.kind === "entries") meter.entries(message.changes);
      return line.send(message);
    },
    async receive() {
      const message = await line.receive();
      if (message.kind === "edits") meter.announce();
      if (message.kind === "entries") meter.entries(message.changes);
      return message;
    },
    async rsync(call) {
      meter.begin(call.direction, call.paths);
      try {
        return await line.rsync(call);
      } finally {
        meter.end();
      }
    },
  };
}
