import assert from "node:assert/strict";
import fc from "fast-check";
import { plain } from "../../lib/core/plain_text.ts";

const TRICKS: readonly [string, string][] = [
  ["\x1b]0;title\x07", "\\x1b]0;title\\x07"],
  ["\x9b2J", "\\x9b2J"],
  ["one\r\ntwo", "one\\x0d\\x0atwo"],
  ["a\u2028b\u2029c", "a\\u2028b\\u2029c"],
  ["\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"],
  ["\u061c\u200e\u200f", "\\u061c\\u200e\\u200f"],
  ["\ud800x", "\ufffdx"],
];

const text = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 0xffff }),
    fc.constantFrom(...Array(0x200).keys()),
    fc.integer({ min: 0x2000, max: 0x2070 }),
  ),
).map((codes) => String.fromCharCode(...codes));
const ODD = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/u;

for (const [text, expected] of TRICKS) {
  Deno.test(`plain() makes ${JSON.stringify(text)} harmless`, () => {
    assert.equal(plain(text), expected);
  });
}

Deno.test("plain() leaves nothing that a terminal obeys, and changes nothing else", () => {
  fc.assert(fc.property(text, (text) => {
    const shown = plain(text);
    assert.doesNotMatch(shown, ODD);
    assert.equal(plain(shown), shown);
    const harmless = text.replaceAll(new RegExp(ODD, "gu"), "");
    assert.equal(plain(harmless), harmless);
  }));
});
