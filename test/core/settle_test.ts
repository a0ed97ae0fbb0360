import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { RelativePath } from "../../lib/core/path.ts";
import { isWithin, relativePath } from "../../lib/core/path.ts";
import type { SettleBatch, SettleEvent } from "../../lib/core/settle.ts";
import {
  FLOOD_EVENTS,
  MAX_PENDING,
  newSettleState,
  noteSettle,
  settleWakeMs,
  takeSettled,
} from "../../lib/core/settle.ts";

type State = ReturnType<typeof newSettleState>;

const touched = (path: string, closed = true): SettleEvent => ({
  kind: "touched",
  path: relativePath(path),
  closed,
});
const appeared = (path: string): SettleEvent => ({
  kind: "appeared",
  path: relativePath(path),
});
const deferred = (path: string): SettleEvent => ({
  kind: "deferred",
  path: relativePath(path),
});

/** Takes at each wake time from `fromMs` until nothing is pending or `untilMs`. */
function drain(
  state: State,
  fromMs: number,
  untilMs = Infinity,
): [number, SettleBatch][] {
  const taken: [number, SettleBatch][] = [];
  let nowMs = fromMs;
  for (;;) {
    const wakeMs = settleWakeMs(state);
    if (wakeMs === undefined || wakeMs > untilMs) return taken;
    nowMs = Math.max(nowMs, wakeMs);
    const batch = takeSettled(state, nowMs);
    if (batch !== undefined) taken.push([nowMs, batch]);
  }
}

