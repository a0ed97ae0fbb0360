import assert from "node:assert/strict";
import fc from "fast-check";
import { type Standing, standing } from "../../lib/core/lease_standing.ts";
import {
  type Copy,
  EXPIRY_MS,
  LEASE_MS,
  type LeaseRecord,
  newLeaseState,
  SETTLE_MS,
} from "../../lib/core/lease_state.ts";
import { LeaseWorld } from "./lease_world.ts";

const OPERATIONS = [
  "run",
  "deliverUp",
  "deliverDown",
  "tick",
  "connect",
  "cut",
  "pause",
  "resume",
  "crash",
  "release",
] as const;

/** Most often what keeps things going, so that there is something to disturb. */
const move = fc.record({
  operation: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom("deliverUp", "deliverDown") },
    { weight: 20, arbitrary: fc.constant("run" as const) },
    { weight: 10, arbitrary: fc.constantFrom("tick", "connect") },
    { weight: 4, arbitrary: fc.constantFrom("pause", "resume", "cut") },
    { weight: 2, arbitrary: fc.constant("release" as const) },
    { weight: 1, arbitrary: fc.constantFrom(...OPERATIONS) },
  ),
  which: fc.constantFrom(0, 1),
  afterMs: fc.oneof(
    { weight: 10, arbitrary: fc.nat(300) },
    { weight: 3, arbitrary: fc.nat(8_000) },
    { weight: 1, arbitrary: fc.nat(2 * EXPIRY_MS) },
  ),
  times: fc.oneof(
    { weight: 4, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 12 }) },
  ),
});

function assertOneHolder(world: LeaseWorld): void {
  assert.ok(
    world.holders().length <= 1,
    `both may commit at ${world.nowMs}: ${JSON.stringify(world.tenures)}`,
  );
}

const moves = fc.array(move, { minLength: 40, maxLength: 250 });

/** Searches for a moment in which both may commit; how often somebody served, and how often another than before. */
function search(
  lagMs: fc.Arbitrary<number>,
  numRuns: number,
): { tenures: number; handovers: number } {
  const seen = { tenures: 0, handovers: 0 };
  fc.assert(
    fc.property(moves, lagMs, (moves, lagMs) => {
      const world = new LeaseWorld(lagMs);
      for (const { operation, which, afterMs, times } of moves) {
        for (let time = 0; time < times; time++) {
          world.pass(afterMs);
          assertOneHolder(world);
          world[operation](world.nodes[which]);
          assertOneHolder(world);
        }
      }
      const numbers = world.tenures.map(({ number }) => number);
      if (lagMs === 0) {
        assert.deepEqual(
          numbers,
          [...new Set(numbers)].toSorted((left, right) => left - right),
          "fencing numbers rise",
        );
      }
      seen.tenures += numbers.length;
      seen.handovers += world.tenures.filter(({ server }, at) =>
        at > 0 && world.tenures[at - 1]?.server !== server
      ).length;
    }),
    { numRuns },
  );
  return seen;
}

const RUNS = Number(Deno.env.get("LEASE_RUNS") ?? 1500);

Deno.test("stepLease() never lets two servers serve one user, whatever is delayed, lost, paused or ended", () => {
  const { tenures, handovers } = search(fc.constant(0), RUNS);
  // A test that saw nobody serve would prove nothing.
  assert.ok(tenures > RUNS / 2, `${tenures} tenures`);
  assert.ok(handovers > RUNS / 60, `${handovers} changes of server`);
});

Deno.test("stepLease() never lets two servers serve one user when a cluster tells each its own word first", () => {
  const lagMs = fc.integer({ min: 1, max: SETTLE_MS / 2 - 50 });
  const { tenures, handovers } = search(lagMs, RUNS);
  assert.ok(tenures > RUNS / 2, `${tenures} tenures`);
  assert.ok(handovers > RUNS / 60, `${handovers} changes of server`);
});

