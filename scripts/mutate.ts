/**
 * Shows that the simulation catches each mutation: `mutate.ts CHECKOUT WORK DENO [OPTIONS] [NAME…]`.
 * Called by scripts/mutate.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { applyMutation, type Mutation, readSources } from "./mutate_patch.ts";
import { MUTATIONS } from "./mutations.ts";

/** How long one mutation may take, and how long one schedule may at most, in milliseconds. */
const MUTATION_MS = 300_000;
const SCHEDULE_MS = 60_000;

const [checkout = "", work = "", deno = "", ...words] = Deno.args;
const { values: options, positionals: names } = parseArgs({
  args: words,
  allowPositionals: true,
  options: {
    list: { type: "boolean", default: false },
    runs: { type: "string", default: "3000" },
    jobs: { type: "string", default: "2" },
  },
});

/** What came of the schedules of one copy. */
type Outcome =
  | { readonly kind: "caught"; readonly runs: number; readonly says: string }
  | { readonly kind: "passed"; readonly runs: number }
  | { readonly kind: "broken"; readonly says: string };

/** The unbroken copy: it must pass. */
const UNBROKEN: Mutation = {
  name: "(nothing)",
  breaks: "nothing is broken",
  edits: [],
};

const encoder = new TextEncoder();
function say(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

const sources = readSources(checkout, "lib");

/** A copy of what the simulation needs, broken in one way. */
function makeCopy(mutation: Mutation): string {
  const copy = `${work}/${mutation.name}`;
  const write = (path: string, text: string) => {
    Deno.mkdirSync(`${copy}/${path.slice(0, path.lastIndexOf("/"))}`, {
      recursive: true,
    });
    Deno.writeTextFileSync(`${copy}/${path}`, text);
  };
  const tests = readSources(checkout, "test/sim");
  for (const [path, text] of [...sources, ...tests]) write(path, text);
  for (const [path, text] of applyMutation(mutation, sources)) {
    write(path, text);
  }
  for (const name of ["deno.json", "deno.lock"]) {
    Deno.copyFileSync(`${checkout}/${name}`, `${copy}/${name}`);
  }
  return copy;
}

async function run(mutation: Mutation): Promise<Outcome> {
  const copy = makeCopy(mutation);
  const child = new Deno.Command(deno, {
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-remote", "--cached-only"],
      ...["--no-check", "--no-lock", `--config=${copy}/deno.json`],
      ...["--allow-env", "--allow-sys=uid", `--allow-read=${copy}`],
      `${copy}/test/sim/seeds.ts`,
      ...["1", options.runs, String(MUTATION_MS)],
      ...(mutation.kind === undefined ? [] : [mutation.kind]),
    ],
    cwd: copy,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hangs = false;
  const timer = setTimeout(() => {
    hangs = true;
    child.kill("SIGKILL");
  }, MUTATION_MS + SCHEDULE_MS);
  const { stdout, stderr } = await child.output();
  clearTimeout(timer);
  Deno.removeSync(copy, { recursive: true });
  if (hangs) return { kind: "caught", runs: NaN, says: "it does not end" };
  const said = new TextDecoder().decode(stdout).trim();
  if (!said.startsWith("{")) {
    return { kind: "broken", says: said + new TextDecoder().decode(stderr) };
  }
  const { runs, failure } = JSON.parse(said);
  return failure === undefined
    ? { kind: "passed", runs }
    : { kind: "caught", runs, says: failure.says };
}

/** The first words of a failure: which seed, and what did not hold. */
function firstLine(says: string): string {
  return says.split("\n")[0]?.slice(0, 160) ?? "";
}

/** Says what came of it; true when it is as it must be. */
function judge(mutation: Mutation, outcome: Outcome): boolean {
  const name = mutation.name.padEnd(32);
  const count = (runs: number) => String(runs).padStart(6);
  switch (outcome.kind) {
    case "broken":
      say(`BROKEN   ${name} ${outcome.says}`);
      return false;
    case "caught": {
      const good = mutation !== UNBROKEN;
      const line = firstLine(outcome.says);
      say(
        `${good ? "caught  " : "FAILS   "} ${name}${
          count(outcome.runs)
        }  ${line}`,
      );
      return good;
    }
    case "passed": {
      const good = mutation === UNBROKEN;
      say(
        `${good ? "passes  " : "SURVIVES"} ${name}${
          count(outcome.runs)
        }  ${mutation.breaks}`,
      );
      return good;
    }
  }
}

function chosen(): readonly Mutation[] {
  if (names.length === 0) return [UNBROKEN, ...MUTATIONS];
  return names.map((name) => {
    const mutation = [UNBROKEN, ...MUTATIONS].find((other) =>
      other.name === name
    );
    if (mutation !== undefined) return mutation;
    throw new Error(`Cannot break '${name}': see scripts/mutate --list`);
  });
}

if (options.list) {
  for (const { name, breaks } of MUTATIONS) {
    say(`${name.padEnd(32)} ${breaks}`);
  }
} else {
  let good = 0;
  const wanted = chosen();
  const left = wanted.values();
  say(
    `         ${
      "mutation".padEnd(32)
    } seeds  which seed, and what did not hold`,
  );
  await Promise.all(
    Array.from({ length: Number(options.jobs) }, async () => {
      for (const mutation of left) {
        if (judge(mutation, await run(mutation))) good++;
      }
    }),
  );
  say(`${good} of ${wanted.length} as they must be`);
  Deno.exitCode = good === wanted.length ? 0 : 1;
}
