/**
 * A changed configuration is never a deletion, for any history: names, excludes, limits, paths and
 * users that change, anchors that come and go, edits and deletions on all sides, over the real
 * records, journals, files and turns.
 *
 * What is checked knows nothing of records: a file may leave a machine only by the hand of its user
 * there, or because somebody deleted it where it was synced.
 */
import fc from "fast-check";
import { History } from "../support/reconfigured_history.ts";
import type { Step } from "../support/reconfigured_history.ts";

const RUNS = Number(Deno.env.get("SINKD_TEST_HISTORIES") ?? "40");

const machine = fc.nat(1);
/** Mostly the same for both machines, so that they have something to do with each other. */
const mostly = (most: number) =>
  fc.nat(4).map((number) => number > most ? 0 : number);
const anchor = mostly(1);
const file = fc.nat(5);
const choice = fc.record({
  on: fc.nat(4).map((number) => number > 0),
  name: mostly(2),
  excludes: fc.nat(3),
  limited: fc.boolean(),
});
type Arbitrary = fc.Arbitrary<Step>;
const write: Arbitrary = fc.record({
  do: fc.constant("write"),
  machine,
  anchor,
  file,
});
const remove: Arbitrary = fc.record({
  do: fc.constant("remove"),
  machine,
  anchor,
  file,
});
const sync: Arbitrary = fc.record({ do: fc.constant("sync"), machine });
const configure: Arbitrary = fc.record({
  do: fc.constant("configure"),
  machine,
  anchor,
  choice,
  stopped: fc.boolean(),
});
const change: Arbitrary = fc.oneof(
  { weight: 6, arbitrary: configure },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("add", "move"),
      machine,
      anchor,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("join"), machine, user: fc.nat(1) }),
  },
);
const any: Arbitrary = fc.oneof(write, remove, sync, change);
/** On one machine; something gets about; or something is deleted between two changes. */
const chunk = fc.oneof(
  any.map((step) => [step]),
  fc.tuple(write, write, write).map((writes): Step[] => [
    ...writes,
    ...[0, 1, 0].map((machine): Step => ({ do: "sync", machine })),
  ]),
  fc.tuple(
    machine,
    change,
    fc.option(sync),
    remove,
    remove,
    fc.option(sync),
    change,
    fc.option(change),
  )
    .map(([machine, ...steps]) =>
      steps.filter((step) => step !== null).map((step) => ({
        ...step,
        machine,
      }))
    ),
);

Deno.test("a changed configuration is never a deletion, whatever the history", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunk, { minLength: 3, maxLength: 12 }),
      async (steps) => {
        await using history = History.begin();
        for (const each of steps.flat()) await history.take(each);
        await history.end();
      },
    ),
    { numRuns: RUNS },
  );
});
