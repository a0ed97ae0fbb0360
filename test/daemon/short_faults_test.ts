import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import { ShortFaults } from "../../lib/daemon/short_faults.ts";

const TURN = {
  id: 1,
  user: "alice",
  client: "a",
  path: relativePath("docs"),
  exclusive: true,
  behind: false,
};
const ROOM = { disk: "/srv", needBytes: 60, roomBytes: 40 };

function rig() {
  let nowMs = 0;
  const short = new ShortFaults("/srv/sinkd", () => nowMs);
  short.note(TURN, "server", [{ path: relativePath("large"), room: ROOM }]);
  return {
    short,
    paths: (troubled: readonly string[]) =>
      short.list((user, client) => troubled.includes(`${user}/${client}`))
        .map(({ path }) => path),
    pass: (ms: number) => void (nowMs += ms),
  };
}

Deno.test("ShortFaults tells what does not fit until its client has no problem any more", () => {
  const { paths, pass } = rig();
  assert.deepEqual(paths([]), ["/srv/sinkd/alice/docs/large"]);
  pass(60_000);
  assert.deepEqual(paths(["alice/a"]), ["/srv/sinkd/alice/docs/large"]);
  assert.deepEqual(paths(["alice/b"]), []);
});

Deno.test("ShortFaults forgets what was not met again, whatever its client says", () => {
  const { paths, pass } = rig();
  pass(120_001);
  assert.deepEqual(paths(["alice/a"]), []);
});

Deno.test("ShortFaults forgets what fits now", () => {
  const { short, paths } = rig();
  short.note(TURN, "server", [{
    path: relativePath("large"),
    room: undefined,
  }]);
  assert.deepEqual(paths(["alice/a"]), []);
});
