import assert from "node:assert/strict";
import {
  brokerAddress,
  joinAddress,
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
