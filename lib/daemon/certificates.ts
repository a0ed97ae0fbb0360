/**
 * The certificates of a running server: the one it shows, and the next one, which takes over at its
 * time or when a person says so.
 *
 * @module
 */
import {
  ensureCertificate,
  type ServerCertificate,
} from "../io/certificate.ts";
import {
  finishSwitch,
  type NextCertificate,
  nextCertificate,
  switchCertificate,
} from "../io/certificate_rotation.ts";
import { logger } from "../io/log.ts";
import { describe } from "./faults.ts";

/** Timers do not reach further than 24 days; clocks get set. */
const LOOK_AGAIN_MS = 60_000;

const log = logger("server");

/** See the module. */
export class Certificates implements Disposable {
  /** Called when what is shown or what is next has changed. */
  onChange: () => void = () => {};
  readonly #directory: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #current: ServerCertificate;
  #next: NextCertificate | undefined;

  private constructor(directory: string, current: ServerCertificate) {
    this.#directory = directory;
    this.#current = current;
    this.#next = nextCertificate(directory);
    this.#timer = setInterval(() => this.#look(), LOOK_AGAIN_MS);
  }

  /** Those of `directory`, made when there are none. */
  static async open(directory: string): Promise<Certificates> {
    finishSwitch(directory);
    const next = nextCertificate(directory);
    if (next !== undefined && next.dueMs <= Date.now()) {
      switchCertificate(directory);
    }
    return new Certificates(directory, await ensureCertificate(directory));
  }

  /** What the server shows. */
  get current(): ServerCertificate {
    return this.#current;
  }

  /** What clients shall pin. */
  pins(): string[] {
    const next = this.#next?.certPem;
    return [this.#current.certPem, ...(next === undefined ? [] : [next])];
  }

  /** Reads both again, after a command has changed them. */
  async reload(): Promise<void> {
    const before = this.pins().join();
    this.#next = nextCertificate(this.#directory);
    this.#current = await ensureCertificate(this.#directory);
    if (before === this.pins().join()) return;
    log.info`The certificate is ${this.#current.fingerprint}, the next one ${
      this.#next?.fingerprint ?? "not made"
    }`;
    this.onChange();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#next === undefined || this.#next.dueMs > Date.now()) return;
    try {
      switchCertificate(this.#directory);
    } catch (error) {
      log.error`The certificate stays: ${describe(error)}`;
      return;
    }
    this.reload().catch((error) => log.error`${describe(error)}`);
  }
}
