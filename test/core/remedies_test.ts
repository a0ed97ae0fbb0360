import assert from "node:assert/strict";
import { errorText } from "../../lib/core/error_text.ts";
import { remedyFor } from "../../lib/core/remedies.ts";

const CASES: readonly [number, RegExp][] = [
  [30, /^mount its file system for writing$/],
  [13, /^give this account access/],
  [28, /^free up space/],
  [122, /quota/],
  [5, /^check that disk/],
  [116, /^mount or plug in/],
  [24, /LimitNOFILE/],
  [36, /shorter name/],
  [84, /another file system/],
];

for (const [number, remedy] of CASES) {
  Deno.test(`remedyFor() knows what helps against os error ${number}, wrapped or not`, () => {
    const raw = new Error(`Some words (os error ${number}): open '/a/b'`);
    const wrapped = new Error("Cannot go on with /c", { cause: raw });
    assert.match(remedyFor(errorText(raw)), remedy);
    assert.match(remedyFor(errorText(wrapped)), remedy);
  });
}

Deno.test("remedyFor() takes the last words when a cause has several, and general ones when it has none", () => {
  assert.match(
    remedyFor("Cannot open 'permission denied': read-only file system"),
    /^mount its/,
  );
  assert.equal(remedyFor("the moon is full"), "fix the cause");
});
