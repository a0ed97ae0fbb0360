/**
 * Carries out plans in a world of real processes, side by side, and writes down what was seen.
 *
 * @module
 */
import { CONFLICT_MARK } from "../../lib/core/reconcile.ts";
import { readPid } from "../../lib/io/pid_file.ts";
import { ownDirectories } from "../support/tree_view.ts";
import { pause } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";
import { ABSENT, type Observation, type Value } from "./file_model.ts";
import { type Hands, read, remove, rewrite } from "./hands.ts";
import type { Pause, Plan, Step } from "./plan.ts";

const QUIET_LIMIT_MS = 90_000;
const SIZES = [20, 20, 3000] as const;
/** A text that nobody wrote. */
const TORN: Value = -1;

/** A file whose plan is carried out. */
export interface Scene {
  readonly name: string;
  readonly plan: Plan;
  readonly history: Observation[];
}

/** A scene for a plan; no other has its name, which begins no other's. */
export function sceneFor(plan: Plan, name: string): Scene {
  return { name, plan, history: [] };
}

/** Where scenes are played. */
export interface Stage {
  readonly world: World;
  readonly hands: Hands;
}

/** Carries out the plans, phase by phase; all wait for each other until everything is quiet. */
export async function perform(
  stage: Stage,
  scenes: readonly Scene[],
  pauses: readonly (readonly Pause[])[],
): Promise<void> {
  const phases = Math.max(...scenes.map(({ plan }) => plan.length));
  for (let phase = 0; phase < phases; phase++) {
    await Promise.all([
      ...scenes.map((scene) => playPhase(stage, scene, phase)),
      ...(pauses[phase] ?? []).map((still) => stand(stage.world, still)),
    ]);
    await quiet(stage.world);
    for (const scene of scenes) scene.history.push(rest(stage.world, scene));
  }
}

/** Removes the files of the scenes; their deletion reaches the others with what comes next. */
export function clear({ world }: Stage, scenes: readonly Scene[]): void {
  const [first] = world.clients();
  if (first === undefined) return;
  for (const scene of scenes) {
    for (const name of namesOf(first, scene)) {
      Deno.removeSync(`${first.files}/${name}`);
    }
  }
}

async function playPhase(
  stage: Stage,
  { name, plan, history }: Scene,
  phase: number,
): Promise<void> {
  for (const step of plan[phase] ?? []) {
    if (step.waitMs > 0) await pause(step.waitMs);
    history.push(act(stage, name, step));
  }
}

function act(
  { world, hands }: Stage,
  name: string,
  { client, act }: Step,
): Observation {
  const machine = clientAt(world, client);
  const full = `${machine.files}/${name}`;
  const spare = `${machine.home}/spare-${name}`;
  const wrote = (value: Value, replaced: string | undefined): Observation => ({
    op: "write",
    client,
    value,
    replaced: valueIn(replaced),
  });
  const save = (value: Value) => {
    const text = textFor(value, SIZES[value % SIZES.length] ?? 0);
    return wrote(value, hands.save(full, text, spare));
  };
  switch (act.kind) {
    case "read":
      return { op: "read", client, value: valueIn(read(full)) };
    case "delete":
      return wrote(ABSENT, remove(full, spare));
    case "save":
      return save(act.value);
    case "rewrite": {
      const before = rewrite(full, (size) => textFor(act.value, size));
      return before === undefined ? save(act.value) : wrote(act.value, before);
    }
  }
}

async function stand(
  world: World,
  { client, atMs, forMs }: Pause,
): Promise<void> {
  await pause(atMs);
  const pid = readPid(clientAt(world, client).process.pidFile);
  if (pid === undefined) throw new Error(`Cannot stop ${client}: no process`);
  Deno.kill(pid, "SIGSTOP");
  try {
    await pause(forMs);
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
}

/** Waits until all are in step, and nothing lies aside that may still become a conflict copy. */
export async function quiet(world: World): Promise<void> {
  const isTidy = () =>
    world.clients().every(({ files }) => ownDirectories(files).length === 0);
  do {
    await world.waitInStep({ limitMs: QUIET_LIMIT_MS });
    await world.waitTidy();
    await world.waitInStep({ limitMs: QUIET_LIMIT_MS });
  } while (!isTidy());
}

function rest(world: World, scene: Scene): Observation {
  const machines = world.clients();
  const copies = machines.map((machine) =>
    namesOf(machine, scene).filter((name) => name !== scene.name).map((name) =>
      valueIn(read(`${machine.files}/${name}`))
    ).sort((left, right) => left - right)
  );
  const values = machines.map(({ files }) =>
    valueIn(read(`${files}/${scene.name}`))
  );
  return { op: "stable", values, copies };
}

/** The scene's file, if it is there, and its conflict copies. */
function namesOf({ files }: WorldClient, scene: Scene): string[] {
  const [stem = ""] = scene.name.split(".");
  return [...Deno.readDirSync(files)].map(({ name }) => name).filter((name) =>
    name === scene.name ||
    name.startsWith(stem) && name.includes(CONFLICT_MARK)
  );
}

function clientAt(world: World, client: number): WorldClient {
  const found = world.clients()[client];
  if (found === undefined) throw new Error(`Cannot find client ${client}`);
  return found;
}

function textFor(value: Value, size: number): string {
  return `value ${value} `.padEnd(size, ".");
}

function valueIn(text: string | undefined): Value {
  if (text === undefined) return ABSENT;
  const value = Number(/^value (\d+) /.exec(text)?.[1] ?? TORN);
  return textFor(value, text.length) === text ? value : TORN;
}
