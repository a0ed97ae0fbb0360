/**
 * Clocks of processes that a test sets as it likes while they run, by libfaketime; time since start,
 * and the times of files, stay true.
 *
 * Deno starts no program with LD_PRELOAD unless it may start any, so the library is named in an
 * /etc/ld.so.preload that these processes alone see: that needs root.
 *
 * @module
 */
import type { DaemonProcess } from "./daemon_process.ts";
import { waitFor } from "./waiting.ts";

const SECOND_MS = 1000;
const LIBRARIES = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
  "/usr/lib/faketime/libfaketimeMT.so.1",
];

/** Lays a layer over /etc in a name space of its own, and becomes what is named behind. */
const PRELOAD = `
mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work none /etc
echo "$1" >/etc/ld.so.preload
shift
exec "$@"
`;

/** What a test needs for this, for its name where it is missing. */
export const CLOCK_NEEDS: string | undefined = Deno.uid() !== 0
  ? "root"
  : LIBRARIES.some(isThere)
  ? undefined
  : "libfaketime";

/** One clock, for any number of processes. */
export class FakeClock {
  readonly #file: string;
  #offsetMs = 0;

  /** Keeps its setting in `file`. */
  constructor(file: string) {
    this.#file = file;
    this.#write();
  }

  /** What it shows now. */
  nowMs(): number {
    return Date.now() + this.#offsetMs;
  }

  /** What a process is started under to have this clock. */
  under(): string[] {
    const library = LIBRARIES.find((file) => isThere(file));
    if (library === undefined) throw new Error("Cannot find libfaketime");
    return [
      ...["unshare", "--mount", "sh", "-euc", PRELOAD, "sh", library],
      "env",
      `FAKETIME_TIMESTAMP_FILE=${this.#file}`,
      "FAKETIME_CACHE_DURATION=1",
      "DONT_FAKE_MONOTONIC=1",
      "FAKETIME_DONT_FAKE_MONOTONIC=1",
      "NO_FAKE_STAT=1",
    ];
  }

  /** Starts a process anew with this clock. */
  async restart(process: DaemonProcess): Promise<void> {
    await process.stop();
    process.under = this.under();
    await process.start();
  }

  /** Sets it so many milliseconds off the true time. */
  async setOff(offsetMs: number): Promise<void> {
    this.#offsetMs = offsetMs;
    this.#write();
    const fromMs = performance.now();
    await waitFor(
      "every process to read the clock again",
      () => performance.now() - fromMs > 2 * SECOND_MS,
    );
  }

  /** Sets it to a time of the next day of its own, in milliseconds after midnight in UTC. */
  async setTo(afterMidnightMs: number): Promise<void> {
    const dayMs = 24 * 60 * 60 * SECOND_MS;
    const nowMs = this.nowMs();
    const wantedMs = Math.ceil(nowMs / dayMs) * dayMs + afterMidnightMs;
    await this.setOff(this.#offsetMs + wantedMs - nowMs);
  }

  #write(): void {
    const seconds = this.#offsetMs / SECOND_MS;
    const text = `${seconds < 0 ? "" : "+"}${seconds.toFixed(3)}\n`;
    Deno.writeTextFileSync(`${this.#file}.new`, text);
    Deno.renameSync(`${this.#file}.new`, this.#file);
  }
}

function isThere(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
