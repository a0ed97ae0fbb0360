/**
 * Starting on a full disk: the program runs, says so in status, and goes on when there is space.
 *
 * @module
 */
import type { ControlReply, ControlRequest } from "../core/control.ts";
import type { Fault, StatusReport } from "../core/status.ts";
import { fullDiskOf } from "../io/full_disk.ts";
import { logger } from "../io/log.ts";
import { giveBackReserve } from "../io/reserve.ts";

const RETRY_MS = 2_000;

const log = logger("disk");

/** See the module. */
export class SpaceWait {
  readonly #directory: string;
  readonly #machine: string;
  #fault: Fault | undefined;

  /** `directory` holds the databases and the reserve; `machine` as in "this server". */
  constructor(directory: string, machine: string) {
    this.#directory = directory;
    this.#machine = machine;
  }

  /** True while the disk is full. */
  get isWaiting(): boolean {
    return this.#fault !== undefined;
  }

  /** Answers while the disk is full: with a report of that, made by `report`, or in words. */
  answer(
    { command }: ControlRequest,
    report: (fault: Fault) => StatusReport,
  ): ControlReply | undefined {
    const fault = this.#fault;
    if (fault === undefined) return undefined;
    switch (command) {
      case "status":
        return { ok: true, report: report(fault) };
      case "reload":
        return {
          ok: true,
          message: `everything is read when it starts; ${fault.cause}`,
        };
      default: {
        const message = `Cannot ${command}: ${fault.cause}; ${fault.fix}`;
        return { ok: false, message, exitCode: 1 };
      }
    }
  }

  /** Does `work` again until it does not fail for want of space; `undefined` when it was stopped. */
  async through<T>(
    work: () => Promise<T>,
    stopped: AbortSignal,
  ): Promise<T | undefined> {
    for (;;) {
      try {
        giveBackReserve(this.#directory);
        return await work();
      } catch (error) {
        const full = fullDiskOf(error, {
          directory: this.#directory,
          machine: this.#machine,
        });
        if (full === undefined || stopped.aborted) throw error;
        if (this.#fault === undefined) log.error`${full.cause}; ${full.fix}`;
        this.#fault ??= {
          kind: "disk",
          level: "problem",
          path: this.#directory,
          cause:
            `disk full: ${full.cause}; nothing is synced until it has space`,
          fix: `${full.fix}; sinkd then starts by itself`,
          since: new Date().toISOString(),
        };
      }
      await elapsed(RETRY_MS, stopped);
      if (stopped.aborted) return undefined;
    }
  }

  /** It has started: there is space. */
  end(): void {
    this.#fault = undefined;
  }
}

function elapsed(ms: number, stopped: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  stopped.addEventListener("abort", () => resolve(), { once: true });
  if (stopped.aborted) resolve();
  return promise.finally(() => clearTimeout(timer));
}
