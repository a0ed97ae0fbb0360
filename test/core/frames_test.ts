import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeData,
  encodeEnd,
  encodeMessage,
  type Frame,
  FrameDecoder,
  MAX_DATA_BYTES,
  MAX_JSON_BYTES,
} from "../../lib/core/frames.ts";

function encode(frame: Frame): Uint8Array {
  switch (frame.kind) {
    case "message":
      return encodeMessage(frame.value);
    case "data":
      return encodeData(frame.chunk);
    case "end":
      return encodeEnd();
  }
}

const frames = fc.array(fc.oneof(
  fc.jsonValue({ noUnicodeString: false }).map((value): Frame => ({
    kind: "message",
    value: JSON.parse(JSON.stringify(value)),
  })),
  fc.uint8Array({ maxLength: 300 }).map((chunk): Frame => ({
    kind: "data",
    chunk: new Uint8Array(chunk),
  })),
  fc.constant<Frame>({ kind: "end" }),
));

Deno.test("FrameDecoder gives back every frame when the bytes come in any pieces", () => {
  fc.assert(fc.property(
    frames,
    fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
    (sent, sizes) => {
      const bytes = Uint8Array.from(
        sent.flatMap((frame) => [...encode(frame)]),
      );
      const decoder = new FrameDecoder();
      const got: Frame[] = [];
      for (let at = 0, piece = 0; at < bytes.length; piece++) {
        const size = sizes[piece % sizes.length] ?? 1;
        decoder.push(bytes.subarray(at, at + size));
        at += size;
        for (let f = decoder.take(); f !== undefined; f = decoder.take()) {
          got.push(f);
        }
      }
      assert.deepEqual(got, sent);
      assert.ok(decoder.between);
    },
  ));
});

Deno.test("FrameDecoder refuses a frame from its header when it is too large or unknown", () => {
  const cases: [number[], RegExp][] = [
    [[0, 0x40, 0, 1, 0], /over the limit/],
    [[0, 4, 0, 1, 1], /over the limit/],
    [[0, 0, 0, 1, 2], /over the limit/],
    [[0, 0, 0, 0, 3], /kind 3 is unknown/],
    [[0, 0, 0, 1, 0, 0x7b], /not JSON/],
    [[0, 0, 0, 3, 0, 0x22, 0xff, 0x22], /not JSON/],
  ];
  for (const [bytes, expected] of cases) {
    const decoder = new FrameDecoder();
    decoder.push(Uint8Array.from(bytes));
    assert.throws(() => decoder.take(), expected);
  }
});

Deno.test("encodeMessage() and encodeData() throw when the payload is over its limit", () => {
  assert.throws(() => encodeMessage("x".repeat(MAX_JSON_BYTES)), /limit/);
  assert.throws(() => encodeData(new Uint8Array(MAX_DATA_BYTES + 1)), /limit/);
  assert.equal(
    encodeData(new Uint8Array(MAX_DATA_BYTES)).length,
    MAX_DATA_BYTES + 5,
  );
});
