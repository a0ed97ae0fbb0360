/**
 * Rounds of random plans for as long as there is time, and the report of one that no placing of
 * hidden events explains.
 *
 * @module
 */
import type { World } from "../support/world.ts";
import { essence, explain } from "./checker.ts";
import { fileModel, type Observation } from "./file_model.ts";
import { Hands } from "./hands.ts";
import { clear, perform, type Scene, sceneFor, type Stage } from "./perform.ts";
import { CLIENTS, type Pause, type Plan, planText, roundOf } from "./plan.ts";
import { shrink } from "./shrink.ts";

/** How many rounds there are, and when shrinking ends. */
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
  /** Conflict copies that the model asked for. */
  copies: number;
  /** Most states that one history left possible at a time. */
  states: number;
}

/** Files that nobody touches: an anchor that is emptied is held, and these keep it from being empty. */
const BALLAST = 110;
/** Plans that are repeated side by side to see whether one still goes wrong. */
const REPEATED = 12;
const model = fileModel(CLIENTS);

/** Performs rounds and checks every history; throws with all that is known of one that is wrong. */
export async function performRounds(
  world: World,
  { firstSeed, seconds, shrinkSeconds }: Budget,
): Promise<Seen> {
  using hands = new Hands();
  const stage = { world, hands };
  layBallast(world);
  const seen = {
    rounds: 0,
    histories: 0,
    observations: 0,
    copies: 0,
    states: 0,
  };
  const endMs = performance.now() + seconds * 1000;
  for (let seed = firstSeed; performance.now() < endMs; seed++) {
    const { plans, pauses } = roundOf(seed);
    const scenes = plans.map((plan, index) =>
      sceneFor(plan, nameAt(seed, index))
    );
    try {
      await perform(stage, scenes, pauses);
    } catch (cause) {
      const replay = `MODEL_SEED=${seed} repeats the round`;
      throw new Error(`Cannot end round ${seed}: ${replay}`, { cause });
    }
    for (const scene of scenes) {
      if (!count(seen, scene)) {
        const endMs = performance.now() + shrinkSeconds * 1000;
        throw await report(stage, { seed, scene, pauses, endMs });
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

function layBallast(world: World): void {
  const [first] = world.clients();
  if (first === undefined) throw new Error("Cannot begin: no client");
  Deno.mkdirSync(`${first.files}/ballast`);
  for (let i = 0; i < BALLAST; i++) {
    Deno.writeTextFileSync(`${first.files}/ballast/${i}`, `${i}`);
  }
}

/** False when the history cannot be explained. */
function count(seen: Seen, { history, name }: Scene): boolean {
  const verdict = explain(model, history);
  switch (verdict.kind) {
    case "unexplained":
      return false;
    case "too many states":
      throw new Error(`Cannot tell of ${name}: too many states`);
    case "explained": {
      const last = history.findLast(({ op }) => op === "stable");
      seen.histories++;
      seen.observations += history.length;
      seen.copies += last?.op === "stable" ? last.copies[0]?.length ?? 0 : 0;
      seen.states = Math.max(seen.states, verdict.mostStates);
      return true;
    }
  }
}

async function report(
  stage: Stage,
  { seed, scene, pauses, endMs }: {
    seed: number;
    scene: Scene;
    pauses: readonly (readonly Pause[])[];
    endMs: number;
  },
): Promise<Error> {
  let tries = 0;
  const fails = async (plan: Plan) => {
    tries++;
    const scenes = Array.from(
      { length: REPEATED },
      (_, index) => sceneFor(plan, `again-${tries}-${index}-`),
    );
    await perform(stage, scenes, pauses);
    clear(stage, scenes);
    return scenes.some(({ history }) =>
      explain(model, history).kind === "unexplained"
    );
  };
  const shrunk = await shrink(scene.plan, {
    fails,
    isOver: () => performance.now() > endMs,
  });
  const { history } = scene;
  const wrong = essence(model, history, ({ op }) => op !== "write");
  const verdict = explain(model, history);
  return new Error([
    `Round ${seed}, ${scene.name}: no placing of uploads and downloads explains what was seen`,
    textOf(history),
    "Of this, what cannot be explained together:",
    textOf(wrong),
    `It could have been ${JSON.stringify(verdict)}`,
    `The plan, as short as it still goes wrong in one of ${REPEATED} (after ${tries} tries):`,
    planText(shrunk),
    `Clients stand still: ${JSON.stringify(pauses)}`,
    `MODEL_SEED=${seed} repeats the round`,
  ].join("\n"));
}

function textOf(history: readonly Observation[]): string {
  return history.map((observation) => `  ${JSON.stringify(observation)}`)
    .join("\n");
}
