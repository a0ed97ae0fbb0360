/**
 * Runs schedules one after the other until one fails: `seeds.ts FIRST COUNT LIMIT_MS [KIND]`, of that
 * kind only. Prints one line of JSON. For scripts/mutate, and for whoever looks for a failing seed.
 *
 * @module
 */
import { profileOf } from "./profile.ts";
import { simulate } from "./simulate.ts";

const [first = 1, count = 1, limitMs = Infinity] = Deno.args.slice(0, 3)
  .map(Number);
const kind = Deno.args[3];
const endMs = performance.now() + limitMs;
let runs = 0;
let failure: { seed: number; says: string } | undefined;
for (
  let seed = first;
  runs < count && failure === undefined && performance.now() < endMs;
  seed++
) {
  if (kind !== undefined && profileOf(seed).profile.kind !== kind) continue;
  runs++;
  try {
    await simulate(seed);
  } catch (error) {
    const says = error instanceof Error ? error.message : `${error}`;
    failure = { seed, says };
  }
}
// deno-lint-ignore no-console -- this is its result
console.log(JSON.stringify({ runs, failure }));
