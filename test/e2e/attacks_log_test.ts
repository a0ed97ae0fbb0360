/**
 * What a stranger can write into the server's log: next to nothing, and nothing that is more than text.
 */
import assert from "node:assert/strict";
import { dialRawChannel } from "../support/hostile_client.ts";
import { testInWorld } from "../support/shared_world.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const HELLOS = 600;
const AT_ONCE = 20;
/** A line and a count of each kind that strangers can cause, twice, for a minute may end in between. */
const MOST_LINES = 16;
const MOST_BYTES = MOST_LINES * 2000;

/** Terminal escapes, line ends, what turns the direction of text. */
const TRICK = "\x1b]0;pwned\x07\x1b[2J\n<3>root: all is well\r\x9b1A\u202egpj";

/** Every second one is of names that could be somebody's. */
function hellos(n: number): Record<string, unknown>[] {
  const trick = n % 2 === 0 ? "" : TRICK;
  const name = `${trick}guest${n}`.slice(0, 60);
  const login = { version: 1, user: name, client: name, secret: "guessed" };
  const turn = { session: "0".repeat(16), token: "0".repeat(32) };
  return [
    { kind: "turn", ...login, ...turn },
    { kind: "proof", ...login },
    { kind: "pins", ...login },
    { kind: "join", ...login, token: "guessed", host: `box${trick}` },
    { kind: TRICK, [TRICK]: TRICK },
  ];
}

async function greet(world: World, hello: unknown): Promise<void> {
  const channel = await dialRawChannel(world);
  await channel.send(hello);
  await channel.receive().catch(() => undefined);
  channel.close();
}

testInWorld(
  "hellos with made-up names, also when the limit says later, write a few lines of plain text",
  { clients: { alice: ["laptop"] } },
  async (world) => {
    const before = world.server.log();
    const all = Array.from({ length: HELLOS / 5 }, (_, n) => hellos(n)).flat();
    for (let at = 0; at < all.length; at += AT_ONCE) {
      const some = all.slice(at, at + AT_ONCE);
      await Promise.all(some.map((hello) => greet(world, hello)));
    }
    await world.server.stop();
    const said = world.server.log().slice(before.length);
    const lines = said.split("\n").slice(0, -1);
    const heard = lines.filter((line) => /warning/.test(line));
    assert.ok(heard.length > 0 && heard.length <= MOST_LINES, said);
    assert.ok(said.length <= MOST_BYTES, `${said.length} bytes`);
    // deno-lint-ignore no-control-regex -- that there is none is just what is looked for
    assert.doesNotMatch(said, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT\S+ \w+ /);
    const counts = [...said.matchAll(/… and (\d+) more like it from 127/g)];
    const left = counts.reduce((sum, [, count]) => sum + Number(count), 0);
    assert.ok(left >= HELLOS / 5, `${left} were counted`);
    await world.server.start();
    await waitFor("a server that answers", () => world.server.report());
    await world.waitInStep();
  },
);
