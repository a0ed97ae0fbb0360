import assert from "node:assert/strict";
import fc from "fast-check";
import { essence, explain } from "./checker.ts";
import {
  ABSENT,
  fileModel,
  type Observation,
  type State,
  type Value,
} from "./file_model.ts";

const model = fileModel(3);

const read = (client: number, value: Value): Observation => ({
  op: "read",
  client,
  value,
});
const write = (
  client: number,
  value: Value,
  replaced: Value,
): Observation => ({ op: "write", client, value, replaced });
const stable = (value: Value, copies: readonly Value[] = []): Observation => ({
  op: "stable",
  values: [value, value, value],
  copies: [copies, copies, copies],
});

const SOUND: Readonly<Record<string, readonly Observation[]>> = {
  "an edit that the others see late": [
    write(0, 5, ABSENT),
    read(1, ABSENT),
    read(2, 5),
    read(1, ABSENT),
    read(1, 5),
    stable(5),
  ],
  "two edits at once, of which either wins": [
    write(0, 5, ABSENT),
    write(1, 6, ABSENT),
    stable(6, [5]),
  ],
  "three edits at once": [
    write(0, 5, ABSENT),
    write(1, 6, ABSENT),
    write(2, 7, ABSENT),
    stable(6, [5, 7]),
  ],
  "an edit over another that was seen": [
    write(0, 5, ABSENT),
    read(1, 5),
    write(1, 6, 5),
    stable(6),
  ],
  "two edits in a row, the first of which was in a conflict already": [
    write(0, 5, ABSENT),
    write(1, 6, ABSENT),
    write(1, 7, 6),
    stable(5, [6, 7]),
  ],
  "the same edit on two machines": [
    write(0, 5, ABSENT),
    write(1, 5, ABSENT),
    stable(5),
  ],
  "an edit that survives a deletion that came first": [
    write(0, 5, ABSENT),
    stable(5),
    write(0, ABSENT, 5),
    write(1, 6, 5),
    read(2, ABSENT),
    stable(6),
  ],
  "a deletion that gives way": [
    write(0, 5, ABSENT),
    stable(5),
    write(0, 6, 5),
    write(1, ABSENT, 5),
    read(2, 6),
    stable(6),
  ],
  "a deletion that both did": [
    write(0, 5, ABSENT),
    stable(5),
    write(0, ABSENT, 5),
    write(1, ABSENT, 5),
    stable(ABSENT),
  ],
};

const UNSOUND: Readonly<Record<string, readonly Observation[]>> = {
  "a lost write": [
    write(0, 5, ABSENT),
    write(1, 6, ABSENT),
    stable(5),
  ],
  "a lost write over one that was seen by nobody else": [
    write(0, 5, ABSENT),
    stable(5),
    write(1, 6, 5),
    write(2, 7, 5),
    stable(7),
  ],
  "a write that only its own machine has": [
    write(0, 5, ABSENT),
    {
      op: "stable",
      values: [5, ABSENT, ABSENT],
      copies: [[], [], []],
    },
  ],
  "an edit that a deletion takes along": [
    write(0, 5, ABSENT),
    stable(5),
    write(0, ABSENT, 5),
    write(1, 6, 5),
    stable(ABSENT),
  ],
  "a false conflict": [
    write(0, 5, ABSENT),
    read(1, 5),
    write(1, 6, 5),
    stable(6, [5]),
  ],
  "a conflict of one": [write(0, 5, ABSENT), stable(5, [5])],
  "a conflict copy twice": [
    write(0, 5, ABSENT),
    write(1, 6, ABSENT),
    stable(5, [6, 6]),
  ],
  "a conflict copy that one machine lacks": [
    write(0, 5, ABSENT),
    write(1, 6, ABSENT),
    { op: "stable", values: [5, 5, 5], copies: [[6], [], [6]] },
  ],
  "a value out of thin air": [write(0, 5, ABSENT), read(1, 6)],
  "a value out of thin air at rest": [write(0, 5, ABSENT), stable(6)],
  "a write over a value out of thin air": [write(0, 5, ABSENT), write(1, 7, 6)],
  "a stale read at rest": [
    write(0, 5, ABSENT),
    stable(5),
    write(1, 6, 5),
    stable(6),
    read(2, 5),
  ],
  "a stale machine at rest": [
    write(0, 5, ABSENT),
    stable(5),
    write(1, 6, 5),
    { op: "stable", values: [6, 6, 5], copies: [[], [], []] },
  ],
  "a value that comes back": [
    write(0, 5, ABSENT),
    read(1, 5),
    write(0, 6, 5),
    read(1, 6),
    read(1, 5),
  ],
  "a deletion undone by nobody": [
    write(0, 5, ABSENT),
    stable(5),
    write(0, ABSENT, 5),
    stable(5),
  ],
};

