import assert from "node:assert/strict";
import fc from "fast-check";
import { explain } from "./checker.ts";
import { treeModel, type TreeObservation } from "./tree_model.ts";
import {
  type Content,
  DIRECTORY,
  NOTHING,
  type TreeState,
} from "./tree_state.ts";

const CLIENTS = 3;
const PATHS = 3;
const model = treeModel(CLIENTS, PATHS);

const read = (
  client: number,
  path: number,
  value: Content,
): TreeObservation => ({ op: "read", client, path, value });
const write = (
  client: number,
  path: number,
  value: Content,
  replaced: Content = NOTHING,
): TreeObservation => ({ op: "write", client, path, value, replaced });
const stable = (
  values: readonly [Content, Content, Content],
  copies: readonly Content[] = [],
): TreeObservation => ({
  op: "stable",
  values: [values, values, values],
  copies: [copies, copies, copies],
});

/** A directory with file 5 in it, on all machines. */
const BEFORE = [
  write(0, 0, DIRECTORY),
  write(0, 1, 5),
  stable([DIRECTORY, 5, NOTHING]),
];
/** A client removes the directory of {@linkcode BEFORE}. */
const gone = (client: number) => [
  write(client, 1, NOTHING, 5),
  write(client, 0, NOTHING, DIRECTORY),
];

const SOUND: Readonly<Record<string, readonly TreeObservation[]>> = {
  "a directory and what is in it": [
    write(0, 0, DIRECTORY),
    read(1, 0, DIRECTORY),
    read(1, 1, NOTHING),
    write(0, 1, DIRECTORY),
    write(0, 2, 5),
    stable([DIRECTORY, DIRECTORY, 5]),
  ],
  "a file here and a directory there, of which the file comes first": [
    write(0, 0, 5),
    write(1, 0, DIRECTORY),
    write(1, 1, 6),
    stable([5, NOTHING, NOTHING], [6]),
  ],
  "a file here and a directory there, of which the directory comes first": [
    write(0, 0, 5),
    write(1, 0, DIRECTORY),
    write(1, 1, 6),
    stable([DIRECTORY, 6, NOTHING], [5]),
  ],
  "a new file in a directory that goes": [
    ...BEFORE,
    ...gone(0),
    write(1, 1, 6, 5),
    stable([DIRECTORY, 6, NOTHING]),
  ],
  "a file in a directory that a file takes the place of": [
    ...BEFORE,
    ...gone(0),
    write(0, 0, 7),
    write(1, 1, 6, 5),
    stable([7, NOTHING, NOTHING], [6]),
  ],
  "a directory that comes back with what is new in it, before a file can take its place":
    [
      ...BEFORE,
      write(1, 1, 6, 5),
      read(2, 1, 6),
      ...gone(0),
      write(0, 0, 7),
      stable([DIRECTORY, 6, NOTHING], [7]),
    ],
  "a deletion on both sides": [
    ...BEFORE,
    ...gone(0),
    ...gone(1),
    stable([NOTHING, NOTHING, NOTHING]),
  ],
};

