/**
 * The demo: `demo.ts SINKD DIRECTORY [--keep]`. Called by scripts/demo, which makes the directory
 * and removes it.
 *
 * @module
 */
import { isMissing } from "../lib/io/files.ts";
import {
  BEFORE,
  type Change,
  ON_B_MEANWHILE,
  randomBytes,
  TOGETHER,
  WHILE_B_IS_AWAY,
  WHILE_SERVER_IS_AWAY,
} from "./demo_changes.ts";
import {
  block,
  heading,
  right,
  say,
  seconds,
  step,
  wrong,
} from "./demo_text.ts";
import {
  differences,
  differentBytes,
  type Listing,
  listTree,
  sameBytes,
  tryListTree,
} from "./demo_tree.ts";
import { type Client, type Daemon, pause, World } from "./demo_world.ts";

const STEP_LIMIT_MS = 20_000;
const LOOK_EVERY_MS = 4;
const ROUND_TRIPS = 20;
const ROUND_TRIP_PAUSE_MS = 150;
const PLAN = "plan.txt";
const PLAN_CHANGES = 3;

const [sinkd = "", directory = "", option = ""] = Deno.args;
const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(name, () => interrupted.abort(new Error(name)));
}

/** All three, once they run. */
interface Cast {
  readonly world: World;
  server: Daemon;
  readonly address: string;
  readonly a: Client;
  readonly b: Client;
}

/** Waits until `look` says so; returns the time since `startMs`. */
async function until(
  look: () => boolean,
  startMs: number,
  trouble: () => string,
): Promise<number> {
  while (!look()) {
    if (performance.now() - startMs > STEP_LIMIT_MS) {
      throw new Error(
        `Not there after ${STEP_LIMIT_MS / 1000} s:\n${trouble()}`,
      );
    }
    await pause(LOOK_EVERY_MS, interrupted.signal);
  }
  return performance.now() - startMs;
}

/** Waits until both trees show the same. */
async function untilEqual({ a, b }: Cast, startMs: number): Promise<number> {
  const compared = (): string[] => {
    const [left, right] = [tryListTree(a.docs), tryListTree(b.docs)];
    if (left === undefined || right === undefined) return ["still changing"];
    return differences(left, right);
  };
  return await until(
    () => compared().length === 0,
    startMs,
    () => compared().slice(0, 8).join("\n"),
  );
}

async function setUp(world: World): Promise<Cast> {
  heading("Start: one server, two machines of alice");
  const begin = performance.now();
  const { server, address } = await world.startServer();
  step(
    `the server listens on ${address} (MQTT and data, TLS)`,
    performance.now() - begin,
  );
  const [a, b] = [world.newClient("a"), world.newClient("b")];
  BEFORE.a(a.docs);
  BEFORE.b(b.docs);
  for (const client of [a, b]) {
    const joinStart = performance.now();
    await world.join(client, await world.joinLink(server, address));
    await client.start();
    step(
      `client ${client.name}: link, join, add, start`,
      performance.now() - joinStart,
    );
  }
  const cast = { world, server, address, a, b };
  step(
    "both had files already: now both have all of them",
    await untilEqual(cast, performance.now()),
  );
  return cast;
}

async function changeTogether(cast: Cast): Promise<number> {
  heading("Changes, and how long until the other side had them");
  for (const [index, change] of TOGETHER.entries()) {
    const from = index % 2 === 0 ? cast.a : cast.b;
    const to = from === cast.a ? cast.b : cast.a;
    const start = performance.now();
    change.make(from.docs);
    step(
      `${from.name} → ${to.name}  ${change.what}`,
      await untilEqual(cast, start),
    );
  }
  return total(TOGETHER);
}

async function changeApart(cast: Cast): Promise<number> {
  const { a, b } = cast;
  heading("One client stopped, both sides go on");
  await b.stop();
  WHILE_B_IS_AWAY.make(a.docs);
  say(`  on a: ${WHILE_B_IS_AWAY.what}`);
  ON_B_MEANWHILE.make(b.docs);
  say(`  on b, its client stopped: ${ON_B_MEANWHILE.what}`);
  const start = performance.now();
  await b.start();
  step("b starts again: both have it all", await untilEqual(cast, start));

  heading("The server stopped, both sides go on");
  await cast.server.stop();
  for (const client of [a, b]) {
    const change = WHILE_SERVER_IS_AWAY[client.name === "a" ? "a" : "b"];
    change.make(client.docs);
    say(`  on ${client.name}: ${change.what}`);
  }
  const restart = performance.now();
  cast.server = (await cast.world.startServer(cast.address)).server;
  step(
    "the server starts again: both have it all",
    await untilEqual(cast, restart),
  );
  const { a: onA, b: onB } = WHILE_SERVER_IS_AWAY;
  return total([WHILE_B_IS_AWAY, ON_B_MEANWHILE, onA, onB]);
}

