/**
 * Simulates and fuzzes until it is stopped. Called by scripts/soak.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { runMany } from "../test/sim/many.ts";

/** Fuzz targets never get longer than this: a round takes some minutes then. */
const MOST_FUZZ_RUNS = 1_000_000;
const PROGRESS_MS = 10_000;
/** Seeds are whole numbers below 2^31; those of CI are the first ones. */
const SEEDS = { first: 1_000_000, count: 2_000_000_000 };

const { values: options } = parseArgs({
  options: {
    seed: { type: "string" },
    schedules: { type: "string", default: "20000" },
    rounds: { type: "string", default: "Infinity" },
    "fuzz-runs": { type: "string", default: "1000" },
  },
});

const encoder = new TextEncoder();
function say(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

function numberOf(name: "schedules" | "rounds" | "fuzz-runs"): number {
  const number = Number(options[name]);
  if (number >= 1) return number;
  throw new Error(`Cannot soak: --${name} is '${options[name]}'`);
}

const startMs = performance.now();
let fuzzing: Deno.ChildProcess | undefined;
const total = { schedules: 0, cases: 0 };

function ended(code: number): never {
  fuzzing?.kill("SIGKILL");
  const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
  say(
    `${total.schedules} schedules and ${total.cases} cases of each fuzz target in ${minutes} minutes: ${
      code === 0 ? "no fault" : "a fault"
    }`,
  );
  Deno.exit(code);
}

/** One round of schedules. */
async function simulate(first: number, count: number): Promise<void> {
  let saidMs = performance.now();
  const before = total.schedules;
  const { failure } = await runMany({
    first,
    count,
    onProgress: ({ runs }) => {
      total.schedules = before + runs;
      if (performance.now() - saidMs < PROGRESS_MS) return;
      saidMs = performance.now();
      say(`  ${runs} of ${count} schedules`);
    },
  });
  if (failure === undefined) return;
  say(failure.says);
  ended(1);
}

/** All fuzz targets, so many cases of each. */
async function fuzz(runs: number): Promise<void> {
  fuzzing = new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--quiet", "--allow-all", "--no-check", "--cached-only"],
      ...["--frozen", "test/fuzz"],
    ],
    env: { FUZZ_RUNS: String(runs) },
    stdin: "null",
  }).spawn();
  const { success } = await fuzzing.status;
  fuzzing = undefined;
  if (!success) ended(1);
  total.cases += runs;
}

Deno.addSignalListener("SIGINT", () => ended(0));
Deno.addSignalListener("SIGTERM", () => ended(0));
let seed = options.seed === undefined
  ? SEEDS.first + Math.floor(Math.random() * SEEDS.count)
  : Number(options.seed);
let fuzzRuns = numberOf("fuzz-runs");
const schedules = numberOf("schedules");
for (let round = 1; round <= numberOf("rounds"); round++) {
  say(`round ${round}: schedules from seed ${seed} on`);
  await simulate(seed, schedules);
  seed += schedules;
  say(`round ${round}: ${fuzzRuns} cases of each fuzz target`);
  await fuzz(fuzzRuns);
  fuzzRuns = Math.min(2 * fuzzRuns, MOST_FUZZ_RUNS);
}
ended(0);
