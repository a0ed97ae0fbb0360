/**
 * Explains histories: is there a placing of hidden events under which a model would have shown just
 * what was observed?
 *
 * @module
 */

/** States of a system, what moves it unseen, and what an observation says about it. */
export interface Model<State, Observation> {
  readonly start: State;
  /** States that one unseen event leads to. */
  hidden(state: State): readonly State[];
  /** The states after an observation; none when the state does not allow it. */
  observe(state: State, observation: Observation): readonly State[];
  /** What must hold in every state before an observation that is still to come, so that others are left out. */
  ahead?(observation: Observation): ((state: State) => boolean) | undefined;
  /** Equal for equal states. */
  key(state: State): string;
}

/** Whether a history can be explained; `at` is the first observation that cannot. */
export type Verdict<State> =
  | { readonly kind: "explained"; readonly mostStates: number }
  | {
    readonly kind: "unexplained";
    readonly at: number;
    /** States in which the system may have been when it was made; the first few. */
    readonly before: readonly State[];
  }
  | { readonly kind: "too many states"; readonly at: number };

const MOST_STATES = 200_000;
const MOST_SHOWN = 5;

/** Follows all states that the observations leave possible. */
export function explain<State, Observation>(
  model: Model<State, Observation>,
  history: readonly Observation[],
  { mostStates = MOST_STATES }: { readonly mostStates?: number } = {},
): Verdict<State> {
  const hopeful = hopes(model, history);
  const from = (states: readonly State[], at: number) =>
    reachable(model, states, { isHopeful: hopeful[at], mostStates });
  let possible = from([model.start], 0);
  let most = possible.length;
  for (const [at, observation] of history.entries()) {
    const after = possible.flatMap((state) =>
      model.observe(state, observation)
    );
    if (after.length === 0) {
      return { kind: "unexplained", at, before: possible.slice(0, MOST_SHOWN) };
    }
    possible = from(after, at + 1);
    if (possible.length > mostStates) return { kind: "too many states", at };
    most = Math.max(most, possible.length);
  }
  return { kind: "explained", mostStates: most };
}

/** For each place in a history: what the next observation that says something ahead asks for. */
function hopes<State, Observation>(
  model: Model<State, Observation>,
  history: readonly Observation[],
): (((state: State) => boolean) | undefined)[] {
  const found: (((state: State) => boolean) | undefined)[] = [undefined];
  for (const observation of history.toReversed()) {
    found.push(model.ahead?.(observation) ?? found.at(-1));
  }
  return found.reverse();
}

/** These states and all that unseen events lead to, each once; a little more than `mostStates` at most. */
function reachable<State, Observation>(
  model: Model<State, Observation>,
  from: readonly State[],
  { isHopeful = () => true, mostStates }: {
    readonly isHopeful?: ((state: State) => boolean) | undefined;
    readonly mostStates: number;
  },
): State[] {
  const known = new Set<string>();
  const found: State[] = [];
  const add = (state: State) => {
    const key = model.key(state);
    if (known.has(key)) return;
    known.add(key);
    if (isHopeful(state)) found.push(state);
  };
  from.forEach(add);
  // Grows while it is walked.
  for (const state of found) {
    model.hidden(state).forEach(add);
    if (found.length > mostStates) break;
  }
  return found;
}

/**
 * Leaves out observations as long as the rest cannot be explained; only those that change nothing may
 * be left out.
 */
export function essence<State, Observation>(
  model: Model<State, Observation>,
  history: readonly Observation[],
  isIdle: (observation: Observation) => boolean,
): Observation[] {
  const verdict = explain(model, history);
  let left = verdict.kind === "unexplained"
    ? history.slice(0, verdict.at + 1)
    : [...history];
  for (const observation of left.filter(isIdle).reverse()) {
    const without = left.filter((other) => other !== observation);
    if (explain(model, without).kind === "unexplained") left = without;
  }
  return left;
}
