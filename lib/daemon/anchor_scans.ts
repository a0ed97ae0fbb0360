/**
 * Checking an anchor's files: what watch events name, whole scans, and the sweep between them.
 *
 * A hint is never dropped before it is used: until the first scan is over hints wait, what a failure
 * interrupted is covered by a scan of everything that is tried until it succeeds, and so is all that
 * was told while the anchor's directory was not there.
 *
 * @module
 */
import type { Found } from "../core/entry.ts";
import type { ExcludeRules } from "../core/excludes.ts";
import type { OwnPaths } from "../core/own_places.ts";
import { nameOf, OWN_NAME, type RelativePath } from "../core/path.ts";
import {
  newSettleState,
  noteSettle,
  type SettleEvent,
  type SettleState,
  settleWakeMs,
  takeSettled,
} from "../core/settle.ts";
import type { AnchorStore } from "../io/base_store.ts";
import { logger } from "../io/log.ts";
import { type ScanOptions, scanTree } from "../io/scan.ts";
import { Sweep } from "../io/sweep.ts";
import type { Timers } from "../io/timers.ts";
import type { ScanView } from "../ports.ts";
import type { AnchorEdits } from "../turn/edits.ts";
import type { AnchorRoot } from "./anchor_root.ts";
import { describe } from "./faults.ts";

/** Shortest timer, in milliseconds. */
export const ALMOST_NOTHING_MS = 1;
/** How often a directory that is away is looked for, in milliseconds. */
const AWAY_POLL_MS = 2_000;
/** Pauses before what failed is tried again, in milliseconds; each is twice the previous. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5 * 60_000;

const log = logger("anchor");

/** What {@linkcode AnchorScans} works with. */
export interface ScansPorts {
  readonly root: string;
  /** The anchor as the user named it. */
  readonly path: string;
  readonly only: string | undefined;
  readonly rules: ExcludeRules;
  readonly own: OwnPaths;
  /** Why nothing is looked at below a directory. */
  readonly bars: ScanOptions["bars"];
  readonly intervalMs: number;
  readonly store: AnchorStore;
  readonly directory: AnchorRoot;
  readonly edits: AnchorEdits;
  readonly timers: Timers;
  readonly signal: AbortSignal;
  /** True once the first scan is over. */
  readonly ready: () => boolean;
  /** True when the anchor may be looked at by the way. */
  readonly usable: () => boolean;
  /** Before what a scan found is compared with the record. */
  readonly onScanned: (scan: ScanView, below: RelativePath | undefined) => void;
  /** Events told of these. */
  readonly onWritten: (paths: Iterable<RelativePath>) => void;
  /** From time to time: what no event tells of. */
  readonly onSweep: () => void;
  /** What is dirty may have changed. */
  readonly onLooked: () => void;
  /** A scan of everything is wanted, in its turn. */
  readonly onRescan: (cause: string) => void;
}

/** When and where one anchor is looked at. */
export class AnchorScans {
  readonly #ports: ScansPorts;
  readonly #settle: SettleState;
  readonly #sweep: Sweep;
  #retryMs = FIRST_RETRY_MS;

  constructor(ports: ScansPorts) {
    this.#ports = ports;
    this.#settle = newSettleState(ports.intervalMs);
    this.#sweep = new Sweep(ports.root);
  }

