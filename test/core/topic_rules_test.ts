import assert from "node:assert/strict";
import {
  loginName,
  mayPublish,
  maySubscribe,
  parseLoginName,
  type Peer,
} from "../../lib/core/topic_rules.ts";

const alice: Peer = { kind: "client", user: "alice", client: "laptop" };
const server: Peer = { kind: "server" };

Deno.test("mayPublish() lets a client publish on its own topic only", () => {
  assert.ok(mayPublish(alice, "sinkd/clients/alice/laptop"));
  for (
    const topic of [
      "sinkd/clients/alice/desk",
      "sinkd/clients/alice/laptop/",
      "sinkd/clients/bob/laptop",
      "sinkd/server",
      "sinkd/server/alice",
      "sinkd/server/alice/laptop",
      "sinkd/servers/0123456789abcdef",
      "sinkd/lease/alice",
      "$SYS/x",
      "refused",
      "",
    ]
  ) assert.ok(!mayPublish(alice, topic), topic);
});

Deno.test("maySubscribe() lets a client read the server, its user and itself only", () => {
  for (const filter of ["", "/alice", "/alice/laptop"]) {
    assert.ok(maySubscribe(alice, `sinkd/server${filter}`));
  }
  for (
    const filter of [
      "#",
      "+",
      "sinkd/#",
      "sinkd/server/#",
      "sinkd/server/+",
      "sinkd/server/alice/#",
      "sinkd/server/alice/+",
      "sinkd/server/alice/desk",
      "sinkd/server/bob",
      "sinkd/clients/alice/laptop",
      "sinkd/clients/+/+",
      "sinkd/lease/+",
      "sinkd/lease/alice",
      "$SYS/#",
      "refused",
    ]
  ) assert.ok(!maySubscribe(alice, filter), filter);
});

Deno.test("the server publishes below sinkd and reads all clients", () => {
  assert.ok(mayPublish(server, "sinkd/server/bob/x"));
  assert.ok(!mayPublish(server, "$SYS/x"));
  assert.ok(maySubscribe(server, "sinkd/clients/+/+"));
  assert.ok(!maySubscribe(server, "#"));
});

Deno.test("parseLoginName() gives back what loginName() made and refuses the rest", () => {
  assert.deepEqual(parseLoginName(loginName("alice", "my laptop")), {
    user: "alice",
    client: "my laptop",
  });
  for (const name of ["", "alice", "a/b/c", "/b", "a/", "+/b", "a/#", "$a/b"]) {
    assert.equal(parseLoginName(name), undefined, name);
  }
});
