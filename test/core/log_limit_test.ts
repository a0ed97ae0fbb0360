import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type HeardKind,
  leftOutText,
  LogLimit,
} from "../../lib/core/log_limit.ts";

const WINDOW_MS = 60_000;
const MAX_SOURCES = 3;
const KINDS: readonly HeardKind[] = ["refused logins", "broken turns"];
/** A line and a count for each source, and one count for all others. */
const MOST_LINES = 2 * MAX_SOURCES + 1;

const event = fc.record({
  kind: fc.constantFrom(...KINDS),
  source: fc.integer({ min: 0, max: 8 }).map((n) => `10.0.0.${n}`),
  afterMs: fc.oneof(
    fc.integer({ min: 0, max: 500 }),
    fc.integer({ min: 0, max: 90_000 }),
  ),
});

Deno.test("LogLimit gives bounded lines in any minute, one for each source, and counts all that it leaves out", () => {
  fc.assert(fc.property(fc.array(event, { maxLength: 400 }), (events) => {
    const limit = new LogLimit({
      windowMs: WINDOW_MS,
      maxSources: MAX_SOURCES,
    });
    const lines: { atMs: number; kind: HeardKind; source?: string }[] = [];
    let nowMs = 0, told = 0;
    const tell = (counts: ReturnType<LogLimit["due"]>, atMs: number) => {
      for (const { kind, count } of counts) {
        assert.ok(count > 0);
        told += count;
        lines.push({ atMs, kind });
      }
    };
    for (const { kind, source, afterMs } of events) {
      nowMs += afterMs;
      tell(limit.due(nowMs), nowMs);
      if (limit.says({ kind, source }, nowMs)) {
        told++;
        lines.push({ atMs: nowMs, kind, source });
      }
      assert.ok(limit.size <= MAX_SOURCES * KINDS.length);
    }
    for (const { atMs, kind, source } of lines) {
      const within = lines.filter((line) =>
        line.kind === kind && line.atMs >= atMs && line.atMs < atMs + WINDOW_MS
      );
      assert.ok(within.length <= MOST_LINES, `${within.length} lines`);
      if (source === undefined) continue;
      assert.equal(within.filter((line) => line.source === source).length, 1);
    }
    tell(limit.rest(), nowMs);
    assert.equal(told, events.length);
    assert.deepEqual(limit.rest(), []);
    assert.equal(limit.size, 0);
  }));
});

Deno.test("LogLimit keeps no more of a source's name than it needs", () => {
  const limit = new LogLimit({ windowMs: WINDOW_MS, maxSources: MAX_SOURCES });
  const long = { kind: KINDS[0] ?? "refused logins", source: "x".repeat(1e6) };
  assert.ok(limit.says(long, 0));
  assert.ok(!limit.says(long, 0));
  const [count] = limit.rest();
  assert.equal(count?.source?.length, 200);
});

Deno.test("leftOutText() says how many there were, of what, and from where", () => {
  const kind = "refused logins" as const;
  assert.equal(
    leftOutText({ kind, source: "203.0.113.7", count: 341 }),
    "… and 341 more like it from 203.0.113.7 (refused logins)",
  );
  assert.equal(
    leftOutText({ kind, source: undefined, count: 2 }),
    "… and 2 more like it from others (refused logins)",
  );
});
