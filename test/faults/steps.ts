/**
 * kill -9 at each step of a commit: at the first call of a kind, then at the second, and so on,
 * until a round of edits comes to its end without reaching one more.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readPid } from "../../lib/io/pid_file.ts";
import type { DaemonProcess } from "../support/daemon_process.ts";
import { Ledger } from "../support/ledger.ts";
import { shareWorld } from "../support/shared_world.ts";
import { missingForStrace, Strace } from "../support/strace.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

/** Which steps, and how far apart. */
export interface Kind {
  readonly what: string;
  /** System calls, comma-separated; each is counted for itself. */
  readonly calls: string;
  /** Every how many calls; 1 by default. */
  readonly stride?: number;
  /** Also those of other threads. */
  readonly threads?: boolean;
}

interface Steps extends Kind {
  readonly world: World;
  readonly ledger: Ledger;
  readonly victim: DaemonProcess;
}

/** Every single step, where a test of CI takes every few: for runs by hand. */
const EVERY_STEP = Deno.env.get("SINKD_EVERY_STEP") === "1";
const MOST_STEPS = 200;
const ROUND_LIMIT_MS = 30_000;

/** Registers a test for each kind of step of one of the processes. */
export function testSteps(
  { who, victim, steps }: {
    readonly who: string;
    readonly victim: (world: World) => DaemonProcess;
    readonly steps: readonly Kind[];
  },
): void {
  const missing = missingForStrace();
  const { test } = shareWorld({ clients: { alice: ["a", "b"] } });
  for (const step of steps) {
    const name = `kill -9 of ${who} at each ${step.what} loses nothing`;
    if (missing !== undefined) {
      Deno.test(`${name}: did not run: needs ${missing}`, () => {});
      continue;
    }
    test(name, async (world) => {
      const ledger = Ledger.of(world);
      const kills = await killAtEach({
        ...step,
        world,
        ledger,
        victim: victim(world),
      });
      assert.ok(kills > 0, "there was no such step");
    });
  }
}

/** How often the victim was killed before a whole round of edits went by; nothing was lost. */
async function killAtEach(steps: Steps): Promise<number> {
  const stride = EVERY_STEP ? 1 : steps.stride ?? 1;
  if (steps.ledger.count === 0) {
    edit(steps); // so that the next edits replace something
    await steps.ledger.settle();
  }
  // Another run, other steps; where there are so few, the first.
  const starts = [1 + Math.floor(Math.random() * stride), 1];
  for (const first of starts) {
    const kills = await killFrom(steps, { first, stride });
    if (kills > 0) return kills;
  }
  return 0;
}

async function killFrom(
  steps: Steps,
  { first, stride }: { readonly first: number; readonly stride: number },
): Promise<number> {
  for (let kills = 0; kills < MOST_STEPS; kills++) {
    const nth = first + kills * stride;
    try {
      if (!await killAt(steps, nth)) return kills;
    } catch (cause) {
      throw new Error(`Killed at ${steps.calls} number ${nth}`, { cause });
    }
  }
  throw new Error(`Cannot end: ${MOST_STEPS} steps and more to come`);
}

/** One round of edits with a kill at the `nth` call; false when there was no such call. */
async function killAt(steps: Steps, nth: number): Promise<boolean> {
  const { ledger, victim, calls, threads = false } = steps;
  const pid = readPid(victim.pidFile);
  if (pid === undefined) throw new Error("Cannot kill: it does not run");
  {
    await using strace = await Strace.attach(pid, {
      calls,
      inject: `signal=KILL:when=${nth}`,
      threads,
    });
    edit(steps);
    let why: string | undefined;
    await waitFor("a kill, or the end of the round", async () => {
      if (strace.over) return true;
      why = await ledger.outOfStep();
      return why === undefined;
    }, { limitMs: ROUND_LIMIT_MS, tell: () => why ?? "" });
    if (!strace.over) {
      ledger.check();
      return false;
    }
  }
  await victim.kill();
  await victim.start();
  await ledger.settle({ limitMs: ROUND_LIMIT_MS });
  return true;
}

/** All that a commit can have to do: modify, add, delete, clash, link, mode, conflict. */
function edit({ world, ledger }: Steps): void {
  const [a, b] = [world.client("a"), world.client("b")];
  const at = (path: string) => `${a.files}/${path}`;
  const before = [...Deno.readDirSync(a.files)].map(({ name }) => name);
  const round = ledger.count;
  ledger.write(a, "modified");
  ledger.write(a, "both");
  ledger.write(b, "both");
  ledger.makeDirectory(a, `directory-${round}`);
  ledger.write(a, `directory-${round}/new`);
  Deno.symlinkSync(`target ${round}`, at(`link-${round}`));
  Deno.chmodSync(at("modified"), round % 2 === 0 ? 0o600 : 0o644);
  for (const name of before) {
    if (/^(directory|link)-/.test(name)) ledger.remove(a, name);
  }
  const wasFile = before.includes("clash") && isFile(at("clash"));
  if (before.includes("clash")) ledger.remove(a, "clash");
  if (!wasFile) ledger.write(a, "clash");
  else {
    ledger.makeDirectory(a, "clash");
    ledger.write(a, "clash/below");
  }
}

function isFile(full: string): boolean {
  return Deno.lstatSync(full).isFile;
}