Deno.test("stepLease() gives every user a server again, once all is well", () => {
  fc.assert(
    fc.property(
      fc.array(move, { maxLength: 120 }),
      fc.nat(900),
      (moves, lagMs) => {
        const world = new LeaseWorld(lagMs);
        for (const { operation, which, afterMs } of moves) {
          world.pass(afterMs);
          world[operation](world.nodes[which]);
        }
        world.settle(3 * EXPIRY_MS);
        assert.equal(world.holders().length, 1);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("stepLease() takes a user that nobody had at once, and one that was let go in seconds", () => {
  const world = new LeaseWorld();
  const [a, b] = world.nodes;
  world.settle(SETTLE_MS + 4000);
  assert.deepEqual(world.holders(), [a]);
  world.leave(a);
  world.settle(SETTLE_MS + 4000);
  assert.deepEqual(world.holders(), [b]);
});

Deno.test("stepLease() has a silent server stop before another may take over", () => {
  const world = new LeaseWorld();
  const [a, b] = world.nodes;
  world.settle(SETTLE_MS + 4000);
  assert.deepEqual(world.holders(), [a]);
  world.pause(a);
  world.pass(LEASE_MS);
  assert.deepEqual(world.holders(), []);
  const turns = Math.ceil((EXPIRY_MS + SETTLE_MS + 4000) / 1000);
  for (let second = 0; second < turns; second++) {
    world.pass(1000);
    world.connect(b);
    world.tick(b);
    for (let message = 0; message < 5; message++) {
      world.deliverUp(b);
      world.deliverDown(b);
    }
  }
  assert.deepEqual(world.holders(), [b]);
  world.resume(a);
  assert.deepEqual(world.holders(), [b]);
  world.settle(5000);
  assert.deepEqual(world.holders(), [b]);
});

const HEAD = { epoch: "0".repeat(16), date: 20_261_122, cycle: 4 };
const COPY: Copy = {
  number: 5,
  holder: "a",
  released: true,
  adopted: false,
  head: HEAD,
};
const LATER = { ...HEAD, cycle: 5 };

/** What a server `a` makes of a user whose topic tells `record`, a minute after it connected, or at once. */
function standingOf(
  record: LeaseRecord | undefined,
  over: Partial<Copy> = {},
  { fleet = true, afterMs = 60_000 } = {},
): Standing {
  const copy = { ...COPY, ...over };
  const me = { id: "a", boot: "1" };
  const state = { ...newLeaseState(me, { fleet }), linkedAtMs: 0 };
  return standing(state, {
    copy,
    fromBeat: 1,
    seen: record === undefined ? undefined : { record, heardAtMs: 0 },
    highest: 5,
    phase: { kind: "waiting" },
  }, afterMs);
}

const free = (keepEpoch: boolean) => ({ kind: "free", keepEpoch });
const by = (server: string, number = 5) => ({ number, server });

Deno.test("standing() keeps the epoch of a directory that is the newest for sure, and of no other", () => {
  const released = { kind: "released", head: HEAD } as const;
  const held = { kind: "held" } as const;
  const own = { released: false };
  assert.deepEqual(standingOf({ ...released, ...by("b") }), free(true));
  assert.deepEqual(standingOf({ ...released, ...by("a") }), free(true));
  assert.deepEqual(standingOf({ ...held, ...by("a") }, own), free(true));
  assert.deepEqual(standingOf({ ...held, ...by("a") }), free(false));
  assert.deepEqual(standingOf({ ...held, ...by("b") }), free(false));
  assert.deepEqual(standingOf(undefined, own), free(true));
  assert.deepEqual(standingOf(undefined, { number: 0 }), free(true));
  assert.deepEqual(standingOf(undefined), free(false));
  const older = { ...released, head: LATER };
  assert.deepEqual(standingOf({ ...older, ...by("a") }), free(false));
});

Deno.test("standing() leaves a directory alone that is known to be old, until a person says otherwise", () => {
  const stale = { kind: "stale", server: "b" };
  const released = { kind: "released", head: HEAD } as const;
  assert.deepEqual(standingOf({ ...released, ...by("b", 6) }), stale);
  assert.deepEqual(standingOf({ kind: "held", ...by("b", 6) }), stale);
  const copiedEarly = { ...released, head: LATER, ...by("b") };
  assert.deepEqual(standingOf(copiedEarly), stale);
  const adopted = { adopted: true };
  assert.deepEqual(standingOf(copiedEarly, adopted), free(false));
  assert.deepEqual(
    standingOf({ kind: "held", ...by("b", 6) }, adopted),
    free(false),
  );
});

Deno.test("standing() waits for who may hold still, and a lone server not for what the broker forgot", () => {
  const soon = { afterMs: EXPIRY_MS };
  const taken = (server: string | undefined) => ({ kind: "taken", server });
  assert.deepEqual(
    standingOf({ kind: "held", ...by("b") }, {}, soon),
    taken("b"),
  );
  assert.deepEqual(
    standingOf({ kind: "claim", over: 5, ...by("b", 6) }, {}, soon),
    taken("b"),
  );
  assert.deepEqual(standingOf(undefined, {}, soon), taken(undefined));
  const alone = { ...soon, fleet: false };
  assert.deepEqual(standingOf(undefined, {}, alone), free(false));
});
