import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import fc from "fast-check";
import { type Life, liveOn, Requests } from "../../lib/daemon/requests.ts";

/** How long each life takes to open and close, and what is asked when, in turns of the event loop. */
const plan = fc.record({
  opens: fc.array(fc.integer({ min: 0, max: 6 }), {
    minLength: 1,
    maxLength: 4,
  }),
  closes: fc.array(fc.integer({ min: 0, max: 6 }), {
    minLength: 1,
    maxLength: 4,
  }),
  asks: fc.array(
    fc.record({
      request: fc.constantFrom(
        "reload" as const,
        "reload" as const,
        "restart" as const,
        "stop" as const,
      ),
      after: fc.integer({ min: 0, max: 8 }),
    }),
    { maxLength: 6 },
  ),
});

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await turnOfLoop();
}

Deno.test("liveOn() loses no stop, restart or reload, in any order and at any moment", async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ opens, closes, asks }) => {
      const requests = new Requests();
      let configuration = 0;
      let alive = 0;
      let begun = 0;
      let current = -1;
      let begunAfterStop = false;
      const begin = (): Promise<Life> => {
        begunAfterStop ||= requests.stopped.aborted;
        assert.equal(++alive, 1);
        current = configuration;
        const life = begun++;
        const closing = Promise.withResolvers<void>();
        return Promise.resolve({
          open: () =>
            Promise.race([
              turns(opens[life % opens.length] ?? 0),
              closing.promise,
            ]),
          close: async () => {
            closing.resolve();
            await turns(closes[life % closes.length] ?? 0);
            alive--;
          },
        });
      };
      let end: string | undefined;
      const living = liveOn(requests, begin).then((how) => end = how);
      const made = new Set<string>();
      for (const { request, after } of asks) {
        await turns(after);
        if (end !== undefined) break;
        if (request === "reload") configuration++;
        requests.ask(request);
        made.add(request);
      }
      const strongest = ["stop", "restart"].find((each) => made.has(each));
      if (strongest === undefined) {
        await turns(40);
        assert.equal(end, undefined);
        assert.equal(current, configuration);
        requests.ask("stop");
      }
      await living;
      assert.equal(end, strongest ?? "stop");
      assert.equal(alive, 0);
      assert.equal(begunAfterStop, false);
    }),
    { numRuns: 300, seed: 1 },
  );
});
