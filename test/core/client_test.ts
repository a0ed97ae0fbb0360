import assert from "node:assert/strict";
import fc from "fast-check";
import { stepClient } from "../../lib/core/client.ts";
import { clientWakeMs } from "../../lib/core/client_announce.ts";
import {
  anchorState,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  FIRST_RETRY_MS,
  LONGEST_RETRY_MS,
  newClientState,
  type Standing,
} from "../../lib/core/client_state.ts";
import type { MsgReply } from "../../lib/core/protocol.ts";

const EPOCH = "00000000000000aa";
const DOCS = "/srv/sinkd/alice/docs";

function at(cycle: number, epoch = EPOCH): Standing {
  return { epoch, stamp: { date: 20260102, cycle } };
}

const load = (changes: number) => ({ changes, bytes: changes * 10 });

const UP: ClientEvent[] = [
  { kind: "linkUp", nowMs: 0 },
  { kind: "server", state: "Sinkd", nowMs: 0 },
  { kind: "head", head: at(5), nowMs: 0 },
];

function opened(
  cycle: number,
  { changes = 0, nowMs = 0, path = DOCS } = {},
): ClientEvent {
  return {
    kind: "opened",
    path,
    position: at(cycle),
    load: load(changes),
    nowMs,
  };
}

function edited(changes: number, nowMs: number): ClientEvent {
  return { kind: "edited", path: DOCS, load: load(changes), nowMs };
}

function turnEnded(
  cycle: number,
  { changes = 0, clean = true, nowMs = 0 } = {},
): ClientEvent {
  return {
    kind: "turnEnded",
    path: DOCS,
    position: at(cycle),
    load: load(changes),
    clean,
    nowMs,
  };
}

function reply(message: MsgReply, nowMs = 0): ClientEvent {
  return { kind: "reply", message, nowMs };
}

const CHANNEL: MsgReply = {
  kind: "Channel",
  version: 1,
  path: DOCS,
  session: "0".repeat(16),
  token: "0".repeat(32),
};
const CACHE: MsgReply = { kind: "Cache", version: 1, path: DOCS };

function inStep(cycle: number, since: number, epoch = EPOCH): MsgReply {
  return {
    kind: "Sinkd",
    version: 1,
    path: DOCS,
    epoch,
    date: 20260102,
    cycle,
    since: at(since).stamp,
  };
}

function run(
  events: readonly ClientEvent[],
  from: ClientState = newClientState(),
): { state: ClientState; last: readonly ClientEffect[] } {
  let state = from;
  let last: readonly ClientEffect[] = [];
  for (const event of events) {
    const step = stepClient(state, event);
    state = step.state;
    last = step.effects;
  }
  return { state, last };
}

function announcements(effects: readonly ClientEffect[]): string[] {
  return effects.flatMap((effect) =>
    effect.kind === "announce"
      ? [
        `${effect.status} ${effect.position.stamp.cycle} ${effect.load.changes}`,
      ]
      : []
  );
}

Deno.test("stepClient() says where every anchor is when server and link are there, needy or not", () => {
  const music = { path: "/srv/sinkd/alice/music" };
  const anchors = [opened(5), opened(3, { changes: 2, ...music })];
  assert.deepEqual(run(anchors).last, []);
  const { last } = run([...anchors, ...UP.slice(0, 2)]);
  assert.deepEqual(announcements(last), ["Sinkd 5 0", "Sinkd 3 2"]);
  const closed: ClientEvent = { kind: "closed", path: DOCS, position: at(5) };
  const without = run([...anchors, closed, ...UP.slice(0, 2)]);
  assert.deepEqual(announcements(without.last), ["Sinkd 3 2"]);
});

Deno.test("stepClient() says nothing while the server is away, and all again when it is back", () => {
  const away: ClientEvent = { kind: "server", state: "Offline", nowMs: 1 };
  const { state } = run([...UP, opened(5), away]);
  assert.equal(anchorState(state, DOCS), "Offline");
  assert.deepEqual(run([edited(1, 2)], state).last, []);
  assert.equal(clientWakeMs(state), undefined);
  const back: ClientEvent = { kind: "server", state: "Synching", nowMs: 3 };
  assert.deepEqual(announcements(run([edited(1, 2), back], state).last), [
    "Sinkd 5 1",
  ]);
});

