import assert from "node:assert/strict";
import fc from "fast-check";
import { errnoWords, errorText } from "../../lib/core/error_text.ts";

const read = (path: string) => Deno.readTextFileSync(path);
const caught = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
};

const CASES: readonly [string, unknown, string][] = [
  [
    "a missing file",
    caught(() => read("/none")),
    "'/none': no such file or directory",
  ],
  [
    "a file below a file",
    caught(() => read("/etc/passwd/x")),
    "'/etc/passwd/x': not a directory",
  ],
  [
    "a rename",
    caught(() => Deno.renameSync("/none", "/tmp/other")),
    "'/none' -> '/tmp/other': no such file or directory",
  ],
  [
    "a full disk",
    new Error("No space left on device (os error 28)"),
    "the disk is full",
  ],
  [
    "node's own words",
    Object.assign(new Error("EROFS: read-only file system, open '/a'"), {
      code: "EROFS",
    }),
    "'/a': read-only file system",
  ],
  [
    "a refused connection",
    new Error("Connection refused (os error 111)"),
    "connection refused (nothing listens there)",
  ],
  [
    "an errno in the middle",
    new Error(
      "error sending request: tcp connect error: Connection refused (os error 111)",
    ),
    "error sending request: tcp connect error: connection refused (nothing listens there)",
  ],
  [
    "an errno that is not known",
    new Error("Protocol driver not attached (os error 49): read '/a'"),
    "protocol driver not attached: read '/a'",
  ],
  [
    "a full database",
    Object.assign(new Error("database or disk is full"), { errcode: 13 }),
    "the disk is full",
  ],
  [
    "an I/O error of a database, extended",
    Object.assign(new Error("disk I/O error"), { errcode: 778 }),
    "I/O error (the disk may be failing)",
  ],
  [
    "the same said twice",
    new Error("Cannot start the client: Cannot start the client: it is held"),
    "Cannot start the client: it is held",
  ],
  [
    "the same said by a child",
    new Error(
      "Cannot start the client: sinkd: Cannot start the client: no disk",
    ),
    "Cannot start the client: no disk",
  ],
  [
    "a wrapper that says its cause",
    new Error(
      "Cannot keep '/a': Disk quota exceeded (os error 122): open '/a'",
      {
        cause: new Error("Disk quota exceeded (os error 122): open '/a'"),
      },
    ),
    "Cannot keep '/a': disk quota exceeded: open '/a'",
  ],
  ["what is no error", "odd", "odd"],
  ["no words", new RangeError(""), "RangeError"],
];

for (const [what, error, text] of CASES) {
  Deno.test(`errorText() puts ${what} in words`, () => {
    assert.equal(errorText(error), text);
  });
}

Deno.test("errorText() leaves nothing raw and ends, whatever chain of errors it is given", () => {
  const messages = fc.oneof(
    fc.string(),
    fc.nat(200).map((code) =>
      `Some words here (os error ${code}): open '/a b'`
    ),
    fc.nat(200).map((code) => `Cannot do it: Some words (os error ${code})`),
    fc.constantFrom(
      "EIO: i/o error, read",
      "ENOSPC: no space left, write '/x'",
    ),
  );
  fc.assert(fc.property(fc.array(messages, { maxLength: 8 }), (chain) => {
    let error: Error | undefined;
    for (const message of chain) {
      error = new Error(message, error === undefined ? {} : { cause: error });
    }
    const text = errorText(error ?? "none");
    assert.doesNotMatch(text, /os error \d|\n/);
  }));
  const circle = new Error("round");
  circle.cause = circle;
  assert.equal(errorText(circle), "round");
});

Deno.test("errnoWords() knows names and numbers, and nothing else", () => {
  assert.equal(errnoWords("ENOSPC"), "the disk is full");
  assert.equal(errnoWords(28), "the disk is full");
  assert.equal(errnoWords(9999), undefined);
  assert.equal(errnoWords("toString"), undefined);
});
