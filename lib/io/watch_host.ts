/**
 * The life of the worker that watches: it is put to the test by the canary, started anew when it is
 * silent or failed, and given up for a while when that comes again soon.
 *
 * @module
 */
import { freeNamedPipes } from "./named_pipes.ts";
import { Timers } from "./timers.ts";
import { Canary, type CanaryOptions } from "./watch_canary.ts";
import type { FromWatchWorker, ToWatchWorker } from "./watch_messages.ts";
import { faultText } from "./watch_root.ts";

/** What the host needs of the one who has it. */
export interface WatchOwner {
  /** Directories in which a named pipe may have stopped the worker. */
  readonly directories: readonly string[];
  /** A worker has started, or none (see `trouble`): begin to watch, and rescan because of `announce`. */
  begin(announce: string | undefined): void;
  /** The worker has ended, and all watches with it. */
  ended(): void;
  receive(message: FromWatchWorker): void;
  /** Called before each touch of the canary; false puts it off. */
  check(): boolean;
  /** `trouble` or `note` may have changed. */
  changed(): void;
}

/** Times in milliseconds. `retryMs`: how long a second failure counts as one in a row. */
export interface WatchHostOptions {
  readonly canary: CanaryOptions;
  readonly retryMs: number;
}

/** Holds the worker. */
export class WatchHost implements AsyncDisposable {
  /** Why there is no worker. */
  trouble: string | undefined;
  /** What happened lately, when there is one again. */
  note = "";
  readonly #owner: WatchOwner;
  readonly #options: WatchHostOptions;
  readonly #timers = new Timers();
  readonly #canary: Canary;
  readonly #closing = new AbortController();
  #worker: Worker | undefined;
  #recovery: Promise<void> | undefined;
  #canaryWatch = 0;
  #lastWatch = 0;
  /** When the worker was last known to be alive, in milliseconds since 1970. */
  #aliveMs = Date.now();
  #recoveredMs = -Infinity;

  constructor(owner: WatchOwner, options: WatchHostOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#canary = new Canary(
      options.canary,
      this.#timers,
      (cause) => this.recover(cause),
    );
  }

  /** True while there is a worker to post to. */
  get running(): boolean {
    return this.#worker !== undefined;
  }

  /** True while the worker is between its end and a new start. */
  get recovering(): boolean {
    return this.#recovery !== undefined;
  }

  /** A number for a watch that was never used. */
  nextWatch(): number {
    return ++this.#lastWatch;
  }

  post(message: ToWatchWorker): void {
    this.#worker?.postMessage(message);
  }

  /** Starts a worker, in place of the one that runs. */
  start(announce: string | undefined): void {
    this.#stop();
    this.trouble = undefined;
    const url = new URL("./watch_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module", name: "watch" });
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromWatchWorker>) => {
      if (worker === this.#worker) this.#receive(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (worker === this.#worker) this.recover(event.message);
    };
    const watch = this.#canaryWatch = this.nextWatch();
    const { directory } = this.#options.canary;
    this.post({ kind: "watch", watch, directory, directories: [] });
    this.#canary.plan(() => this.#owner.check());
    this.#owner.begin(announce);
  }

  /** Starts anew after the worker hung or failed; when that comes again soon, does without for a while. */
  recover(cause: string): void {
    if (this.#recovery !== undefined || this.#closing.signal.aborted) return;
    this.#stop();
    const search = {
      directories: this.#owner.directories,
      sinceMs: this.#aliveMs,
      cause,
      signal: this.#closing.signal,
    };
    this.#recovery = freeNamedPipes(search).then((text) => {
      this.#recovery = undefined;
      if (!this.#closing.signal.aborted) this.#recovered(text);
    });
  }

  /** See `Watcher.doubt`. */
  doubt(): void {
    this.#canary.hurry();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#stop();
    await this.#recovery;
  }

  #recovered(text: string): void {
    const nowMs = performance.now();
    const again = nowMs - this.#recoveredMs < this.#options.retryMs;
    this.#recoveredMs = nowMs;
    this.#aliveMs = Date.now();
    if (again) return this.#giveUp(`${text} twice in a row`);
    this.note = `${text} and was restarted`;
    this.start(this.note);
    this.#timers.set("calm", this.#options.retryMs, () => {
      this.note = "";
      this.#owner.changed();
    });
  }

  #giveUp(trouble: string): void {
    this.#stop();
    this.trouble = trouble;
    this.#owner.begin(trouble);
  }

  #stop(): void {
    this.#timers[Symbol.dispose]();
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#owner.ended();
  }

  #receive(message: FromWatchWorker): void {
    if (message.kind === "events") {
      this.post({ kind: "seen", paths: message.paths.length });
    }
    if (message.watch !== this.#canaryWatch) {
      return this.#owner.receive(message);
    }
    if (message.kind === "failed") {
      this.#giveUp(faultText(this.#options.canary.directory, message));
    } else if (message.kind === "events" && this.#canary.heard()) {
      this.#aliveMs = Date.now();
      this.#canary.plan(() => this.#owner.check());
    }
  }
}
