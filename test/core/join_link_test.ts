import assert from "node:assert/strict";
import { formatJoinLink, parseJoinLink } from "../../lib/core/join_link.ts";

const link = {
  user: "alice",
  token: "aB3_-x",
  host: "pi.example",
  port: 8883,
  fingerprint: "0123456789abcdef".repeat(4),
};

Deno.test("parseJoinLink() gives back what formatJoinLink() was given when names and hosts are odd", () => {
  for (
    const odd of [
      link,
      { ...link, host: "192.0.2.7", port: 65_535 },
      { ...link, host: "2001:db8::7" },
      { ...link, user: "Zoë von A" },
      { ...link, user: "a:b@c%41" },
    ]
  ) {
    const text = formatJoinLink(odd);
    assert.doesNotMatch(text, /\s/);
    assert.deepEqual(parseJoinLink(` ${text}\n`), { ok: true, value: odd });
  }
});

Deno.test("parseJoinLink() says which part is wrong when it is wrong", () => {
  const good = formatJoinLink(link);
  const cases: [string, RegExp][] = [
    ["", /form/],
    ["https://alice:t@h:1#x", /form/],
    [good.replace(/#.*/, ""), /form/],
    [good.slice(0, -1), /fingerprint/],
    [good.replace("alice", "a%2Fb"), /user name/],
    [good.replace("alice", "%ff"), /user name/],
    [good.replace("alice", "%24SYS"), /user name/],
    [good.replace(link.token, "a!b"), /token/],
    [good.replace("8883", "0"), /port/],
    [good.replace("8883", "65536"), /port/],
    [good.replace("pi.example", "[::1"), /host/],
    [good.replace("pi.example", "::1"), /host/],
    [good + "0".repeat(2000), /too long/],
  ];
  for (const [text, expected] of cases) {
    const parsed = parseJoinLink(text);
    assert.ok(!parsed.ok, text);
    assert.match(parsed.reason, expected);
    assert.match(parsed.reason, /adduser/);
  }
});
