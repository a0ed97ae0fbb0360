/**
 * Settling: folds what the watcher tells about one anchor into batches of places to look at, each
 * when it has come to rest.
 *
 * - A closed file is due after {@linkcode QUIET_MS} without a further event, so that a save by
 *   temporary file and rename is one batch; one that is saved again and again goes at most every
 *   {@linkcode PERIOD_MS} (or the anchor's interval).
 * - A file that is written but not closed is due at most every {@linkcode PERIOD_MS}.
 * - A new directory is scanned at once, after 100 ms and after 2 s: the watcher misses much of what
 *   is made in a directory before the kernel watches it.
 * - A flood, or more pending places than {@linkcode MAX_PENDING}, becomes a scan of the whole
 *   anchor, and one more 2 s later. So memory is bounded and nothing is lost.
 * - What a turn found still changing waits, twice as long each time.
 *
 * Whatever was noted is in a batch taken later: as a path, below a scan, or by a rescan.
 *
 * @module
 */
import type { RelativePath } from "./path.ts";
import { ancestorsOf } from "./path.ts";

/** Rest after which a closed file is due, in milliseconds. */
export const QUIET_MS = 10;
/** Least time between two batches with the same file when it is written without pause, in milliseconds. */
export const PERIOD_MS = 500;
/** Most places kept; more become a rescan. */
export const MAX_PENDING = 10_000;
/** Events in one second above which some may have been lost in the kernel, silently. */
export const FLOOD_EVENTS = 8000;

const FLOOD_WINDOW_MS = 1000;
/** Rest after a flood before the rescan, and the longest wait for it, in milliseconds. */
const FLOOD_QUIET_MS = 500;
const FLOOD_LONGEST_MS = 5000;
const RESCAN_AGAIN_MS = 2000;
const RESCAN_GAP_MS = 5000;
/** When a new directory is scanned, in milliseconds after it appeared. */
const SCAN_STEPS_MS = [QUIET_MS, 100, 2000];
/** Batches in quick succession in which a file may be before it has to wait for {@linkcode PERIOD_MS}. */
const PROMPT_BATCHES = 3;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 10_000;
const FORGET_BACKOFF_MS = 60_000;

/** Something to settle. `deferred`: a turn found the path still changing. */
export type SettleEvent =
  | {
    readonly kind: "touched";
    readonly path: RelativePath;
    /** No program is known to be still writing. */
    readonly closed: boolean;
  }
  | { readonly kind: "appeared"; readonly path: RelativePath }
  | { readonly kind: "rescan"; readonly cause: string }
  | {
    readonly kind: "deferred";
    readonly path: RelativePath;
    /** Least wait, in milliseconds. */
    readonly leastMs?: number | undefined;
  };

/** Where to look now. No path is below a scan of the same batch, and no place is in it twice. */
export interface SettleBatch {
  /** Paths to look at by themselves. */
  readonly paths: readonly RelativePath[];
  /** Paths to scan with all that is below. */
  readonly scans: readonly RelativePath[];
  /** Why to scan the whole anchor; `paths` and `scans` are empty then. */
  readonly rescan: string | undefined;
}

/** What is pending in one anchor. Owned by one caller; the functions here change it in place. */
export interface SettleState {
  readonly intervalMs: number;
  readonly pending: Map<RelativePath, Pending>;
  readonly scans: Map<RelativePath, { appearedMs: number; dueMs: number }>;
  /** Files in late batches, oldest first, and how many batches in quick succession. */
  readonly recent: Map<RelativePath, { takenMs: number; streak: number }>;
  readonly backoff: Map<RelativePath, { attempts: number; deferredMs: number }>;
  rescan: { cause: string; firstMs: number; dueMs: number } | undefined;
  rescannedMs: number;
  rescanAgain: boolean;
  window: { startMs: number; events: number };
  floodUntilMs: number;
  /** Nothing goes before: the anchor's interval. */
  gateMs: number;
  wakeMs: number;
}

interface Pending {
  /** When it was first closed, or noted. */
  readonly firstMs: number;
  readonly dueMs: number;
  readonly closed: boolean;
}

/** Nothing pending, for an anchor that sends at most every `intervalMs` (0: at once). */
export function newSettleState(intervalMs: number): SettleState {
  return {
    intervalMs,
    pending: new Map(),
    scans: new Map(),
    recent: new Map(),
    backoff: new Map(),
    rescan: undefined,
    rescannedMs: -Infinity,
    rescanAgain: false,
    window: { startMs: -Infinity, events: 0 },
    floodUntilMs: -Infinity,
    gateMs: -Infinity,
    wakeMs: Infinity,
  };
}

