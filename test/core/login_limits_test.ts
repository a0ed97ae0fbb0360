import assert from "node:assert/strict";
import fc from "fast-check";
import { LoginLimits } from "../../lib/core/login_limits.ts";
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

function fail(limits: LoginLimits, from: string, times: number): void {
  for (let n = 0; n < times; n++) {
    limits.failed({ account: `a${n}/c`, address: from }, 0);
  }
}

Deno.test("LoginLimits shut an address out that fails too often, and let it in again later", () => {
  const limits = new LoginLimits();
  const other = { account: "bob/laptop", address: "10.0.0.1" };
  assert.ok(limits.allows(other, 0));
  fail(limits, "10.0.0.1", 20);
  assert.ok(!limits.allows(other, 0));
  assert.ok(limits.allows({ ...other, address: "10.0.0.2" }, 0));
  assert.ok(limits.allows(other, 2000));
});

Deno.test("LoginLimits shut an account out that is guessed at from everywhere, but not where it is at home", () => {
  const limits = new LoginLimits();
  const home = { account: "bob/laptop", address: "192.0.2.1" };
  limits.succeeded(home);
  for (let n = 0; n < 50; n++) {
    limits.failed({ account: home.account, address: `10.0.0.${n}` }, 0);
  }
  assert.ok(!limits.allows({ ...home, address: "10.0.1.1" }, 0));
  assert.ok(limits.allows(home, 0));
  fail(limits, home.address, 100);
  assert.ok(limits.allows(home, 0));
});
