import assert from "node:assert/strict";
import fc from "fast-check";
import {
  brokerAddress,
  joinAddress,
  networkOf,
  splitAddress,
} from "../../lib/core/address.ts";

Deno.test("splitAddress() reads names, IPv4 and bracketed IPv6 and joinAddress() writes them", () => {
  for (const text of ["a.b:1", "127.0.0.1:0", "[::1]:8883"]) {
    const parts = splitAddress(text);
    assert.ok(parts !== undefined);
    assert.equal(joinAddress(parts.host, parts.port), text);
  }
  for (const text of ["::1:8883", "a", ":1", "a:", "a b:1", "a/b:1"]) {
    assert.equal(splitAddress(text), undefined, text);
  }
});

Deno.test("brokerAddress() fills in the standard port", () => {
  assert.deepEqual(brokerAddress("mqtt://a"), { host: "a", port: 1883 });
  assert.deepEqual(brokerAddress("mqtts://a"), { host: "a", port: 8883 });
  assert.deepEqual(brokerAddress("mqtt://u:p@[::1]:99"), {
    host: "::1",
    port: 99,
  });
  assert.equal(brokerAddress("a:1883"), undefined);
});

const networks: readonly [string, string][] = [
  ["127.0.0.1", "127.0.0.1"],
  ["::FFFF:10.1.2.3", "10.1.2.3"],
  ["::1", "0:0:0:0::/64"],
  ["::", "0:0:0:0::/64"],
  ["1::", "1:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:0002::9", "2001:db8:1:2::/64"],
  ["2001:db8:1:2:3:4:1.2.3.4", "2001:db8:1:2::/64"],
  ["1:2:3:4:5:6:7", "1:2:3:4:5:6:7"],
  ["1::2::3", "1::2::3"],
  ["unix socket", "unix socket"],
  ["", ""],
];
for (const [address, network] of networks) {
  Deno.test(`networkOf() counts '${address}' as '${network}'`, () => {
    assert.equal(networkOf(address), network);
  });
}

Deno.test("networkOf() is the same for two IPv6 addresses exactly when they share a /64, however they are written", () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const groups = (count: number) =>
    fc.array(group, { minLength: count, maxLength: count });
  fc.assert(fc.property(
    groups(4),
    groups(4),
    groups(4),
    groups(4),
    (network, other, one, two) => {
      const full = (groups: readonly number[]) =>
        groups.map((each) => each.toString(16).padStart(4, "0")).join(":");
      const short = (groups: readonly number[]) =>
        new URL(`http://[${full(groups)}]/`).hostname.slice(1, -1);
      const at = networkOf(full([...network, ...one]));
      assert.equal(networkOf(short([...network, ...two])), at);
      const isSame = network.every((each, at) => each === other[at]);
      const elsewhere = networkOf(short([...other, ...two]));
      assert.equal(elsewhere === at, isSame);
    },
  ));
});