/**
 * Notes an event at `nowMs` (milliseconds of a clock that does not go back).
 *
 * @example
 * ```ts
 * import { newSettleState, noteSettle, takeSettled } from "./settle.ts";
 * import { relativePath } from "./path.ts";
 * import assert from "node:assert/strict";
 * const state = newSettleState(0);
 * noteSettle(state, { kind: "touched", path: relativePath("a"), closed: true }, 0);
 * assert.equal(takeSettled(state, 9), undefined);
 * assert.deepEqual(takeSettled(state, 10)?.paths, ["a"]);
 * ```
 */
export function noteSettle(
  state: SettleState,
  event: SettleEvent,
  nowMs: number,
): void {
  switch (event.kind) {
    case "rescan":
      askRescan(state, event.cause, nowMs);
      break;
    case "deferred":
      defer(state, event, nowMs);
      break;
    case "touched":
      if (!floods(state, nowMs)) touch(state, event, nowMs);
      break;
    case "appeared":
      if (!floods(state, nowMs)) appear(state, event.path, nowMs);
      break;
  }
  if (state.pending.size + state.scans.size > MAX_PENDING) {
    collapse(state, `more than ${MAX_PENDING} changed paths at once`, nowMs);
  }
}

/** When to call {@linkcode takeSettled} next, or `undefined` when nothing is pending. It may be too early, never too late. */
export function settleWakeMs(state: SettleState): number | undefined {
  return state.wakeMs === Infinity
    ? undefined
    : Math.max(state.wakeMs, state.gateMs);
}

/** Takes what is due at `nowMs` out of the state, or `undefined` when that is nothing. */
export function takeSettled(
  state: SettleState,
  nowMs: number,
): SettleBatch | undefined {
  if (nowMs < state.gateMs || nowMs < state.wakeMs) return undefined;
  const batch = state.rescan !== undefined && state.rescan.dueMs <= nowMs
    ? takeRescan(state, state.rescan.cause, nowMs)
    : takePlaces(state, nowMs);
  state.wakeMs = earliest(state);
  if (
    batch.rescan === undefined && batch.paths.length + batch.scans.length === 0
  ) return undefined;
  if (state.intervalMs > 0) state.gateMs = nowMs + state.intervalMs;
  return batch;
}

function wakeBy(state: SettleState, dueMs: number): void {
  if (dueMs < state.wakeMs) state.wakeMs = dueMs;
}

function setPending(
  state: SettleState,
  path: RelativePath,
  pending: Pending,
): void {
  state.pending.set(path, pending);
  wakeBy(state, pending.dueMs);
}

function touch(
  state: SettleState,
  event: { path: RelativePath; closed: boolean },
  nowMs: number,
): void {
  const before = state.pending.get(event.path);
  const firstMs = before?.closed === true ? before.firstMs : nowMs;
  const closed = event.closed || before?.closed === true;
  const periodMs = Math.max(PERIOD_MS, state.intervalMs);
  let recent = state.recent.get(event.path);
  if (recent !== undefined && nowMs - recent.takenMs >= periodMs) {
    recent = undefined;
  }
  const dueMs = closed
    ? recent !== undefined && recent.streak >= PROMPT_BATCHES
      ? Math.max(nowMs + QUIET_MS, recent.takenMs + periodMs)
      : nowMs + QUIET_MS
    : before?.dueMs ?? (recent?.takenMs ?? nowMs) + periodMs;
  setPending(state, event.path, {
    firstMs,
    // A deferred file that is not closed keeps its longer wait; others wait for rest, but not for ever.
    dueMs: closed ? Math.min(dueMs, firstMs + periodMs) : dueMs,
    closed,
  });
}

function appear(state: SettleState, path: RelativePath, nowMs: number): void {
  const dueMs = Math.min(
    state.scans.get(path)?.dueMs ?? Infinity,
    nowMs + QUIET_MS,
  );
  state.scans.set(path, { appearedMs: nowMs, dueMs });
  wakeBy(state, dueMs);
}

function defer(
  state: SettleState,
  { path, leastMs = 0 }: Extract<SettleEvent, { kind: "deferred" }>,
  nowMs: number,
): void {
  const last = state.backoff.get(path);
  const attempts =
    last === undefined || nowMs - last.deferredMs > FORGET_BACKOFF_MS
      ? 1
      : last.attempts + 1;
  putLast(state.backoff, path, { attempts, deferredMs: nowMs });
  const before = state.pending.get(path);
  if (before?.closed === true) return;
  const backoffMs = FIRST_BACKOFF_MS * 2 ** Math.min(attempts - 1, 10);
  const waitMs = Math.max(Math.min(backoffMs, LONGEST_BACKOFF_MS), leastMs);
  const dueMs = Math.max(nowMs + waitMs, before?.dueMs ?? 0);
  setPending(state, path, { firstMs: nowMs, dueMs, closed: false });
}

