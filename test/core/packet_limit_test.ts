import assert from "node:assert/strict";
import fc from "fast-check";
import { PacketLimit } from "../../lib/core/packet_limit.ts";

function packet(length: number): number[] {
  const bytes = [0x30];
  let rest = length;
  do {
    bytes.push((rest % 128) | (rest > 127 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return [...bytes, ...new Array(length).fill(0xff)];
}

Deno.test("PacketLimit refuses just the streams with a packet over the limit, in any pieces", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 8 }),
    fc.integer({ min: 1, max: 50 }),
    (lengths, piece) => {
      const bytes = Uint8Array.from(lengths.flatMap(packet));
      const limit = new PacketLimit(300);
      let accepted = true;
      for (let at = 0; at < bytes.length && accepted; at += piece) {
        accepted = limit.accepts(bytes.subarray(at, at + piece));
      }
      assert.equal(accepted, lengths.every((length) => length <= 300));
    },
  ));
});

Deno.test("PacketLimit refuses a length of more than four bytes", () => {
  const limit = new PacketLimit(2 ** 40);
  assert.ok(!limit.accepts(new Uint8Array([0x30, 0x80, 0x80, 0x80, 0x80, 1])));
});
