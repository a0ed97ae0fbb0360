/**
 * Looking at an anchor's files: what watch events name, whole scans, and the sweep between them.
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
import { scanTree } from "../io/scan.ts";
import { Sweep } from "../io/sweep.ts";
import type { Timers } from "../io/timers.ts";
import type { AnchorEdits } from "../turn/edits.ts";
import type { AnchorRoot } from "./anchor_root.ts";
import { describe } from "./faults.ts";

/** Shortest timer, in milliseconds. */
export const ALMOST_NOTHING_MS = 1;

const log = logger("anchor");

/** What {@linkcode AnchorScans} works with. */
export interface ScansPorts {
  readonly root: string;
  /** The anchor as the user named it. */
  readonly path: string;
  readonly only: string | undefined;
  readonly rules: ExcludeRules;
  readonly own: OwnPaths;
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

  /** Compares everything, or what is at and below `below`, with the record. */
  async scan(below: RelativePath | undefined): Promise<void> {
    const { root, rules, own, only, signal, directory, edits } = this.#ports;
    const scan = await edits.whileScanning(() =>
      scanTree(root, {
        rules,
        own,
        only,
        ...(below === undefined ? {} : { below }),
        signal,
      })
    );
    if (below === undefined && scan.root.kind === "present") {
      directory.identify(scan.root, scan.found.size);
    }
    if (only === undefined) this.#scheduleSweep();
    if (!directory.check()) return;
    edits.applyScan(scan, below);
    if (only === undefined) {
      this.#sweep.add([""]);
      this.#sweep.add(directoriesIn(scan.found));
    }
    this.#ports.onLooked();
  }

  #scheduleSettle(): void {
    const { timers, signal } = this.#ports;
    const wakeMs = settleWakeMs(this.#settle);
    if (wakeMs === undefined || signal.aborted) return;
    const delayMs = Math.max(wakeMs - performance.now(), ALMOST_NOTHING_MS);
    timers.set("settle", delayMs, () => void this.#settled());
  }

  async #settled(): Promise<void> {
    const { ready, directory, edits, onLooked, onRescan } = this.#ports;
    const batch = takeSettled(this.#settle, performance.now());
    if (batch !== undefined && ready()) {
      if (batch.rescan !== undefined) {
        onRescan(batch.rescan);
      } else if (directory.check()) {
        edits.examine(batch.paths);
        onLooked();
        for (const below of batch.scans) await this.#scanQuietly(below);
      }
    }
    this.#scheduleSettle();
  }

  /** Scans a part without waiting for turns; what it finds is looked at again before it goes. */
  async #scanQuietly(below: RelativePath): Promise<void> {
    try {
      await this.scan(below);
    } catch (error) {
      if (!this.#ports.signal.aborted) {
        log.warn`${this.#ports.path}: ${describe(error)}`;
        this.note({ kind: "deferred", path: below });
      }
    }
  }

  #scheduleSweep(): void {
    const { timers, signal } = this.#ports;
    if (signal.aborted || timers.has("sweep")) return;
    timers.set("sweep", this.#sweep.pauseMs, () => void this.#swept());
  }

  /** Looks at what events do not tell of: links, names without a base, a disk that is mounted again. */
  async #swept(): Promise<void> {
    const { usable, signal, directory, edits, store } = this.#ports;
    const wasThere = directory.trouble === undefined;
    if (directory.check() && !wasThere) {
      this.#ports.onRescan("its directory is back");
    }
    const swept = usable() ? await this.#sweep.run(signal) : [];
    if (swept.length > 0 && directory.check()) {
      edits.examine(
        swept.filter(({ path, isLink }) =>
          nameOf(path) !== OWN_NAME &&
          (isLink || store.row(path).base === undefined)
        ).map(({ path }) => path),
      );
      this.#ports.onLooked();
    }
    this.#scheduleSweep();
  }
}

function directoriesIn(
  found: ReadonlyMap<RelativePath, Found>,
): RelativePath[] {
  return [...found].filter(([, { entry }]) => entry.kind === "directory")
    .map(([path]) => path);
}