/** What was taken, as `time: places`. */
function told(taken: [number, SettleBatch][]): string[] {
  return taken.map(([nowMs, { paths, scans, rescan }]) =>
    `${nowMs}: ${
      [...paths, ...scans.map((path) => `${path}/**`), ...rescan ? ["*"] : []]
        .join(" ")
    }`
  );
}

Deno.test("takeSettled() gives a closed file 10 ms after its last event", () => {
  const state = newSettleState(0);
  noteSettle(state, touched("a", false), 0);
  noteSettle(state, touched("a"), 5);
  noteSettle(state, touched("a"), 12);
  assert.equal(takeSettled(state, 21), undefined);
  assert.deepEqual(told(drain(state, 12)), ["22: a"]);
  assert.equal(settleWakeMs(state), undefined);
});

Deno.test("takeSettled() gives a save by temporary file and rename in one batch", () => {
  const state = newSettleState(0);
  noteSettle(state, touched("a.tmp", false), 0);
  noteSettle(state, touched("a.tmp"), 1);
  noteSettle(state, touched("a.tmp"), 2);
  noteSettle(state, touched("a"), 2);
  assert.deepEqual(told(drain(state, 2)), ["12: a.tmp a"]);
});

Deno.test("takeSettled() gives a file that stays open every 500 ms", () => {
  const state = newSettleState(0);
  const times: number[] = [];
  for (let nowMs = 0; nowMs < 2100; nowMs += 10) {
    noteSettle(state, touched("log", false), nowMs);
    times.push(...drain(state, nowMs, nowMs).map(([takenMs]) => takenMs));
  }
  assert.deepEqual(times, [500, 1000, 1500, 2000]);
});

Deno.test("takeSettled() gives a file that is saved without pause at once, then every 500 ms", () => {
  const state = newSettleState(0);
  const times: number[] = [];
  for (let nowMs = 0; nowMs < 1700; nowMs += 20) {
    noteSettle(state, touched("log"), nowMs);
    times.push(...drain(state, nowMs, nowMs + 19).map(([takenMs]) => takenMs));
  }
  assert.equal(times.filter((takenMs) => takenMs < 100).length, 3);
  assert.ok(times.length <= 3 + 1700 / 500, String(times));
  assert.ok(times.length >= 5, String(times));
});

Deno.test("takeSettled() gives a file that never rests within 500 ms", () => {
  const state = newSettleState(0);
  for (let nowMs = 0; nowMs <= 500; nowMs += 5) {
    noteSettle(state, touched("log"), nowMs);
  }
  assert.deepEqual(told(drain(state, 500)), ["500: log"]);
});

Deno.test("takeSettled() gives an edit at once again after a pause", () => {
  const state = newSettleState(0);
  for (const nowMs of [0, 600, 1200, 1800, 2400]) {
    noteSettle(state, touched("a"), nowMs);
    assert.deepEqual(told(drain(state, nowMs)), [`${nowMs + 10}: a`]);
  }
});

Deno.test("takeSettled() scans a new directory at once, after 100 ms and after 2 s", () => {
  const state = newSettleState(0);
  noteSettle(state, appeared("d"), 0);
  noteSettle(state, appeared("d/e"), 1);
  noteSettle(state, touched("d/e/file"), 1);
  assert.deepEqual(told(drain(state, 11, 50)), ["11: d/**"]);
  assert.deepEqual(told(drain(state, 101)), [
    "101: d/**",
    "2000: d/**",
    "2001: d/e/**",
  ]);
});

Deno.test("takeSettled() does not scan twice at once when it was called late", () => {
  const state = newSettleState(0);
  noteSettle(state, appeared("d"), 0);
  assert.deepEqual(told(drain(state, 300)), ["300: d/**", "2000: d/**"]);
  noteSettle(state, appeared("e"), 3000);
  assert.deepEqual(told(drain(state, 9000)), ["9000: e/**"]);
});

Deno.test("takeSettled() lets a deferred path wait 500 ms, doubling to 10 s", () => {
  const state = newSettleState(0);
  let nowMs = 0;
  const waits: number[] = [];
  for (let turn = 0; turn < 8; turn++) {
    noteSettle(state, deferred("db"), nowMs);
    const [[takenMs, batch] = [0, undefined]] = drain(state, nowMs);
    assert.deepEqual(batch?.paths, ["db"]);
    waits.push(takenMs - nowMs);
    nowMs = takenMs;
  }
  assert.deepEqual(waits, [
    500,
    1000,
    2000,
    4000,
    8000,
    10_000,
    10_000,
    10_000,
  ]);
});

Deno.test("takeSettled() keeps a deferred path waiting while it is written, and gives it when it is closed", () => {
  const state = newSettleState(0);
  for (const nowMs of [0, 600, 1700]) {
    noteSettle(state, deferred("film"), nowMs);
    noteSettle(state, touched("film", false), nowMs + 1);
    if (nowMs < 1700) assert.equal(drain(state, nowMs, nowMs + 1099).length, 1);
  }
  noteSettle(state, touched("film"), 2400);
  assert.deepEqual(told(drain(state, 2400)), ["2410: film"]);
});

Deno.test("takeSettled() gives batches of an anchor with an interval no closer than that", () => {
  const state = newSettleState(5000);
  noteSettle(state, touched("a"), 0);
  assert.deepEqual(told(drain(state, 0)), ["10: a"]);
  noteSettle(state, touched("a"), 100);
  noteSettle(state, touched("b"), 200);
  assert.deepEqual(told(drain(state, 200)), ["5010: a b"]);
});

Deno.test("noteSettle() turns a flood into a rescan when it is over, and one more 2 s later", () => {
  const state = newSettleState(0);
  for (let event = 0; event < FLOOD_EVENTS + 500; event++) {
    noteSettle(state, touched(`f${event}`), event / 20);
  }
  noteSettle(state, touched("last"), 600);
  assert.deepEqual(told(drain(state, 600)), ["1100: *", "3100: *"]);
  noteSettle(state, touched("later"), 5000);
  assert.deepEqual(told(drain(state, 5000)), ["5010: later"]);
});

Deno.test("noteSettle() does not wait for ever for the end of a flood", () => {
  const state = newSettleState(0);
  const rescans: number[] = [];
  for (let nowMs = 0; nowMs < 20_000; nowMs++) {
    for (let event = 0; event < 10; event++) {
      noteSettle(state, touched(`f${event}`), nowMs);
    }
    for (const [takenMs, { rescan }] of drain(state, nowMs, nowMs)) {
      if (rescan !== undefined) rescans.push(takenMs);
    }
  }
  assert.ok(rescans.length >= 2 && rescans.length <= 5, String(rescans));
});

Deno.test("noteSettle() turns more paths than it keeps into a rescan", () => {
  const state = newSettleState(0);
  for (let event = 0; event < MAX_PENDING + 2; event++) {
    noteSettle(state, touched(`f${event}`, false), event * 0.5);
    if (event < MAX_PENDING) assert.equal(state.rescan, undefined);
  }
  assert.ok(state.pending.size <= 1);
  assert.equal(
    state.rescan?.cause,
    `more than ${MAX_PENDING} changed paths at once`,
  );
});

Deno.test("noteSettle() merges rescans, and those in a row are 5 s apart", () => {
  const state = newSettleState(0);
  const rescan: SettleEvent = { kind: "rescan", cause: "the watcher failed" };
  noteSettle(state, rescan, 0);
  noteSettle(state, rescan, 1);
  assert.deepEqual(told(drain(state, 1)), ["10: *", "2010: *"]);
  noteSettle(state, rescan, 2100);
  assert.deepEqual(told(drain(state, 2100)), ["7010: *", "9010: *"]);
});

const pathArbitrary = fc.constantFrom("a", "b", "d", "d/x", "d/e", "d/e/y")
  .map(relativePath);
const stepArbitrary: fc.Arbitrary<
  { afterMs: number; take: boolean; burst: number; event: SettleEvent }
> = fc.record({
  afterMs: fc.oneof(fc.nat(15), fc.nat(3000)),
  take: fc.boolean(),
  burst: fc.oneof({ weight: 30, arbitrary: fc.constant(1) }, {
    weight: 1,
    arbitrary: fc.constant(FLOOD_EVENTS + 1),
  }),
  event: fc.oneof(
    fc.record({
      kind: fc.constant("touched" as const),
      path: pathArbitrary,
      closed: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("appeared" as const), path: pathArbitrary }),
    fc.record({ kind: fc.constant("deferred" as const), path: pathArbitrary }),
    fc.record({
      kind: fc.constant("rescan" as const),
      cause: fc.constant("told"),
    }),
  ),
});

function covers(batch: SettleBatch, path: RelativePath): boolean {
  return batch.rescan !== undefined || batch.paths.includes(path) ||
    batch.scans.some((scan) => isWithin(path, scan));
}

Deno.test("takeSettled() loses nothing, gives nothing twice in a batch and ends", () => {
  fc.assert(
    fc.property(
      fc.array(stepArbitrary, { maxLength: 40 }),
      fc.constantFrom(0, 700, 30_000),
      (steps, intervalMs) => {
        const state = newSettleState(intervalMs);
        const noted: [number, SettleEvent][] = [];
        const taken: [number, SettleBatch][] = [];
        let nowMs = 0;
        for (const { afterMs, take, burst, event } of steps) {
          nowMs += afterMs;
          noted.push([nowMs, event]);
          for (let count = 0; count < burst; count++) {
            noteSettle(
              state,
              event,
              nowMs,
            );
          }
          const wakeMs = settleWakeMs(state);
          assert.ok(wakeMs !== undefined, "nothing to wait for after an event");
          if (!take) continue;
          const batch = takeSettled(state, nowMs);
          if (batch !== undefined) taken.push([nowMs + 0.5, batch]);
        }
        const endMs = nowMs;
        for (const [takenMs, batch] of drain(state, nowMs + 0.1)) {
          taken.push([takenMs, batch]);
          assert.ok(
            takenMs <= endMs + 3 * intervalMs + 20_000,
            `taken at ${takenMs}`,
          );
        }
        for (const [notedMs, event] of noted) {
          const found = event.kind === "rescan"
            ? taken.some(([ms, batch]) =>
              ms > notedMs && batch.rescan !== undefined
            )
            : taken.some(([ms, batch]) =>
              ms > notedMs && covers(batch, event.path)
            );
          assert.ok(found, `${event.kind} at ${notedMs} is lost`);
          if (event.kind !== "appeared") continue;
          assert.ok(
            taken.some(([ms, batch]) =>
              ms >= notedMs + 1999 && covers(batch, event.path)
            ),
            `no scan 2 s after ${event.path} appeared at ${notedMs}`,
          );
        }
        for (const [, batch] of taken) {
          assert.equal(new Set(batch.paths).size, batch.paths.length);
          for (const path of batch.paths) {
            assert.ok(!batch.scans.some((scan) => isWithin(path, scan)));
          }
          for (const scan of batch.scans) {
            assert.ok(
              batch.scans.every((other) =>
                other === scan || !isWithin(scan, other)
              ),
            );
          }
          if (batch.rescan !== undefined) {
            assert.equal(batch.paths.length + batch.scans.length, 0);
          }
        }
        assert.equal(settleWakeMs(state), undefined);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("noteSettle() keeps its memory bounded, whatever comes", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          stepMs: fc.double({ min: 0.1, max: 2, noNaN: true }),
          closed: fc.boolean(),
          kind: fc.nat(2),
          take: fc.boolean(),
        }),
        { minLength: 1, maxLength: 6 },
      ),
      (phases) => {
        const state = newSettleState(0);
        let nowMs = 0;
        let name = 0;
        for (const { stepMs, closed, kind, take } of phases) {
          for (let event = 0; event < 6000; event++) {
            nowMs += stepMs;
            const path = `p${name++}`;
            noteSettle(
              state,
              kind === 0
                ? touched(path, closed)
                : kind === 1
                ? appeared(path)
                : deferred(path),
              nowMs,
            );
            if (take && event % 500 === 0) takeSettled(state, nowMs);
          }
          const kept = [
            state.pending.size + state.scans.size,
            state.recent.size,
            state.backoff.size,
          ];
          for (const size of kept) assert.ok(size <= MAX_PENDING, String(kept));
        }
      },
    ),
    { numRuns: 20 },
  );
});