for (const [what, history] of Object.entries(SOUND)) {
  Deno.test(`explain() explains ${what}`, () => {
    assert.equal(explain(model, history).kind, "explained");
  });
}

for (const [what, history] of Object.entries(UNSOUND)) {
  Deno.test(`explain() does not explain ${what}`, () => {
    assert.equal(explain(model, history).kind, "unexplained");
  });
}

Deno.test("explain() says when there are too many states to follow", () => {
  const history = [write(0, 5, ABSENT), write(1, 6, ABSENT)];
  assert.deepEqual(explain(model, history, { mostStates: 6 }), {
    kind: "too many states",
    at: 1,
  });
});

Deno.test("essence() keeps what cannot be explained and no more", () => {
  const history = [
    read(2, ABSENT),
    write(0, 5, ABSENT),
    read(1, ABSENT),
    read(1, 5),
    read(1, ABSENT),
    stable(5),
  ];
  assert.deepEqual(essence(model, history, ({ op }) => op !== "write"), [
    write(0, 5, ABSENT),
    read(1, 5),
    read(1, ABSENT),
  ]);
});

/** One choice of a random walk through the model: what happens, and to whom. */
const choices = fc.array(
  fc.record({
    what: fc.constantFrom("hidden", "hidden", "read", "write", "delete"),
    client: fc.nat(2),
    which: fc.nat(100),
  }),
  { maxLength: 25 },
);
type Choice = { what: string; client: number; which: number };

/** What would be observed of the model itself when it takes a random walk, and where that ends. */
function walk(steps: readonly Choice[]): {
  history: Observation[];
  end: State;
} {
  let state = model.start;
  const history: Observation[] = [];
  const see = (observation: Observation) => {
    const [next] = model.observe(state, observation);
    assert.ok(next !== undefined);
    state = next;
    history.push(observation);
  };
  for (const [index, { what, client, which }] of steps.entries()) {
    const value = state.clients[client]?.value ?? ABSENT;
    if (what === "read") see(read(client, value));
    else if (what === "write") see(write(client, index + 1, value));
    else if (what === "delete") see(write(client, ABSENT, value));
    else {
      const events = model.hidden(state);
      state = events[which % Math.max(events.length, 1)] ?? state;
    }
  }
  for (let next = model.hidden(state)[0]; next !== undefined;) {
    state = next;
    next = model.hidden(state)[0];
  }
  see(stable(state.server, state.copies));
  return { history, end: state };
}

Deno.test("explain() explains whatever the model itself shows", () => {
  fc.assert(fc.property(choices, (steps) => {
    assert.equal(explain(model, walk(steps).history).kind, "explained");
  }));
});

Deno.test("explain() never explains that the last value, or a copy, is gone at rest", () => {
  fc.assert(fc.property(choices, (steps) => {
    const { history, end } = walk(steps);
    const before = history.slice(0, -1);
    const last = history.findLast(({ op }) => op === "write");
    if (last?.op !== "write" || last.value === ABSENT) return;
    // Nobody can have seen the last write, so it must be there.
    const gone = end.server === last.value
      ? stable(ABSENT, end.copies)
      : stable(end.server, end.copies.filter((copy) => copy !== last.value));
    assert.equal(explain(model, [...before, gone]).kind, "unexplained");
  }));
});
