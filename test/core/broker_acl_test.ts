import assert from "node:assert/strict";
import fc from "fast-check";
import {
  aclLines,
  brokerNameFault,
  SERVER_ACCOUNT,
} from "../../lib/core/broker_acl.ts";
import { nameFault } from "../../lib/core/path.ts";
import {
  mayPublish,
  maySubscribe,
  parseLoginName,
  type Peer,
} from "../../lib/core/topic_rules.ts";

const name = fc.string({ minLength: 1, maxLength: 12 })
  .filter((text) => nameFault(text) === undefined);

Deno.test("aclLines() grants each client what the embedded broker grants it, and no other", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ user: name, client: name }), { maxLength: 5 }),
      (clients) => {
        let peer: Peer = { kind: "server" };
        for (const line of aclLines(SERVER_ACCOUNT, clients)) {
          const [, word, rest = ""] = /^(\w+) (.*)$/.exec(line) ?? [];
          if (word === "user") {
            const login = parseLoginName(rest);
            peer = login === undefined
              ? { kind: "server" }
              : { kind: "client", ...login };
            assert.equal(peer.kind === "server", rest === SERVER_ACCOUNT);
          } else if (word === "topic") {
            const [, access, topic = ""] = /^(\w+) (.*)$/.exec(rest) ?? [];
            if (access === "write") assert.ok(mayPublish(peer, topic), line);
            else assert.ok(access === "read" && maySubscribe(peer, topic));
          } else assert.equal(line, "");
        }
      },
    ),
  );
});

Deno.test("brokerNameFault() refuses what would end a name in a password file", () => {
  assert.equal(brokerNameFault({ user: "alice", client: "l" }), undefined);
  assert.ok(brokerNameFault({ user: "a:b", client: "l" }));
  assert.ok(brokerNameFault({ user: "a", client: "l:$7$1$a$b" }));
});