Deno.test("stepClient() says all again after the link was down", () => {
  const { last } = run([
    ...UP,
    opened(5),
    { kind: "linkDown" },
    { kind: "linkUp", nowMs: 9 },
    { kind: "server", state: "Sinkd", nowMs: 9 },
  ]);
  assert.deepEqual(announcements(last), ["Sinkd 5 0"]);
});

Deno.test("stepClient() says Behind once, and at once, when the head moves on", () => {
  const head: ClientEvent = { kind: "head", head: at(6), nowMs: 10 };
  const { state, last } = run([...UP, opened(5), head]);
  assert.deepEqual(announcements(last), ["Behind 5 0"]);
  assert.equal(anchorState(state, DOCS), "Behind");
  const beat: ClientEvent = { kind: "server", state: "Sinkd", nowMs: 11 };
  assert.deepEqual(run([beat], state).last, []);
  assert.equal(clientWakeMs(state), 10 + FIRST_RETRY_MS);
});

Deno.test("stepClient() is behind a server of another epoch, and not one with an older head of its own", () => {
  const behind = run([...UP, opened(5, { nowMs: 0 }), {
    kind: "head",
    head: at(1, "00000000000000bb"),
    nowMs: 1,
  }]);
  assert.equal(anchorState(behind.state, DOCS), "Behind");
  // The head of our own last commit may come later than the commit's answer.
  const ahead = run([...UP, opened(7)]);
  assert.equal(anchorState(ahead.state, DOCS), "Sinkd");
  assert.equal(clientWakeMs(ahead.state), undefined);
});

Deno.test("stepClient() repeats what is unanswered with growing pauses, up to the longest", () => {
  let { state } = run([...UP, opened(5), edited(1, 0)]);
  const pauses: number[] = [];
  let nowMs = 0;
  for (let round = 0; round < 8; round++) {
    const wakeMs = clientWakeMs(state);
    assert.ok(wakeMs !== undefined && wakeMs > nowMs);
    assert.deepEqual(
      run([{ kind: "woken", nowMs: wakeMs - 1 }], state).last,
      [],
      "too early",
    );
    pauses.push(wakeMs - nowMs);
    nowMs = wakeMs;
    const step = run([{ kind: "woken", nowMs }], state);
    assert.deepEqual(announcements(step.last), ["Sinkd 5 1"]);
    state = step.state;
  }
  assert.equal(pauses[0], FIRST_RETRY_MS);
  for (const [index, pause] of pauses.entries()) {
    const expected = Math.min(FIRST_RETRY_MS * 2 ** index, LONGEST_RETRY_MS);
    assert.equal(pause, expected);
  }
});

Deno.test("stepClient() announces more edits at once, however long the pause had become", () => {
  let { state } = run([...UP, opened(5), edited(1, 0)]);
  for (let round = 0; round < 6; round++) {
    state = run(
      [{ kind: "woken", nowMs: clientWakeMs(state) ?? 0 }],
      state,
    ).state;
  }
  const { state: after, last } = run([edited(2, 500_000)], state);
  assert.deepEqual(announcements(last), ["Sinkd 5 2"]);
  assert.equal(clientWakeMs(after), 500_000 + FIRST_RETRY_MS);
  assert.deepEqual(run([edited(2, 500_001)], after).last, []);
});

Deno.test("stepClient() opens the data channel once when it is invited twice", () => {
  const first = run([...UP, opened(5), edited(1, 1), reply(CHANNEL)]);
  const { session, token } = CHANNEL as { session: string; token: string };
  assert.deepEqual(first.last, [{
    kind: "openTurn",
    path: DOCS,
    session,
    token,
  }]);
  assert.deepEqual(run([reply(CHANNEL)], first.state).last, []);
  assert.equal(
    clientWakeMs(first.state),
    undefined,
    "nothing to say in a turn",
  );
});