/** Both edit one file while b is stopped: returns the name of the copy that keeps b's version. */
async function conflict(cast: Cast): Promise<string> {
  const { a, b } = cast;
  heading("A true conflict: both edit plan.txt while b is stopped");
  const start = performance.now();
  Deno.writeTextFileSync(`${a.docs}/${PLAN}`, "the plan\n");
  await untilEqual(cast, start);
  await b.stop();
  Deno.writeTextFileSync(`${a.docs}/${PLAN}`, "the plan, as a sees it\n");
  await untilOnServer(cast, "the plan, as a sees it\n");
  Deno.writeTextFileSync(`${b.docs}/${PLAN}`, "the plan, in the words of b\n");
  const again = performance.now();
  await b.start();
  const copies = (docs: string) =>
    [...listTree(docs).keys()].filter((path) =>
      path.startsWith("plan.sinkd-conflict-b-") && path.endsWith(".txt")
    );
  const tookMs = await until(
    () => copies(a.docs).length > 0 && copies(b.docs).length > 0,
    again,
    () => "no conflict copy of plan.txt on both sides",
  );
  step("b starts again: both versions are on both sides", tookMs);
  await untilEqual(cast, again);
  const [copy = ""] = copies(a.docs);
  for (const path of [PLAN, copy]) {
    say(`    ${path}: ${Deno.readTextFileSync(`${a.docs}/${path}`).trim()}`);
  }
  return copy;
}

async function untilOnServer({ world }: Cast, text: string): Promise<void> {
  const path = `${world.root}/alice/docs/${PLAN}`;
  await until(
    () => Deno.readTextFileSync(path) === text,
    performance.now(),
    () => `the server has another ${PLAN}`,
  );
}

async function roundTrips({ a, b }: Cast): Promise<void> {
  heading(`Round trip: 1 KiB written on a, complete on b, ${ROUND_TRIPS} runs`);
  const tooks: number[] = [];
  const path = "round-trip.bin";
  for (let run = 0; run < ROUND_TRIPS; run++) {
    await pause(ROUND_TRIP_PAUSE_MS, interrupted.signal);
    const bytes = randomBytes(1024);
    const start = performance.now();
    Deno.writeFileSync(`${a.docs}/${path}`, bytes);
    tooks.push(
      await until(
        () => sameBytes(readIfAny(`${b.docs}/${path}`), bytes),
        start,
        () => `${path} on b is not that of a`,
      ),
    );
  }
  tooks.sort((left, right) => left - right);
  const at = (index: number) => seconds(tooks[index] ?? NaN);
  const medianMs =
    ((tooks[ROUND_TRIPS / 2 - 1] ?? NaN) + (tooks[ROUND_TRIPS / 2] ?? NaN)) / 2;
  say(
    `  median ${seconds(medianMs)}, min ${at(0)}, max ${
      at(ROUND_TRIPS - 1)
    }  (the aim: under 0.3 s at the median)`,
  );
}

function readIfAny(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return new Uint8Array();
    throw error;
  }
}

/** Prints `sinkd status` of all; each must become 0 by itself. */
async function showStatus({ server, a, b }: Cast): Promise<void> {
  for (const daemon of [server, a, b]) {
    const deadline = performance.now() + STEP_LIMIT_MS;
    let said = await daemon.status();
    while (said.code !== 0) {
      if (performance.now() > deadline) {
        throw new Error(
          `${daemon.name}: sinkd status exits ${said.code}:\n${said.out}${said.error}`,
        );
      }
      await pause(LOOK_EVERY_MS, interrupted.signal);
      said = await daemon.status();
    }
    heading(
      `sinkd status of ${daemon === server ? "the server" : daemon.name}`,
    );
    block(said.out);
  }
}