  /** Takes what the watcher (or a turn) tells. */
  note(event: SettleEvent): void {
    noteSettle(this.#settle, event, performance.now());
    this.#scheduleSettle();
  }

  /** The first scan is over: what was told meanwhile is due. */
  begin(): void {
    this.#scheduleSettle();
  }

  /** Something was not checked, whatever it was: everything is scanned after a pause. */
  failed(): void {
    const { timers, signal, onRescan } = this.#ports;
    if (signal.aborted || timers.has("again")) return;
    timers.set("again", this.#retryMs, () => onRescan("tried again"));
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  /** Compares everything, or what is at and below `below`, with the record. */
  async scan(below: RelativePath | undefined): Promise<void> {
    const { root, rules, own, bars, only, signal, directory, edits } =
      this.#ports;
    const scan = await edits.whileScanning(() =>
      scanTree(root, {
        rules,
        own,
        bars,
        only,
        ...(below === undefined ? {} : { below }),
        signal,
      })
    );
    if (below === undefined && scan.root.kind === "present") {
      directory.identify(scan.root, scan.found);
    }
    if (only === undefined) this.#scheduleSweep();
    if (!directory.check()) return this.#awaitDirectory();
    this.#ports.onScanned(scan, below);
    edits.applyScan(scan, below);
    if (below === undefined) this.#retryMs = FIRST_RETRY_MS;
    if (only === undefined) {
      this.#sweep.add([""]);
      this.#sweep.add(directoriesIn(scan.found));
    }
    this.#ports.onLooked();
  }

  #scheduleSettle(): void {
    const { timers, signal, ready } = this.#ports;
    const wakeMs = settleWakeMs(this.#settle);
    if (wakeMs === undefined || signal.aborted || !ready()) return;
    const delayMs = Math.max(wakeMs - performance.now(), ALMOST_NOTHING_MS);
    timers.set("settle", delayMs, () => void this.#settled());
  }

  async #settled(): Promise<void> {
    const { directory, edits, onLooked, onRescan, onWritten } = this.#ports;
    const batch = takeSettled(this.#settle, performance.now());
    await this.#attempt(async () => {
      if (batch?.rescan !== undefined) return onRescan(batch.rescan);
      if (batch === undefined) return;
      if (!directory.check()) return this.#awaitDirectory();
      edits.examine(batch.paths);
      onLooked();
      onWritten(batch.paths);
      // Without waiting for turns; what is found is looked at again before it goes.
      for (const below of batch.scans) await this.scan(below);
    });
    this.#scheduleSettle();
  }

  async #attempt(check: () => Promise<void> | void): Promise<void> {
    try {
      await check();
    } catch (error) {
      if (this.#ports.signal.aborted) return;
      log.warn`${this.#ports.path}: ${describe(error)}`;
      this.failed();
    }
  }

  /** Until the directory is there, which tells the anchor to scan everything. */
  #awaitDirectory(): void {
    const { timers, signal, directory, onRescan } = this.#ports;
    if (signal.aborted) return;
    timers.set("away", AWAY_POLL_MS, () =>
      void this.#attempt(() => {
        directory.makeFirst();
        if (directory.check()) return;
        if (directory.unjudged) return onRescan("another directory is there");
        this.#awaitDirectory();
      }));
  }

  #scheduleSweep(): void {
    const { timers, signal } = this.#ports;
    if (signal.aborted || timers.has("sweep")) return;
    timers.set("sweep", this.#sweep.pauseMs, () => void this.#swept());
  }

  /** Looks at what events do not tell of: links, names without a base, a disk that is unmounted. */
  async #swept(): Promise<void> {
    await this.#attempt(async () => {
      const { usable, signal, directory, edits, store, onLooked } = this.#ports;
      if (!directory.check()) return this.#awaitDirectory();
      this.#ports.onSweep();
      if (usable()) edits.tidy();
      const swept = usable() ? await this.#sweep.run(signal) : [];
      if (swept.length === 0) return;
      if (!directory.check()) return this.#awaitDirectory();
      edits.examine(
        swept.filter(({ path, isLink }) =>
          nameOf(path) !== OWN_NAME &&
          (isLink || store.row(path).base === undefined)
        ).map(({ path }) => path),
      );
      onLooked();
    });
    this.#scheduleSweep();
  }
}

function directoriesIn(
  found: ReadonlyMap<RelativePath, Found>,
): RelativePath[] {
  return [...found].filter(([, { entry }]) => entry.kind === "directory")
    .map(([path]) => path);
}