Deno.test("stepClient() says Updating when it is brought up to date", () => {
  const { state, last } = run([...UP, opened(4), reply(CACHE), reply(CHANNEL)]);
  assert.deepEqual(announcements(last), ["Updating 4 0"]);
  assert.deepEqual(last.map(({ kind }) => kind), ["announce", "openTurn"]);
  assert.equal(anchorState(state, DOCS), "Updating");
  const after = run([turnEnded(5)], state);
  assert.equal(anchorState(after.state, DOCS), "Sinkd");
});

Deno.test("stepClient() says where it is after a clean turn, and at once again what came meanwhile", () => {
  const turn = [...UP, opened(5), edited(1, 1), reply(CHANNEL)];
  const done = run([...turn, turnEnded(6, { nowMs: 50 })]);
  assert.deepEqual(announcements(done.last), ["Sinkd 6 0"]);
  assert.equal(clientWakeMs(done.state), undefined);
  const more = run([
    ...turn,
    edited(3, 20),
    turnEnded(6, {
      nowMs: 50,
      changes: 2,
    }),
  ]);
  assert.deepEqual(announcements(more.last), ["Sinkd 6 2"]);
});

Deno.test("stepClient() waits, longer each time, after a turn that broke", () => {
  const first = run([...UP, opened(5), edited(1, 0), reply(CHANNEL)]);
  let { state } = first;
  const pauses: number[] = [];
  let nowMs = 0;
  for (let round = 0; round < 6; round++) {
    const broke = run([
      turnEnded(5, { clean: false, changes: 1, nowMs }),
    ], state);
    assert.deepEqual(broke.last, []);
    const wakeMs = clientWakeMs(broke.state) ?? nowMs;
    pauses.push(wakeMs - nowMs);
    nowMs = wakeMs;
    state = run([{ kind: "woken", nowMs }, reply(CHANNEL)], broke.state).state;
  }
  for (const [index, pause] of pauses.entries()) {
    assert.ok(pause >= FIRST_RETRY_MS && pause <= LONGEST_RETRY_MS);
    assert.ok(index === 0 || pause >= (pauses[index - 1] ?? 0));
  }
  assert.equal(pauses.at(-1), LONGEST_RETRY_MS);
});

Deno.test("stepClient() advances when the server says that nothing changed since the stamp it has", () => {
  const { state, last } = run([...UP, opened(3), reply(inStep(5, 3))]);
  assert.deepEqual(last, [{ kind: "advance", path: DOCS, position: at(5) }]);
  assert.equal(anchorState(state, DOCS), "Sinkd");
  assert.deepEqual(run([reply(inStep(5, 3))], state).last, [], "a duplicate");
});

const IDLE_REPLIES: [string, ClientEvent[], MsgReply][] = [
  ["it answers for another stamp", [opened(4)], inStep(5, 3)],
  ["it is of another epoch", [opened(3)], inStep(5, 3, "00000000000000bb")],
  ["it is not ahead", [opened(5)], inStep(5, 5)],
  ["it would go back", [opened(5)], inStep(4, 5)],
  ["a turn runs", [opened(3), reply(CHANNEL)], inStep(5, 3)],
  [
    "the anchor is closed",
    [opened(3), { kind: "closed", path: DOCS, position: at(3) }],
    inStep(5, 3),
  ],
  ["there is no such anchor", [], inStep(5, 3)],
  [
    "the anchor was set back meanwhile",
    [opened(3), opened(0)],
    inStep(5, 3),
  ],
];
for (const [what, events, message] of IDLE_REPLIES) {
  Deno.test(`stepClient() does not advance on a reply when ${what}`, () => {
    const { state, last } = run([...UP, ...events, reply(message)]);
    assert.deepEqual(last, []);
    assert.deepEqual(
      state.anchors.get(DOCS)?.position,
      run([...UP, ...events]).state.anchors.get(DOCS)?.position,
    );
  });
}

