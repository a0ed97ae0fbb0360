import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type LoginAttempt,
  LoginLimits,
  OF_NETWORK,
  SHARES,
} from "../../lib/core/login_limits.ts";
import { TokenBuckets } from "../../lib/core/token_buckets.ts";

Deno.test("TokenBuckets never give more than the burst and what came back since", () => {
  const options = { capacity: 5, refillMs: 100, maxKeys: 3 };
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -50, max: 300 }), { maxLength: 200 }),
      (steps) => {
        const buckets = new TokenBuckets(options);
        let nowMs = 0, latestMs = 0, spent = 0;
        for (const step of steps) {
          nowMs += step;
          latestMs = Math.max(latestMs, nowMs);
          if (!buckets.has("a", nowMs)) continue;
          buckets.spend("a", nowMs);
          spent++;
        }
        const backMs = steps.reduce((sum, s) => sum + Math.max(-s, 0), 0);
        const most = options.capacity + (latestMs + backMs) / options.refillMs;
        assert.ok(spent <= most, `${spent} of ${most}`);
      },
    ),
  );
});

Deno.test("TokenBuckets keep no more keys than they may", () => {
  const buckets = new TokenBuckets({ capacity: 1, refillMs: 1, maxKeys: 10 });
  for (let n = 0; n < 1000; n++) buckets.spend(`${n}`, n);
  assert.equal(buckets.size, 10);
});

Deno.test("TokenBuckets are full until something is spent, and again when it came back", () => {
  const buckets = new TokenBuckets({ capacity: 2, refillMs: 10, maxKeys: 9 });
  assert.ok(buckets.isFull("a", 0));
  buckets.spend("a", 0);
  assert.ok(!buckets.isFull("a", 9));
  assert.ok(buckets.isFull("a", 10));
});

/** One wrong login, if it is looked at; true when it was. */
function guess(
  limits: LoginLimits,
  attempt: LoginAttempt,
  nowMs: number,
): boolean {
  if (!limits.mayCheck(attempt, nowMs)) return false;
  limits.failed(attempt, nowMs);
  return true;
}

function from(address: string, known = false): LoginAttempt {
  return { address, known };
}

/** Floods: networks, and milliseconds between two wrong logins. */
const floods: readonly [number, number][] = [
  [1, 1],
  [1, 50],
  [4, 50],
  [20, 1],
  [200, 5],
];

for (const [networks, everyMs] of floods) {
  Deno.test(`LoginLimits always look at a login from where nobody fails, with a wrong one every ${everyMs} ms from ${networks} networks`, () => {
    const limits = new LoginLimits();
    for (let nowMs = 0; nowMs < 60_000; nowMs += everyMs) {
      const n = (nowMs / everyMs) % networks;
      guess(limits, from(`10.0.${n}.1`), nowMs);
      assert.ok(limits.mayCheck(from("192.0.2.1"), nowMs), `${nowMs} ms`);
      assert.ok(limits.mayCheck(from("10.0.0.1", true), nowMs));
    }
  });
}

const NETWORKS = 60;
const attempts = fc.array(
  fc.record({
    network: fc.integer({ min: 0, max: NETWORKS - 1 }),
    host: fc.integer({ min: 1, max: 9 }),
    known: fc.boolean(),
    afterMs: fc.integer({ min: 0, max: 30 }),
  }),
  { minLength: 50, maxLength: 3000, size: "max" },
);

Deno.test("LoginLimits look at no more wrong logins in any time than all shares, and of one network than its own", () => {
  fc.assert(
    fc.property(attempts, (steps) => {
      const limits = new LoginLimits();
      const looked: { atMs: number; network: number }[] = [];
      let nowMs = 0;
      for (const { network, host, known, afterMs } of steps) {
        nowMs += afterMs;
        const address = `2001:db8:0:${network.toString(16)}::${host}`;
        if (guess(limits, from(address, known), nowMs)) {
          looked.push({ atMs: nowMs, network });
        }
      }
      const most = Object.values(SHARES).reduce(
        (sum, share) => sum + share.capacity + nowMs / share.refillMs,
        0,
      );
      assert.ok(looked.length <= most, `${looked.length} of ${most}`);
      const own = OF_NETWORK.capacity + nowMs / OF_NETWORK.refillMs;
      for (let network = 0; network < NETWORKS; network++) {
        const count = looked.filter((each) => each.network === network).length;
        assert.ok(count <= 2 * own, `${count} of ${own}`);
      }
      assert.ok(limits.size <= 2 * NETWORKS);
    }),
    { numRuns: 30 },
  );
});

Deno.test("LoginLimits take no right login for a wrong one: those cost nothing", () => {
  const limits = new LoginLimits();
  for (let n = 0; n < 10_000; n++) {
    assert.ok(limits.mayCheck(from("10.0.0.1"), 0));
  }
});

Deno.test("LoginLimits count an IPv6 address by its /64", () => {
  const limits = new LoginLimits();
  let looked = 0;
  for (let n = 0; n < 1000; n++) {
    if (guess(limits, from(`2001:db8::${n.toString(16)}`), 0)) looked++;
  }
  assert.equal(looked, OF_NETWORK.capacity);
  assert.ok(!limits.mayCheck(from("2001:db8::ffff:1"), 0));
  assert.ok(limits.mayCheck(from("2001:db8:0:1::1"), 0));
});

Deno.test("LoginLimits keep no more networks than they may", () => {
  const limits = new LoginLimits();
  for (let n = 0; n < 30_000; n++) {
    guess(limits, from(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`), n * 10);
  }
  assert.ok(limits.size <= OF_NETWORK.maxKeys);
});
