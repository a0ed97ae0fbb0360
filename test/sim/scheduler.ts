/**
 * The one scheduler of a simulated world: every await of every process parks here, and chance
 * decides who goes on. At most one task runs at a time, so a seed replays exactly.
 *
 * @module
 */
import type { Random } from "./random.ts";

/** A world takes a few thousand steps; one that takes so many runs in a circle. */
const MOST_STEPS = 100_000;

/** A simulated process: what runs in it stops for good when it is killed. */
export interface Process {
  readonly name: string;
  alive: boolean;
}

/** Thrown out of a system call of a process that was killed in it. */
export class Killed extends Error {
  override readonly name = "Killed";
}

interface Parked {
  readonly process: Process;
  readonly label: string;
  readonly resume: () => void;
}

interface Timer extends Parked {
  readonly atMs: number;
}

/** Something that tasks wait for; `wake` lets all of them go on. */
export interface Gate {
  readonly opened: Promise<void>;
  wake(): void;
}

/** Tasks, timers, and the virtual clock (milliseconds since 1970). */
export class Scheduler {
  nowMs: number;
  steps = 0;
  /** The process whose task runs. */
  current: Process;
  readonly random: Random;
  #ready: Parked[] = [];
  /** By time, then as they were set. */
  #timers: Timer[] = [];
  #parked: () => void = () => {};
  #failure: unknown;

  constructor(random: Random, startMs: number) {
    this.random = random;
    this.nowMs = startMs;
    this.current = { name: "world", alive: true };
  }

  /** Starts a task in `process`; an error in it ends the simulation, unless the process was killed. */
  spawn(process: Process, label: string, body: () => Promise<void>): void {
    const run = async () => {
      try {
        await body();
      } catch (error) {
        if (process.alive && !(error instanceof Killed)) {
          this.#failure ??= error;
        }
      }
      this.#parked();
    };
    if (!process.alive) return;
    this.#ready.push({ process, label, resume: () => void run() });
  }

  /** Gives way to the others. */
  pause(label: string): Promise<void> {
    return this.#park((resume) =>
      this.#ready.push({ process: this.current, label, resume })
    );
  }

  /** Rests for some virtual time. */
  sleep(ms: number, label: string): Promise<void> {
    return this.#park((resume) => this.#addTimer(ms, label, resume));
  }

  /** Runs `body` as a task of the current process in `ms`. */
  after(ms: number, label: string, body: () => void): void {
    const run = async () => {
      try {
        body();
      } catch (error) {
        if (!(error instanceof Killed)) this.#failure ??= error;
      }
      // A turn of the microtask queue, as every other task takes one before it parks.
      await undefined;
      this.#parked();
    };
    this.#addTimer(ms, label, () => void run());
  }

  /** Something to wait for; made and waited for by the same process. */
  gate(label: string): Gate {
    const { current: process } = this;
    const waiting: (() => void)[] = [];
    let open = false;
    const wait = () =>
      open
        ? this.pause(label)
        : this.#park((resume) => void waiting.push(resume));
    return {
      get opened(): Promise<void> {
        return wait();
      },
      wake: () => {
        open = true;
        if (!process.alive) return;
        for (const resume of waiting.splice(0)) {
          this.#ready.push({ process, label, resume });
        }
      },
    };
  }

  /** Ends a process at once: nothing of it runs on. */
  kill(process: Process): void {
    process.alive = false;
    this.#ready = this.#ready.filter((parked) => parked.process !== process);
    this.#timers = this.#timers.filter((timer) => timer.process !== process);
  }

  /** Runs until `done` holds, or nothing is left before `limitMs`; false in the second case. */
  async run(
    options: { done: () => boolean; limitMs: number },
  ): Promise<boolean> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (options.done()) return true;
      if (this.nowMs > options.limitMs) return false;
      const parked = this.#take();
      if (parked === undefined) return false;
      if (++this.steps > MOST_STEPS) {
        throw new Error(
          `Cannot go on: ${MOST_STEPS} steps, now ${parked.label}`,
        );
      }
      this.current = parked.process;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#parked = resolve;
      parked.resume();
      await promise;
    }
  }

  #park(put: (resume: () => void) => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.current.alive) put(resolve);
    this.#parked();
    return promise;
  }

  #addTimer(ms: number, label: string, resume: () => void): void {
    const process = this.current;
    if (!process.alive) return;
    const atMs = this.nowMs + Math.max(0, ms);
    const later = this.#timers.findLastIndex((timer) => timer.atMs <= atMs);
    this.#timers.splice(later + 1, 0, { atMs, process, label, resume });
  }

  /** What goes on next: something that is ready, or the next timer when its time has come. */
  #take(): Parked | undefined {
    if (this.random.chance(0.4)) this.nowMs++;
    const [next] = this.#timers;
    if (this.#ready.length === 0 && next !== undefined) {
      this.nowMs = Math.max(this.nowMs, next.atMs);
    }
    const ready = this.#ready.length;
    const count = ready + this.#due();
    if (count === 0) return undefined;
    const index = count === 1 ? 0 : this.random.between(0, count - 1);
    return index < ready
      ? this.#ready.splice(index, 1)[0]
      : this.#timers.splice(index - ready, 1)[0];
  }

  /** How many timers' time has come; they are in order. */
  #due(): number {
    const later = this.#timers.findIndex(({ atMs }) => atMs > this.nowMs);
    return later < 0 ? this.#timers.length : later;
  }
}