/** Counts an event; true when it belongs to a flood and the rescan to come covers it. */
function floods(state: SettleState, nowMs: number): boolean {
  if (nowMs - state.window.startMs >= FLOOD_WINDOW_MS) {
    state.window = { startMs: nowMs, events: 0 };
  }
  if (++state.window.events > FLOOD_EVENTS) {
    state.floodUntilMs = nowMs + FLOOD_WINDOW_MS;
  }
  if (nowMs >= state.floodUntilMs) return false;
  collapse(state, `more than ${FLOOD_EVENTS} changes in a second`, nowMs);
  return true;
}

/** Puts a rescan, when it is quiet, in the place of all that is pending. */
function collapse(state: SettleState, cause: string, nowMs: number): void {
  state.pending.clear();
  state.scans.clear();
  const firstMs = state.rescan?.firstMs ?? nowMs;
  const dueMs = Math.min(nowMs + FLOOD_QUIET_MS, firstMs + FLOOD_LONGEST_MS);
  state.rescan = { cause, firstMs, dueMs };
  state.rescanAgain = true;
  wakeBy(state, dueMs);
}

function askRescan(state: SettleState, cause: string, nowMs: number): void {
  state.rescanAgain = true;
  if (state.rescan !== undefined) return;
  const dueMs = Math.max(nowMs + QUIET_MS, state.rescannedMs + RESCAN_GAP_MS);
  state.rescan = { cause, firstMs: nowMs, dueMs };
  wakeBy(state, dueMs);
}

function takeRescan(
  state: SettleState,
  cause: string,
  nowMs: number,
): SettleBatch {
  state.pending.clear();
  takePlaces(state, nowMs);
  state.rescan = state.rescanAgain
    ? { cause, firstMs: nowMs, dueMs: nowMs + RESCAN_AGAIN_MS }
    : undefined;
  state.rescanAgain = false;
  state.rescannedMs = nowMs;
  return { paths: [], scans: [], rescan: cause };
}

function takePlaces(state: SettleState, nowMs: number): SettleBatch {
  const scans = new Set<RelativePath>();
  for (const [path, scan] of state.scans) {
    if (scan.dueMs > nowMs) continue;
    scans.add(path);
    const nextMs = SCAN_STEPS_MS.find((stepMs) =>
      scan.appearedMs + stepMs > nowMs
    );
    if (nextMs === undefined) state.scans.delete(path);
    else scan.dueMs = scan.appearedMs + nextMs;
  }
  const paths: RelativePath[] = [];
  for (const [path, { dueMs }] of state.pending) {
    if (dueMs > nowMs) continue;
    state.pending.delete(path);
    rememberTaken(state, path, nowMs);
    if (!scans.has(path) && !isBelow(path, scans)) paths.push(path);
  }
  return {
    paths,
    scans: [...scans].filter((path) => !isBelow(path, scans)),
    rescan: undefined,
  };
}

function isBelow(path: RelativePath, scans: Set<RelativePath>): boolean {
  return scans.size > 0 &&
    ancestorsOf(path).some((directory) => scans.has(directory));
}

function rememberTaken(
  state: SettleState,
  path: RelativePath,
  nowMs: number,
): void {
  const last = state.recent.get(path);
  const periodMs = Math.max(PERIOD_MS, state.intervalMs);
  const again = last !== undefined && nowMs - last.takenMs <= periodMs;
  const streak = again ? last.streak + 1 : 1;
  putLast(state.recent, path, { takenMs: nowMs, streak });
}

/** Sets `path` as the youngest of at most {@linkcode MAX_PENDING}; what is forgotten only loses its patience. */
function putLast<T>(
  map: Map<RelativePath, T>,
  path: RelativePath,
  value: T,
): void {
  map.delete(path);
  map.set(path, value);
  if (map.size <= MAX_PENDING) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

function earliest(state: SettleState): number {
  let wakeMs = state.rescan?.dueMs ?? Infinity;
  for (const { dueMs } of state.pending.values()) {
    wakeMs = Math.min(wakeMs, dueMs);
  }
  for (const { dueMs } of state.scans.values()) {
    wakeMs = Math.min(wakeMs, dueMs);
  }
  return wakeMs;
}
