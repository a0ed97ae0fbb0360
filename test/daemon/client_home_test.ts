import assert from "node:assert/strict";
import { ClientHome } from "../../lib/daemon/client_home.ts";
import type { Link } from "../../lib/io/mqtt_link.ts";

const ONE = { id: "1".repeat(16), lease: 4, address: "" };
const TWO = { id: "2".repeat(16), lease: 5, address: "rack2:8883" };

/** A link that notes what it is subscribed to, in order. */
function noting(): { link: Link; said: string[] } {
  const said: string[] = [];
  const link: Link = {
    publish: () => {},
    subscribe: (topics) => void said.push(...topics.map((each) => `+${each}`)),
    unsubscribe: (topics) =>
      void said.push(...topics.map((each) => `-${each}`)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { link, said };
}

Deno.test("ClientHome stays with the one server of an embedded broker", () => {
  const { link, said } = noting();
  const home = new ClientHome("nas:8883");
  assert.equal(home.take(undefined, link), "same");
  assert.equal(home.address, "nas:8883");
  assert.equal(home.statusTopic, undefined);
  assert.deepEqual(said, []);
});

Deno.test("ClientHome follows its user from server to server, and listens to that one only", () => {
  const { link, said } = noting();
  const home = new ClientHome("nas:8883");
  assert.equal(home.take(ONE, link), "moved");
  assert.equal(home.take(ONE, link), "same");
  assert.equal(home.address, "nas:8883");
  assert.equal(home.take(null, link), "moving");
  assert.equal(home.take(TWO, link), "moved");
  assert.equal(home.address, "rack2:8883");
  assert.deepEqual(said, [
    `+sinkd/servers/${ONE.id}`,
    `-sinkd/servers/${ONE.id}`,
    `+sinkd/servers/${TWO.id}`,
  ]);
});

Deno.test("ClientHome takes no word of a server that has lost its user", () => {
  const { link } = noting();
  const home = new ClientHome("nas:8883");
  home.take(TWO, link);
  assert.equal(home.take(ONE, link), "outdated");
  assert.equal(home.address, "rack2:8883");
});

Deno.test("ClientHome says everything again to a server that took its user anew, or back", () => {
  const { link } = noting();
  const home = new ClientHome("nas:8883");
  home.take(ONE, link);
  assert.equal(home.take({ ...ONE, lease: 6 }, link), "moved");
  assert.equal(home.take(null, link), "moving");
  assert.equal(home.take({ ...ONE, lease: 6 }, link), "moved");
});
