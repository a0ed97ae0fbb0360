/**
 * Rounds of random plans for as long as there is time, and the report of one that no placing of
 * hidden events explains.
 *
 * @module
 */
import type { World } from "../support/world.ts";
import { essence, explain } from "./checker.ts";
import { Hands } from "./hands.ts";
import {
  clear,
  type Kind,
  perform,
  type Scene,
  sceneFor,
  type Stage,
} from "./perform.ts";
import { type Plan, planText, roundOf, type Trouble } from "./plan.ts";
import { shrink } from "./shrink.ts";

/** How long rounds go on, and how long a plan that goes wrong is made shorter. */
export interface Budget {
  readonly firstSeed: number;
  readonly seconds: number;
  readonly shrinkSeconds: number;
}

/** What was seen in all rounds. */
export interface Seen {
  rounds: number;
  histories: number;
  observations: number;
  /** Histories that the model cannot follow. */
  spoiled: number;
  /** Most states that one history left possible at a time. */
  states: number;
}

/** Files that nobody touches: an anchor that is emptied is held, and these keep it from being empty. */
const BALLAST = 250;
/** Plans that are repeated side by side to see whether one still goes wrong. */
const REPEATED = 12;

/** Performs rounds and checks every history; throws with all that is known of one that is wrong. */
export async function performRounds<Act, Observation, State>(
  world: World,
  kind: Kind<Act, Observation, State>,
  { firstSeed, seconds, shrinkSeconds }: Budget,
): Promise<Seen> {
  using hands = new Hands();
  const stage = { world, hands };
  layBallast(world);
  const seen = {
    rounds: 0,
    histories: 0,
    observations: 0,
    spoiled: 0,
    states: 0,
  };
  const endMs = performance.now() + seconds * 1000;
  for (let seed = firstSeed; performance.now() < endMs; seed++) {
    const { plans, troubles } = roundOf(seed, kind);
    const scenes = plans.map((plan, index) =>
      sceneFor<Act, Observation>(plan, nameAt(seed, index))
    );
    try {
      await perform(stage, { kind, scenes, troubles });
    } catch (cause) {
      throw new Error(`Cannot end round ${seed}: ${replay(seed)}`, { cause });
    }
    for (const scene of scenes) {
      if (!isExplained(kind, scene, seen)) {
        const endMs = performance.now() + shrinkSeconds * 1000;
        throw await report(stage, { kind, seed, scene, troubles, endMs });
      }
    }
    seen.rounds++;
    clear(stage, scenes);
  }
  return seen;
}

/** Two of three have an extension; no name begins another. */
function nameAt(seed: number, index: number): string {
  return `${seed}-${index}-${["", ".txt", ".tar.gz"][index % 3]}`;
}

function replay(seed: number): string {
  return `MODEL_SEED=${seed} repeats the round`;
}

function layBallast(world: World): void {
  const [first] = world.clients();
  if (first === undefined) throw new Error("Cannot begin: no client");
  Deno.mkdirSync(`${first.files}/ballast`, { recursive: true });
  for (let i = 0; i < BALLAST; i++) {
    Deno.writeTextFileSync(`${first.files}/ballast/${i}`, `${i}`);
  }
}

function isExplained<Act, Observation, State>(
  { model }: Kind<Act, Observation, State>,
  { history, name, isSpoiled }: Scene<Act, Observation>,
  seen: Seen,
): boolean {
  if (isSpoiled) {
    seen.spoiled++;
    return true;
  }
  const verdict = explain(model, history);
  switch (verdict.kind) {
    case "unexplained":
      return false;
    case "too many states":
      throw new Error(`Cannot tell of ${name}: too many states`);
    case "explained":
      seen.histories++;
      seen.observations += history.length;
      seen.states = Math.max(seen.states, verdict.mostStates);
      return true;
  }
}

async function report<Act, Observation, State>(
  stage: Stage,
  { kind, seed, scene, troubles, endMs }: {
    kind: Kind<Act, Observation, State>;
    seed: number;
    scene: Scene<Act, Observation>;
    troubles: readonly (readonly Trouble[])[];
    endMs: number;
  },
): Promise<Error> {
  const { model } = kind;
  let tries = 0;
  const fails = async (plan: Plan<Act>) => {
    tries++;
    const scenes = Array.from(
      { length: REPEATED },
      (_, index) =>
        sceneFor<Act, Observation>(plan, `again-${tries}-${index}-`),
    );
    await perform(stage, { kind, scenes, troubles });
    clear(stage, scenes);
    return scenes.some(({ history, isSpoiled }) =>
      !isSpoiled && explain(model, history).kind === "unexplained"
    );
  };
  const shrunk = await shrink(scene.plan, {
    fails,
    isOver: () => performance.now() > endMs,
  });
  const { history } = scene;
  const wrong = essence(model, history, kind.isIdle);
  return new Error([
    `Round ${seed}, ${scene.name}: no placing of uploads and downloads explains what was seen`,
    textOf(history),
    "Of this, what cannot be explained together:",
    textOf(wrong),
    `It could have been ${JSON.stringify(explain(model, history))}`,
    `The plan, as short as it still goes wrong in one of ${REPEATED} (after ${tries} tries):`,
    planText(shrunk),
    `Troubles: ${JSON.stringify(troubles)}`,
    replay(seed),
  ].join("\n"));
}

function textOf<Observation>(history: readonly Observation[]): string {
  return history.map((observation) => `  ${JSON.stringify(observation)}`)
    .join("\n");
}