Deno.test("stepClient() shows the server's error and says it again later", () => {
  const error: MsgReply = {
    kind: "Error",
    version: 1,
    path: DOCS,
    message: "no room",
  };
  const { state, last } = run([
    ...UP,
    opened(5),
    edited(1, 0),
    reply(error, 5),
  ]);
  assert.deepEqual(last, [{ kind: "fault", path: DOCS, message: "no room" }]);
  assert.ok((clientWakeMs(state) ?? 0) >= 5 + FIRST_RETRY_MS);
});

Deno.test("stepClient() forgets an anchor that was removed, though its turn ends later", () => {
  const removed: ClientEvent = { kind: "removed", path: DOCS };
  const { state, last } = run([
    ...UP,
    opened(5),
    reply(CHANNEL),
    removed,
    turnEnded(6),
    reply(CACHE),
  ]);
  assert.deepEqual(last, []);
  assert.equal(state.anchors.size, 0);
});

Deno.test("stepClient() keeps a closed anchor closed when its turn ends", () => {
  const closed: ClientEvent = { kind: "closed", path: DOCS, position: at(5) };
  const { state } = run([
    ...UP,
    opened(5),
    reply(CHANNEL),
    closed,
    turnEnded(5, { changes: 1 }),
  ]);
  assert.equal(state.anchors.get(DOCS)?.phase, "closed");
  assert.equal(clientWakeMs(state), undefined);
});

/** A server that answers some announcements, late, twice or never; the client must still get there. */
Deno.test("stepClient() gets its edits in and its stamp up when replies are lost, late or doubled", () => {
  const fate = fc.constantFrom("lost", "once", "twice", "late");
  fc.assert(
    fc.property(
      fc.array(fate, { minLength: 1, maxLength: 30 }),
      fc.array(fc.nat({ max: 3 }), { maxLength: 10 }),
      (fates, edits) => {
        let { state } = run(UP);
        let nowMs = 0;
        let cycle = 5;
        let pending = 0;
        const queue: MsgReply[] = [];
        const take = (event: ClientEvent) => {
          const step = stepClient(state, event);
          state = step.state;
          for (const effect of step.effects) {
            if (effect.kind === "announce") heard(effect);
            if (effect.kind === "openTurn") {
              cycle += pending > 0 ? 1 : 0;
              pending = 0;
              take(turnEnded(cycle, { nowMs }));
            }
          }
        };
        const heard = (said: Extract<ClientEffect, { kind: "announce" }>) => {
          if (said.status === "Updating") return;
          const { stamp } = said.position;
          const answer = said.load.changes > 0 || said.status === "Behind"
            ? CHANNEL
            : inStep(cycle, stamp.cycle);
          const what = fates.shift() ?? "once";
          if (what !== "lost") queue.push(answer);
          if (what === "twice") queue.push(answer);
          if (what === "late") queue.reverse();
        };
        take(opened(2));
        for (const more of edits) {
          pending += more;
          take({ kind: "edited", path: DOCS, load: load(pending), nowMs });
          const answer = queue.shift();
          if (answer !== undefined) take(reply(answer, nowMs));
          cycle++; // somebody else's commit
          take({ kind: "head", head: at(cycle), nowMs });
          nowMs += 100;
        }
        for (let round = 0; round < 200; round++) {
          const answer = queue.shift();
          if (answer !== undefined) take(reply(answer, nowMs));
          const wakeMs = clientWakeMs(state);
          if (answer === undefined && wakeMs === undefined) break;
          if (answer === undefined && wakeMs !== undefined) {
            assert.ok(wakeMs <= nowMs + LONGEST_RETRY_MS, "waits too long");
            nowMs = Math.max(nowMs, wakeMs);
            take({ kind: "woken", nowMs });
          }
        }
        assert.equal(pending, 0);
        assert.deepEqual(state.anchors.get(DOCS)?.position, at(cycle));
        assert.equal(anchorState(state, DOCS), "Sinkd");
      },
    ),
    { numRuns: 300 },
  );
});
