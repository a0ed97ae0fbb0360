import assert from "node:assert/strict";
import fc from "fast-check";
import { relativePath } from "../../lib/core/path.ts";
import {
  type Announcement,
  MAX_QUEUE,
  MAX_QUEUE_OF_CLIENT,
  newServerState,
  type ServerEffect,
  type ServerEvent,
  type ServerState,
  type Standing,
  stepServer,
  type Turn,
  turnsOfUser,
  userState,
} from "../../lib/core/server.ts";

const EPOCH = "00000000000000aa";
const HEAD = { date: 20260102, cycle: 5 };
const DOCS = relativePath("docs");
const IN_STEP: Standing = { epoch: EPOCH, head: HEAD, changed: false };

interface Said {
  readonly user?: string;
  readonly client?: string;
  readonly path?: string;
  readonly changes?: number;
  readonly cycle?: number;
  readonly epoch?: string;
  readonly status?: "Sinkd" | "Behind" | "Updating" | "Held";
  readonly changed?: boolean;
}

function announcedBy(said: Said): ServerEvent {
  const { user = "alice", client = "a", path = "docs", changes = 0 } = said;
  const message: Announcement = {
    status: said.status ?? "Sinkd",
    version: 1,
    path: `/srv/sinkd/${user}/${path}`,
    date: HEAD.date,
    cycle: said.cycle ?? HEAD.cycle,
    epoch: said.epoch ?? EPOCH,
    changes,
    bytes: 0,
    host: "host",
  };
  return {
    kind: "announced",
    user,
    client,
    path: relativePath(path),
    message,
    standing: { ...IN_STEP, changed: said.changed ?? false },
    nowMs: 1,
  };
}

/** Runs events from a fresh server; effects of all of them. */
function run(jobs: number, events: readonly ServerEvent[]): {
  state: ServerState;
  effects: ServerEffect[];
  started: Turn[];
} {
  let state = newServerState(jobs);
  const effects: ServerEffect[] = [];
  for (const event of events) {
    const step = stepServer(state, event);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects, started: startedIn(effects) };
}

function startedIn(effects: readonly ServerEffect[]): Turn[] {
  return effects.flatMap((effect) =>
    effect.kind === "startTurn" ? [effect.turn] : []
  );
}

function ended(turn: Turn | undefined): ServerEvent {
  assert.ok(turn !== undefined);
  return { kind: "turnEnded", turn, stamp: HEAD, nowMs: 2 };
}

const NEEDS: [string, Said, { exclusive: boolean; behind: boolean }][] = [
  ["has edits", { changes: 1 }, { exclusive: true, behind: false }],
  ["is behind", { cycle: 1, changed: true }, {
    exclusive: false,
    behind: true,
  }],
  ["is of another epoch", { epoch: "00000000000000bb" }, {
    exclusive: false,
    behind: true,
  }],
  ["never joined", { epoch: "" }, { exclusive: false, behind: true }],
  ["is ahead of the server", { cycle: 9 }, { exclusive: false, behind: true }],
  ["is behind with edits", { changed: true, changes: 2 }, {
    exclusive: true,
    behind: true,
  }],
];
for (const [what, said, expected] of NEEDS) {
  Deno.test(`stepServer() gives a turn when the client ${what}`, () => {
    const { started, state } = run(4, [announcedBy(said)]);
    assert.equal(started.length, 1);
    const { exclusive, behind } = started[0] ?? {};
    assert.deepEqual({ exclusive, behind }, expected);
    assert.equal(userState(state.users.get("alice")), "Synching");
  });
}

Deno.test("stepServer() gives only the new stamp, and for which it is, when nothing changed below the anchor", () => {
  const { effects, started } = run(4, [announcedBy({ cycle: 2 })]);
  assert.deepEqual(started, []);
  assert.deepEqual(effects, [{
    kind: "reply",
    user: "alice",
    client: "a",
    message: {
      kind: "Sinkd",
      version: 1,
      path: "/srv/sinkd/alice/docs",
      epoch: EPOCH,
      ...HEAD,
      since: { date: HEAD.date, cycle: 2 },
    },
  }]);
});

