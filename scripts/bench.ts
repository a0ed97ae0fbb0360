/**
 * The measurements: `bench.ts SINKD DIRECTORY`. Called by scripts/bench, which makes the directory
 * and removes it.
 *
 * @module
 */
import { randomBytes } from "./demo_changes.ts";
import { say } from "./demo_text.ts";
import { type Client, pause, World } from "./demo_world.ts";

const LIMIT_MS = 120_000;
const LOOK_EVERY_MS = 2;
const REST_MS = 4_000;

const [sinkd = "", directory = ""] = Deno.args;
const never = new AbortController().signal;

/** One job: what to do in a directory, and when another one shows it whole. */
interface Job {
  readonly name: string;
  readonly runs: number;
  readonly act: (docs: string, run: number) => void;
  readonly isDone: (docs: string, run: number) => boolean;
}

const jobs: readonly Job[] = [
  {
    name: "1 KiB file",
    runs: 20,
    act: (docs, run) =>
      Deno.writeFileSync(`${docs}/small-${run}`, randomBytes(1024)),
    isDone: (docs, run) => sizeOf(`${docs}/small-${run}`) === 1024,
  },
  {
    name: "100 MB file",
    runs: 3,
    act: (docs, run) =>
      Deno.writeFileSync(`${docs}/large-${run}`, randomBytes(100_000_000)),
    isDone: (docs, run) => sizeOf(`${docs}/large-${run}`) === 100_000_000,
  },
  {
    name: "1 KiB more in it",
    runs: 3,
    act: (docs, run) =>
      Deno.writeFileSync(`${docs}/large-${run}`, randomBytes(1024), {
        append: true,
      }),
    isDone: (docs, run) => sizeOf(`${docs}/large-${run}`) === 100_001_024,
  },
  {
    name: "2,000 small files",
    runs: 3,
    act: (docs, run) => {
      Deno.mkdirSync(`${docs}/many-${run}`);
      for (let index = 0; index < 2000; index++) {
        Deno.writeTextFileSync(
          `${docs}/many-${run}/${index}`,
          `${run} ${index}`,
        );
      }
    },
    isDone: (docs, run) => countIn(`${docs}/many-${run}`) === 2000,
  },
];

const world = new World({ sinkd, directory }, never);
try {
  const { server, address } = await world.startServer();
  const [a, b] = [world.newClient("a"), world.newClient("b")];
  for (const client of [a, b]) {
    await world.join(client, await world.joinLink(server, address));
    await client.start();
  }
  say(row(["", "sinkd", "two bare rsync calls", "ratio"]));
  for (const job of jobs) {
    const ours = await medianOf(job, (run) => throughSinkd(job, { a, b, run }));
    const bare = await medianOf(job, (run) => throughRsync(job, run));
    say(
      row([
        job.name,
        `${ours.toFixed(3)} s`,
        `${bare.toFixed(3)} s`,
        (ours / bare).toFixed(1),
      ]),
    );
  }
} finally {
  await world.stopAll();
}

/** Seconds until what was done at one client is whole at the other. */
async function throughSinkd(
  job: Job,
  { a, b, run }: { a: Client; b: Client; run: number },
): Promise<number> {
  job.act(a.docs, run);
  const startMs = performance.now();
  while (!job.isDone(b.docs, run)) {
    if (performance.now() - startMs > LIMIT_MS) {
      throw new Error(`Cannot measure ${job.name}: not there`);
    }
    await pause(LOOK_EVERY_MS, never);
  }
  const tookS = (performance.now() - startMs) / 1000;
  // What follows a job (sets aside, scans again) is not to be in the next one's time.
  await pause(job.runs > 10 ? 300 : REST_MS, never);
  return tookS;
}

/** Seconds of the two calls that any way over a server needs at least. */
async function throughRsync(job: Job, run: number): Promise<number> {
  const [from, middle, to] = ["from", "middle", "to"].map((name) =>
    `${directory}/bare/${name}`
  );
  for (const path of [from, middle, to]) {
    Deno.mkdirSync(path ?? "", { recursive: true });
  }
  job.act(from ?? "", run);
  const startMs = performance.now();
  for (const [source, target] of [[from, middle], [middle, to]]) {
    const { code } = await new Deno.Command("rsync", {
      args: ["-rlpt", "--", `${source}/`, `${target}/`],
    }).output();
    if (code !== 0) {
      throw new Error(`Cannot measure ${job.name}: rsync ended with ${code}`);
    }
  }
  return (performance.now() - startMs) / 1000;
}

async function medianOf(
  job: Job,
  measure: (run: number) => Promise<number>,
): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < job.runs; run++) times.push(await measure(run));
  times.sort((left, right) => left - right);
  return times[Math.floor(times.length / 2)] ?? NaN;
}

function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function countIn(path: string): number {
  try {
    return [...Deno.readDirSync(path)].length;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

function row(cells: readonly string[]): string {
  const [name = "", ...rest] = cells;
  return name.padEnd(20) + rest.map((cell) => cell.padStart(22)).join("");
}
