import assert from "node:assert/strict";
import fc from "fast-check";
import { EXPIRY_MS, LEASE_MS, SETTLE_MS } from "../../lib/core/lease_state.ts";
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
  assert.ok(handovers > RUNS / 30, `${handovers} changes of server`);
});

Deno.test("stepLease() never lets two servers serve one user when a cluster tells each its own word first", () => {
  const lagMs = fc.integer({ min: 1, max: SETTLE_MS / 2 - 50 });
  const { tenures, handovers } = search(lagMs, RUNS);
  assert.ok(tenures > RUNS / 2, `${tenures} tenures`);
  assert.ok(handovers > RUNS / 30, `${handovers} changes of server`);
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