async function verify(
  cast: Cast,
  copy: string,
  changes: number,
): Promise<void> {
  const { world, a, b } = cast;
  heading("Check");
  await untilEqual(cast, performance.now());
  const listing = listTree(a.docs);
  refuse(
    "bytes differ",
    differentBytes(listing, [a.docs, b.docs]),
  );
  right(
    `${listing.size} paths are equal on a and b: names, bytes, modes, times, links (${changes} changes made)`,
  );
  const tree = `${world.root}/alice/docs`;
  refuse("the server's tree differs", [
    ...differences(kindsOf(listing), kindsOf(listTree(tree))),
    ...differentBytes(listing, [a.docs, tree]),
  ]);
  right("the server has the same names and bytes");
  for (const { docs, name } of [a, b]) {
    const plan = Deno.readTextFileSync(`${docs}/${PLAN}`);
    const kept = Deno.readTextFileSync(`${docs}/${copy}`);
    if (!plan.includes("as a sees it") || !kept.includes("words of b")) {
      throw new Error(`Wrong conflict on ${name}: ${plan}${kept}`);
    }
  }
  const others = [...listing.keys()].filter((path) =>
    path.includes(".sinkd-conflict-") && path !== copy
  );
  refuse("conflict copies without a conflict", others);
  right("the one conflict has its copy on both sides, and there is no other");
}

/** Kind, size and time: what the server's own tree shows; it keeps modes and links in its records. */
function kindsOf(listing: Listing): Listing {
  return new Map(
    Array.from(listing, ([path, what]) => [
      path,
      what.replace(/^(file|directory) \d+/, "$1").replace(/^link.*/s, "link"),
    ]),
  );
}

function refuse(what: string, paths: readonly string[]): void {
  if (paths.length === 0) return;
  throw new Error(`${what}:\n${paths.slice(0, 8).join("\n")}`);
}

function total(changes: readonly Change[]): number {
  return changes.reduce((sum, { count }) => sum + count, 0);
}

function keep({ world, server, a, b }: Cast): void {
  const clients = [a, b];
  const stops = [
    ...clients.map(({ pidFile }) => `${sinkd} client stop --pid ${pidFile}`),
    `${sinkd} server stop --pid ${server.pidFile}`,
    `rm -rf ${world.directory}`,
  ];
  Deno.writeTextFileSync(
    `${world.directory}/stop`,
    `#!/bin/sh\nset -e\ncd /\n${stops.join("\n")}\n`,
    { mode: 0o755 },
  );
  heading("It goes on running");
  block([
    `change anything in     ${a.docs}`,
    `and see it in          ${b.docs}`,
    "",
    "is everything synced, and if not, why?",
    ...[a, b, server].map(({ pidFile }) =>
      `  ${sinkd} status --pid ${pidFile}`
    ),
    "",
    `the server's files     ${world.root}/alice/docs`,
    `replaced and deleted   ${world.root}/alice/.sinkd/history`,
    `logs                   ${[server, a, b].map(({ log }) => log).join(" ")}`,
    "",
    `stop and remove it all ${world.directory}/stop`,
  ].join("\n"));
  for (const daemon of [server, a, b]) daemon.leave();
}

async function demo(world: World): Promise<void> {
  const begin = performance.now();
  const cast = await setUp(world);
  const changes = await changeTogether(cast) + await changeApart(cast);
  const copy = await conflict(cast);
  await roundTrips(cast);
  await showStatus(cast);
  await verify(cast, copy, changes + PLAN_CHANGES + ROUND_TRIPS);
  if (option === "--keep") keep(cast);
  else await world.stopAll();
  say();
  say(`Done in ${seconds(performance.now() - begin)}.`);
}

const world = new World({ sinkd, directory }, interrupted.signal);
try {
  await demo(world);
} catch (error) {
  if (interrupted.signal.aborted) {
    wrong("\nInterrupted; everything is stopped and removed.");
  } else {
    wrong(
      `\nThe demo failed: ${error instanceof Error ? error.message : error}`,
    );
    for (const daemon of world.daemons) {
      heading(`End of the log of ${daemon.name}`);
      block(daemon.logTail());
    }
  }
  try {
    await world.stopAll();
  } catch (stopError) {
    wrong(`${stopError instanceof Error ? stopError.message : stopError}`);
  }
  Deno.exit(interrupted.signal.aborted ? 130 : 1);
}
Deno.exit(0);
