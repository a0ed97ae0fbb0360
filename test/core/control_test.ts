import assert from "node:assert/strict";
import { parseReply, parseRequest } from "../../lib/core/control.ts";
import { readReply } from "../../lib/core/control_reply.ts";
import { clientReport, serverReport } from "../cli/reports.ts";

const requests: readonly [string, boolean][] = [
  ['{"command":"status"}', true],
  ['{"command":"stop"}', true],
  ['{"command":"approve"}', true],
  ['{"command":"approve","path":"/home/a"}', true],
  ['{"command":"revoked","user":"alice","client":"laptop"}', true],
  ['{"command":"approve","path":7}', false],
  ['{"command":"approve","path":""}', false],
  ['{"command":"status","path":"/home/a"}', false],
  ['{"command":"revoked","user":"alice"}', false],
  ['{"command":"dance"}', false],
  ['{"command":', false],
  ["null", false],
  ["[]", false],
];

for (const [line, good] of requests) {
  Deno.test(`parseRequest() ${good ? "takes" : "refuses"} ${line}`, () => {
    const read = parseRequest(line);
    assert.equal(read.ok, good);
    if (read.ok) assert.deepEqual(read.value, JSON.parse(line));
    else assert.notEqual(read.reason, "");
  });
}

Deno.test("parseReply() refuses a reply without an exit code when it is a refusal", () => {
  assert.equal(parseReply('{"ok":true}').ok, true);
  assert.equal(parseReply('{"ok":true,"message":"done"}').ok, true);
  assert.equal(
    parseReply('{"ok":false,"message":"no","exitCode":4}').ok,
    true,
  );
  assert.equal(parseReply('{"ok":false,"message":"no"}').ok, false);
  assert.equal(
    parseReply('{"ok":false,"message":"no","exitCode":0}').ok,
    false,
  );
  assert.equal(parseReply('{"ok":true,"report":{"role":"x"}}').ok, false);
});

const replies: readonly [string, boolean][] = [
  ['{"ok":true}', true],
  ['{"ok":true,"message":"done"}', true],
  [JSON.stringify({ ok: true, report: clientReport() }), true],
  [JSON.stringify({ ok: true, report: serverReport() }), true],
  [
    JSON.stringify({ ok: true, report: { ...serverReport(), more: 1 } }),
    true,
  ],
  ['{"ok":false,"message":"no","exitCode":4}', true],
  ['{"ok":false,"message":"no","exitCode":0}', false],
  ['{"ok":false,"message":"no"}', false],
  ['{"ok":true,"message":7}', false],
  ['{"ok":true,"report":{"role":"x"}}', false],
  [
    JSON.stringify({ ok: true, report: { ...serverReport(), users: 7 } }),
    false,
  ],
  ['{"ok":1}', false],
  ["null", false],
  ["{", false],
];

for (const [line, good] of replies) {
  Deno.test(`readReply() ${good ? "takes" : "refuses"} ${line.slice(0, 70)}`, () => {
    const read = readReply(line);
    assert.equal(read.ok, good);
    if (read.ok) assert.deepEqual(read.value, JSON.parse(line));
    if (parseReply(line).ok) assert.equal(read.ok, true);
  });
}