for (const status of ["Updating", "Held"] as const) {
  Deno.test(`stepServer() only notes it when a client says ${status}`, () => {
    const { effects, state } = run(4, [
      announcedBy({ status, changes: 3, changed: true }),
    ]);
    assert.deepEqual(effects, []);
    assert.equal(
      state.users.get("alice")?.clients.get("a")?.state,
      status,
    );
  });
}

Deno.test("stepServer() says nothing and starts nothing when a client is in step", () => {
  assert.deepEqual(run(4, [announcedBy({})]).effects, []);
});

Deno.test("stepServer() keeps one turn when a client says the same many times", () => {
  const said = announcedBy({ changes: 1 });
  const { started, state } = run(4, [said, said, said]);
  assert.equal(started.length, 1);
  assert.deepEqual(state.users.get("alice")?.queue, []);
});

Deno.test("stepServer() merges a waiting request with what came to it, in its place", () => {
  const { state, started } = run(4, [
    announcedBy({ client: "a", changes: 1 }),
    announcedBy({ client: "b", changed: true }),
    announcedBy({ client: "c", changes: 1 }),
    announcedBy({ client: "b", changes: 1 }),
  ]);
  assert.deepEqual(started.map(({ client }) => client), ["a"]);
  const queue = state.users.get("alice")?.queue ?? [];
  assert.deepEqual(
    queue.map(({ client, exclusive, behind }) => [client, exclusive, behind]),
    [["b", true, true], ["c", true, false]],
  );
});

Deno.test("stepServer() runs updates of one user side by side, edits alone, in order", () => {
  const events = [
    announcedBy({ client: "a", changed: true }),
    announcedBy({ client: "b", changed: true }),
    announcedBy({ client: "c", changes: 1 }),
    announcedBy({ client: "d", changed: true }),
  ];
  const { started } = run(9, events);
  assert.deepEqual(started.map(({ client }) => client), ["a", "b"]);
  const one = run(9, [...events, ended(started[0])]);
  assert.equal(one.started.length, 2, "c waits for b, and d for c");
  const two = run(9, [...events, ended(started[0]), ended(started[1])]);
  assert.deepEqual(two.started.map(({ client }) => client), ["a", "b", "c"]);
  const three = run(9, [
    ...events,
    ended(started[0]),
    ended(started[1]),
    ended(two.started[2]),
  ]);
  assert.equal(three.started.at(-1)?.client, "d");
});

const TICK: ServerEvent = { kind: "tick" };

/** One user's clients, so many of them, want to be brought up to date. */
function crowd(user: string, count: number): ServerEvent[] {
  return Array.from(
    { length: count },
    (_, index) => announcedBy({ user, client: `c${index}`, changed: true }),
  );
}

const SHARES: [string, number, readonly ServerEvent[], string][] = [
  ["half of the turns to one user", 8, crowd("a", 20), "aaaa"],
  ["one to the one user of a server with one job", 1, crowd("a", 9), "a"],
  ["a second one to a second user there", 1, [
    ...crowd("a", 9),
    ...crowd("b", 9),
    ...crowd("c", 9),
  ], "ab"],
  ["one each to two users of two jobs", 2, [
    ...crowd("a", 9),
    ...crowd("b", 9),
  ], "ab"],
  ["all but one to two busy users", 8, [
    ...crowd("a", 20),
    ...crowd("b", 20),
  ], "aaaabbb"],
  ["the one that is kept to a third user", 8, [
    ...crowd("a", 20),
    ...crowd("b", 20),
    ...crowd("c", 20),
  ], "aaaabbbc"],
  ["none to a fourth user before the others have run for a while", 8, [
    ...crowd("a", 20),
    ...crowd("b", 20),
    ...crowd("c", 20),
    ...crowd("d", 20),
    TICK,
  ], "aaaabbbc"],
  ["one to a fourth user when they have", 8, [
    ...crowd("a", 20),
    ...crowd("b", 20),
    ...crowd("c", 20),
    ...crowd("d", 20),
    TICK,
    TICK,
  ], "aaaabbbcd"],
  ["no more to who has some, whatever the time", 8, [
    ...crowd("a", 20),
    ...crowd("b", 20),
    ...crowd("c", 20),
    TICK,
    TICK,
    TICK,
  ], "aaaabbbc"],
];
for (const [what, jobs, events, expected] of SHARES) {
  Deno.test(`stepServer() gives ${what}`, () => {
    const { started } = run(jobs, events);
    assert.equal(started.map(({ user }) => user).join(""), expected);
  });
}

