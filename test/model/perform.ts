/**
 * Carries out plans in a world of real processes, side by side, and writes down what was seen.
 *
 * @module
 */
import { killFor, standStillFor } from "../support/interrupt.ts";
import { quiet } from "../support/quiet.ts";
import { pause } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";
import type { Model } from "./checker.ts";
import type { Hands } from "./hands.ts";
import type { ActBy, Plan, Trouble } from "./plan.ts";

/** Where scenes are played. */
export interface Stage {
  readonly world: World;
  readonly hands: Hands;
}

/** One act's place: whose machine, and the name in its anchor that everything of the scene begins with. */
export interface Place {
  readonly hands: Hands;
  readonly client: number;
  readonly machine: WorldClient;
  readonly name: string;
}

/** A kind of histories: what users do, what is seen of it, and the model that must explain that. */
export interface Kind<Act, Observation, State> {
  readonly model: Model<State, Observation>;
  readonly actBy: ActBy<Act>;
  /** Steps of one phase at most: the states to follow grow with them. */
  readonly mostSteps: number;
  /** What was seen; `undefined` when something was replaced that the model does not follow. */
  readonly act: (place: Place, act: Act) => readonly Observation[] | undefined;
  /** What all machines have at rest. */
  readonly rest: (
    machines: readonly WorldClient[],
    name: string,
  ) => Observation;
  /** True for an observation that changes nothing. */
  readonly isIdle: (observation: Observation) => boolean;
}

/** A file or tree whose plan is carried out. */
export interface Scene<Act, Observation> {
  readonly name: string;
  readonly plan: Plan<Act>;
  readonly history: Observation[];
  /** True when the model cannot follow it any more. */
  isSpoiled: boolean;
}

/** A scene for a plan; `name` is new, and begins no other's. */
export function sceneFor<Act, Observation>(
  plan: Plan<Act>,
  name: string,
): Scene<Act, Observation> {
  return { name, plan, history: [], isSpoiled: false };
}

/** Carries out the plans, phase by phase; all wait for each other until everything is quiet. */
export async function perform<Act, Observation, State>(
  { world, hands }: Stage,
  { kind, scenes, troubles }: {
    kind: Kind<Act, Observation, State>;
    scenes: readonly Scene<Act, Observation>[];
    troubles: readonly (readonly Trouble[])[];
  },
): Promise<void> {
  const play = async (scene: Scene<Act, Observation>, phase: number) => {
    for (const { client, waitMs, act } of scene.plan[phase] ?? []) {
      if (waitMs > 0) await pause(waitMs);
      const machine = clientAt(world, client);
      const place = { hands, client, machine, name: scene.name };
      const seen = kind.act(place, act);
      if (seen === undefined) scene.isSpoiled = true;
      else scene.history.push(...seen);
    }
  };
  const phases = Math.max(...scenes.map(({ plan }) => plan.length));
  for (let phase = 0; phase < phases; phase++) {
    await Promise.all([
      ...scenes.map((scene) => play(scene, phase)),
      ...(troubles[phase] ?? []).map((trouble) => make(world, trouble)),
    ]);
    await quiet(world);
    for (const { name, history } of scenes) {
      history.push(kind.rest(world.clients(), name));
    }
  }
}

/** Removes what the scenes left; that reaches the others with what comes next. */
export function clear(
  { world }: Stage,
  scenes: readonly { readonly name: string }[],
): void {
  const { files } = clientAt(world, 0);
  for (const { name } of Deno.readDirSync(files)) {
    if (!scenes.some((scene) => name.startsWith(stemOf(scene.name)))) continue;
    Deno.removeSync(`${files}/${name}`, { recursive: true });
  }
}

/** What the names of a scene's conflict copies begin with, too. */
export function stemOf(name: string): string {
  return name.split(".")[0] ?? name;
}

async function make(
  world: World,
  { who, how, atMs, forMs }: Trouble,
): Promise<void> {
  const process = who === "server"
    ? world.server
    : clientAt(world, who).process;
  await pause(atMs);
  if (how === "is killed") await killFor(process, forMs);
  else await standStillFor(process, forMs);
}

function clientAt(world: World, client: number): WorldClient {
  const found = world.clients()[client];
  if (found === undefined) throw new Error(`Cannot find client ${client}`);
  return found;
}
