/**
 * How a running program is found and asked: its pid file and the control socket beside it. Both are
 * made again when they vanish, as a session's runtime directory does at logout.
 *
 * @module
 */
import type { ControlReply, ControlRequest } from "../core/control.ts";
import { openControl } from "../io/control.ts";
import { lstatIfAny } from "../io/files.ts";
import { logger } from "../io/log.ts";
import { lockPidFile, type PidLock, socketPathOf } from "../io/pid_file.ts";
import { describe } from "./faults.ts";

/** How often it is checked that both are there, in milliseconds. */
const LOOK_MS = 5_000;

const log = logger("control");

/** The pid file, held, and once {@linkcode Reachable.answer} was called the socket. */
export class Reachable implements AsyncDisposable {
  readonly #pidFile: string;
  #lock: PidLock | undefined;
  #control: AsyncDisposable | undefined;
  #handle: ((request: ControlRequest) => Promise<ControlReply>) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(pidFile: string, lock: PidLock) {
    this.#pidFile = pidFile;
    this.#lock = lock;
  }

  /** Takes the pid file; `undefined` when another process holds it. */
  static hold(pidFile: string): Reachable | undefined {
    const lock = lockPidFile(pidFile);
    return lock === undefined ? undefined : new Reachable(pidFile, lock);
  }

  /** Answers requests from now on. */
  async answer(
    handle: (request: ControlRequest) => Promise<ControlReply>,
  ): Promise<void> {
    this.#handle = handle;
    this.#control = await openControl(socketPathOf(this.#pidFile), handle);
    this.#plan();
  }

  /** Answers no more; what is asked at this moment is answered to its end. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
    const control = this.#control;
    this.#control = undefined;
    await control?.[Symbol.asyncDispose]();
  }

  /** The launcher starts this program again. */
  leaveToSuccessor(): void {
    this.#lock?.leaveToSuccessor();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.#lock?.[Symbol.asyncDispose]();
  }

  #plan(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().catch((error) => {
        log.debug`Not reachable at ${this.#pidFile}: ${describe(error)}`;
      }).then(() => {
        if (!this.#closed) this.#plan();
      });
    }, LOOK_MS);
  }

  async #look(): Promise<void> {
    const socket = socketPathOf(this.#pidFile);
    const held = this.#lock?.isThere() === true;
    if (held && lstatIfAny(socket) !== undefined) return;
    await this.#control?.[Symbol.asyncDispose]();
    this.#control = undefined;
    if (!held) {
      await this.#lock?.[Symbol.asyncDispose]();
      this.#lock = undefined;
      this.#lock = lockPidFile(this.#pidFile);
    }
    if (this.#lock === undefined || this.#handle === undefined) return;
    this.#control = await openControl(socket, this.#handle);
    log.info`${this.#pidFile} was gone and is made again`;
  }
}