Deno.test("stepServer() gives a free turn to the user with the fewest, and among equals in turn", () => {
  const events = [
    ...crowd("a", 20),
    ...crowd("b", 20),
    ...crowd("c", 20),
    ...crowd("d", 20),
  ];
  let { state, started: running } = run(4, events);
  let order = "";
  for (let round = 0; round < 12; round++) {
    const [turn] = running;
    const step = stepServer(state, ended(turn));
    state = step.state;
    const next = startedIn(step.effects);
    order += next.map(({ user }) => user).join("");
    running = [...running.slice(1), ...next];
  }
  assert.equal(order.slice(0, 1), "d", "d has had none yet");
  for (const user of "abcd") {
    const count = order.split(user).length - 1;
    assert.ok(count >= 2 && count <= 4, `${user} got ${count}: ${order}`);
  }
});

Deno.test("stepServer() cancels the turn, and forgets the requests, of a client that is gone", () => {
  const { effects, state, started } = run(4, [
    announcedBy({ client: "a", changes: 1 }),
    announcedBy({ client: "a", path: "music", changes: 1 }),
    { kind: "gone", user: "alice", client: "a", nowMs: 3 },
  ]);
  assert.deepEqual(effects.at(-1), { kind: "cancelTurn", turn: started[0] });
  assert.deepEqual(state.users.get("alice")?.queue, []);
  assert.equal(state.users.get("alice")?.clients.get("a")?.state, "Offline");
  const next = stepServer(state, ended(started[0]));
  assert.deepEqual(next.effects, [{ kind: "publishState", state: "Sinkd" }]);
});

Deno.test("stepServer() takes no notice when a turn ends twice, or one who never came is gone", () => {
  const said = announcedBy({ changes: 1 });
  const { started } = run(1, [said]);
  const twice = run(1, [said, ended(started[0]), ended(started[0])]);
  assert.deepEqual(twice.effects.map(({ kind }) => kind), [
    "startTurn",
    "publishState",
    "publishState",
  ]);
  const gone = run(1, [{ kind: "gone", user: "x", client: "y", nowMs: 1 }]);
  assert.deepEqual(gone.effects, []);
});

Deno.test("stepServer() says Synching once when work begins, and Sinkd once when all is done", () => {
  const events = [
    announcedBy({ client: "a", changes: 1 }),
    announcedBy({ client: "b", changes: 1 }),
  ];
  const first = run(1, events);
  const second = run(1, [...events, ended(first.started[0])]);
  const { effects } = run(1, [
    ...events,
    ended(first.started[0]),
    ended(second.started[1]),
  ]);
  assert.deepEqual(
    effects.flatMap((effect) =>
      effect.kind === "publishState" ? [effect.state] : []
    ),
    ["Synching", "Sinkd"],
  );
});

Deno.test("stepServer() bounds the queue when very many ask, and each client's part of it", () => {
  const asks = (count: number, client: (index: number) => string) =>
    Array.from(
      { length: count },
      (_, index) =>
        announcedBy({
          client: client(index),
          path: `p${index}`,
          changes: 1,
        }),
    );
  const one = run(1, asks(MAX_QUEUE_OF_CLIENT + 50, () => "a"));
  assert.equal(
    one.state.users.get("alice")?.queue.length,
    MAX_QUEUE_OF_CLIENT,
  );
  const many = run(1, asks(MAX_QUEUE + 50, (index) => `c${index % 10}`));
  assert.equal(many.state.users.get("alice")?.queue.length, MAX_QUEUE);
});

