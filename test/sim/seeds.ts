/**
 * Runs schedules one after the other until one fails: `seeds.ts FIRST COUNT LIMIT_MS`. Prints one line
 * of JSON. For scripts/mutate, and for whoever looks for a failing seed.
 *
 * @module
 */
import { simulate } from "./simulate.ts";

const [first = 1, count = 1, limitMs = Infinity] = Deno.args.map(Number);
const endMs = performance.now() + limitMs;
let runs = 0;
let failure: { seed: number; says: string } | undefined;
while (runs < count && failure === undefined && performance.now() < endMs) {
  const seed = first + runs++;
  try {
    await simulate(seed);
  } catch (error) {
    failure = {
      seed,
      says: error instanceof Error ? error.message : `${error}`,
    };
  }
}
// deno-lint-ignore no-console -- this is its result
console.log(JSON.stringify({ runs, failure }));