const UNSOUND: Readonly<Record<string, readonly TreeObservation[]>> = {
  "a file that is lost under another": [
    write(0, 0, 5),
    write(1, 0, DIRECTORY),
    write(1, 1, 6),
    stable([5, NOTHING, NOTHING]),
  ],
  "a file that is lost to a directory": [
    write(0, 0, 5),
    write(1, 0, DIRECTORY),
    write(1, 1, 6),
    stable([DIRECTORY, 6, NOTHING]),
  ],
  "an edit that goes with its directory": [
    ...BEFORE,
    ...gone(0),
    write(1, 1, 6, 5),
    stable([NOTHING, NOTHING, NOTHING]),
  ],
  "an edit that goes with its directory, when a file takes its place": [
    ...BEFORE,
    ...gone(0),
    write(0, 0, 7),
    write(1, 1, 6, 5),
    stable([7, NOTHING, NOTHING]),
  ],
  "a copy of what was seen and deleted": [
    ...BEFORE,
    ...gone(0),
    write(0, 0, 7),
    stable([7, NOTHING, NOTHING], [5]),
  ],
  "a deleted file that comes back": [
    ...BEFORE,
    write(0, 1, NOTHING, 5),
    stable([DIRECTORY, 5, NOTHING]),
  ],
  "a deleted directory that comes back": [
    ...BEFORE,
    ...gone(0),
    stable([DIRECTORY, NOTHING, NOTHING]),
  ],
  "a directory that only one machine has": [
    write(0, 0, DIRECTORY),
    {
      op: "stable",
      values: [[DIRECTORY, 0, 0], [0, 0, 0], [DIRECTORY, 0, 0]],
      copies: [[], [], []],
    },
  ],
  "a file in something that is no directory": [
    write(0, 0, 5),
    write(0, 1, 6),
  ],
  "a file out of thin air": [write(0, 0, DIRECTORY), read(1, 1, 6)],
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

const choices = fc.array(
  fc.record({
    what: fc.constantFrom("hidden", "hidden", "read", "write", "delete"),
    client: fc.nat(CLIENTS - 1),
    path: fc.nat(PATHS - 1),
    which: fc.nat(1000),
  }),
  { maxLength: 14 },
);
type Choice = { what: string; client: number; path: number; which: number };

/** What would be observed of the model itself when it takes a random walk to rest. */
function walk(steps: readonly Choice[]): TreeObservation[] {
  let state = model.start;
  const history: TreeObservation[] = [];
  const see = (observation: TreeObservation) => {
    const [next] = model.observe(state, observation);
    if (next === undefined) return; // a user cannot do that now
    state = next;
    history.push(observation);
  };
  const move = (which: number): boolean => {
    const events = model.hidden(state);
    state = events[which % Math.max(events.length, 1)] ?? state;
    return events.length > 0;
  };
  for (const [index, { what, client, path, which }] of steps.entries()) {
    const value = contentOf(state, client, path);
    const next = which % 3 === 0 ? DIRECTORY : index + 2;
    if (what === "read") see(read(client, path, value));
    else if (what === "write") see(write(client, path, next, value));
    else if (what === "delete") see(write(client, path, NOTHING, value));
    else move(which);
  }
  for (let which = 0; move(which); which += 7);
  const values = state.clients.map((locals) =>
    locals.map(({ value }) => value)
  );
  const copies = state.clients.map(() => state.copies);
  const stable: TreeObservation = { op: "stable", values, copies };
  assert.equal(model.observe(state, stable).length, 1, "it is not at rest");
  history.push(stable);
  return history;
}

function contentOf(
  { clients }: TreeState,
  client: number,
  path: number,
): Content {
  return clients[client]?.[path]?.value ?? NOTHING;
}

Deno.test("explain() explains whatever the model of trees itself shows, and it comes to rest", () => {
  fc.assert(
    fc.property(choices, (steps) => {
      assert.equal(explain(model, walk(steps)).kind, "explained");
    }),
    { numRuns: 60 },
  );
});

Deno.test("explain() never explains that a file nobody replaced is gone at rest", () => {
  fc.assert(
    fc.property(choices, (steps) => {
      const history = walk(steps);
      const last = history.findLast((seen) =>
        seen.op === "write" && seen.value > DIRECTORY
      );
      const end = history.at(-1);
      if (last?.op !== "write" || end?.op !== "stable") return;
      const isReplaced = history.some((seen) =>
        seen.op === "write" && seen.replaced === last.value
      );
      if (isReplaced) return;
      const without = (values: readonly Content[]) =>
        values.map((value) => value === last.value ? NOTHING : value);
      const broken: TreeObservation = {
        op: "stable",
        values: end.values.map(without),
        copies: end.copies.map((copies) =>
          copies.filter((copy) => copy !== last.value)
        ),
      };
      const verdict = explain(model, [...history.slice(0, -1), broken]);
      assert.equal(verdict.kind, "unexplained");
    }),
    { numRuns: 60 },
  );
});