type Move =
  | { readonly kind: "say"; readonly said: Said }
  | { readonly kind: "end"; readonly pick: number }
  | { readonly kind: "tick" }
  | { readonly kind: "gone"; readonly user: string; readonly client: string };

const user = fc.constantFrom("alice", "bob", "carol");
const client = fc.constantFrom("a", "b", "c");
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("say" as const),
      said: fc.record({
        user,
        client,
        path: fc.constantFrom("docs", "music"),
        changes: fc.constantFrom(0, 1),
        changed: fc.boolean(),
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("end" as const), pick: fc.nat() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("gone" as const), user, client }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("tick" as const) }),
  },
);

function assertSound(state: ServerState): void {
  let fresh = 0;
  for (const { active, queue } of state.users.values()) {
    fresh += active.filter(({ id }) => (state.ticks.get(id) ?? 0) < 2).length;
    assert.ok(active.length <= turnsOfUser(state.jobs), "one has too many");
    if (active.some(({ exclusive }) => exclusive)) {
      assert.equal(active.length, 1, "an exclusive turn is not alone");
    }
    const places = [...queue, ...active].map(({ client, path }) =>
      `${client} ${path}`
    );
    assert.equal(new Set(places).size, places.length, "twice in the queue");
    const ids = queue.map(({ id }) => id);
    assert.deepEqual(ids, [...ids].sort((left, right) => left - right));
  }
  assert.ok(fresh <= state.jobs, "more than its jobs");
}

function eventOf(
  some: Move,
  running: readonly Turn[],
): ServerEvent | undefined {
  switch (some.kind) {
    case "say":
      return announcedBy(some.said);
    case "gone":
      return { ...some, nowMs: 1 };
    case "tick":
      return TICK;
    case "end": {
      const turn = running[some.pick % Math.max(running.length, 1)];
      return turn === undefined ? undefined : ended(turn);
    }
  }
}

Deno.test("stepServer() never runs two exclusive turns of a user, nor starves anybody, in any order of events", () => {
  fc.assert(
    fc.property(
      fc.array(move, { maxLength: 120 }),
      fc.integer({ min: 1, max: 3 }),
      (moves, jobs) => {
        let state = newServerState(jobs);
        let running: Turn[] = [];
        const take = (event: ServerEvent) => {
          const step = stepServer(state, event);
          state = step.state;
          if (event.kind === "turnEnded") {
            running = running.filter(({ id }) => id !== event.turn.id);
          }
          running.push(...startedIn(step.effects));
          assertSound(state);
        };
        for (const some of moves) {
          const event = eventOf(some, running);
          if (event !== undefined) take(event);
        }
        // Whoever waits now gets a turn although all others ask again and again.
        const waiting = [...state.users.values()].flatMap(({ queue }) => queue);
        const patience = waiting.length + running.length + 1;
        const served = new Set<number>();
        for (let round = 0; round <= patience; round++) {
          const [turn] = running;
          if (turn === undefined) break;
          take(ended(turn));
          running.forEach(({ id }) => served.add(id));
          const { user, client, path } = turn;
          take(announcedBy({ user, client, path, changes: 1 }));
          running.forEach(({ id }) => served.add(id));
        }
        for (const { id } of waiting) assert.ok(served.has(id), "starved");
        while (running[0] !== undefined) take(ended(running[0]));
        assert.ok(
          [...state.users.values()].every(({ queue }) => queue.length === 0),
        );
        assert.equal(state.announced, "Sinkd");
      },
    ),
    { numRuns: 300 },
  );
});

/** What users do who want every turn there is: some end now and then, or never. */
interface Greed {
  readonly jobs: number;
  /** How many clients each of them has. */
  readonly users: readonly number[];
  /** Which running turn ends at which step, as a share; 1 for none. */
  readonly ends: readonly number[];
}

const greed: fc.Arbitrary<Greed> = fc.record({
  jobs: fc.integer({ min: 1, max: 10 }),
  users: fc.array(fc.integer({ min: 1, max: 12 }), {
    minLength: 1,
    maxLength: 15,
  }),
  ends: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
    maxLength: 40,
  }),
});

Deno.test("stepServer() has nobody wait long who has nothing running, whatever the others do", () => {
  fc.assert(
    fc.property(greed, fc.boolean(), ({ jobs, users, ends }, known) => {
      let state = newServerState(jobs);
      let running: Turn[] = [];
      const take = (event: ServerEvent) => {
        const step = stepServer(state, event);
        state = step.state;
        if (event.kind === "turnEnded") {
          running = running.filter(({ id }) => id !== event.turn.id);
        }
        running.push(...startedIn(step.effects));
        assertSound(state);
      };
      const askAll = () =>
        users.forEach((clients, index) =>
          crowd(`u${index}`, clients).forEach(take)
        );
      if (known) {
        take(announcedBy({ user: "quiet", changes: 1 }));
        const [first] = running;
        take(ended(first));
      }
      askAll();
      take(announcedBy({ user: "quiet", changes: 1 }));
      const isServed = () => running.some(({ user }) => user === "quiet");
      const others = new Map<string, number>();
      for (const share of ends) {
        if (isServed()) break;
        const turn = running[Math.floor(share * running.length)];
        if (turn === undefined) continue;
        const before = new Set(running);
        take(ended(turn));
        askAll();
        for (const started of running.filter((one) => !before.has(one))) {
          if (state.users.get(started.user)?.active.length !== 1) continue;
          others.set(started.user, (others.get(started.user) ?? 0) + 1);
        }
        const [most = 0] = [...others.values()].toSorted((a, b) => b - a);
        assert.ok(most <= 1, "another one went before it twice");
      }
      const most = Math.ceil((users.length + 1) / Math.max(jobs, 2));
      let ticks = 0;
      for (; !isServed() && ticks < 1000; ticks++) take(TICK);
      assert.ok(ticks <= 2 * most, `it waited for ${ticks} ticks`);
    }),
    { numRuns: 300 },
  );
});

Deno.test("stepServer() says its state again when the link comes up", () => {
  assert.deepEqual(run(1, [{ kind: "linkUp" }]).effects, [
    { kind: "publishState", state: "Sinkd" },
  ]);
});

Deno.test("stepServer() serves two anchors of one client one after the other when both have edits", () => {
  const { started, state } = run(4, [
    announcedBy({ changes: 1 }),
    announcedBy({ path: "music", changes: 1 }),
  ]);
  assert.deepEqual(started.map(({ path }) => path), [DOCS]);
  assert.equal(state.users.get("alice")?.queue.length, 1);
});

Deno.test("stepServer() keeps what a machine says of itself through announcements, and what a person must decide after it is gone", () => {
  const needs = { held: 1, paused: 0, decisions: 0, problems: 2 };
  const who = { user: "alice", client: "laptop" };
  const after = (...events: readonly ServerEvent[]) =>
    events.reduce(
      (state, event) => stepServer(state, event).state,
      newServerState(4),
    ).users.get("alice")?.clients.get("laptop");
  const report: ServerEvent = {
    kind: "reported",
    ...who,
    host: "lap",
    needs,
    nowMs: 1,
  };
  const gone: ServerEvent = { kind: "gone", ...who, nowMs: 2 };
  assert.deepEqual(after(report)?.needs, needs);
  assert.equal(after(report)?.state, "Sinkd");
  assert.deepEqual(
    after(report, announcedBy({ client: "laptop" }))?.needs,
    needs,
  );
  const waiting = { ...needs, problems: 0 };
  assert.deepEqual(after(report, gone)?.needs, waiting);
  assert.equal(after(report, gone)?.state, "Offline");
  assert.equal(after(report, gone, report)?.state, "Sinkd");
});
