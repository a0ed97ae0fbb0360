/**
 * Leases: which of several servers on one broker serves a user. Never two, whatever messages and
 * processes do; the price is a pause.
 *
 * Each server *beats*: a numbered status message every 5 s, which it also hears back. It may serve
 * until {@linkcode LEASE_MS} after it *sent* the last beat that it heard back. To take a user over
 * it publishes a claim on the user's topic and waits for that to come back too. The broker keeps
 * the order of one topic, and of all that it sends down one connection; so a claim that comes back
 * with nothing of anybody else's in between is a compare-and-swap.
 *
 * Others are taken for gone {@linkcode EXPIRY_MS} after their last beat was *received*. Why that is
 * enough: whoever claims has itself a beat that came back within LEASE_MS, and with it, in the order
 * of its connection, all that the broker handled before. So the broker handled no beat of the other
 * for EXPIRY_MS − LEASE_MS, which is more than LEASE_MS: the other has stopped by itself. And what a
 * holder publishes reaches the broker before a broker gives up a silent connection (1.5 × 15 s),
 * which is less than EXPIRY_MS − LEASE_MS: its word never comes after that of a successor.
 *
 * A claim's number is the fencing token. It is kept in the user's directory too, so that a directory
 * left behind by a move is known for old. A successor that did not get the directory from a clean
 * release begins a new epoch: clients then compare in full, and delete nothing.
 *
 * @module
 */
import type { LeaseEffect, LeaseEvent } from "./lease_events.ts";
import { standing } from "./lease_standing.ts";
import {
  type Instant,
  isProven,
  type LeaseRecord,
  type LeaseState,
  type Phase,
  SETTLE_MS,
  type Tenure,
} from "./lease_state.ts";

const MAX_BEATS_OUT = 16;
const OUT_OF_REACH = "the broker was out of reach for too long";

/** New state and what to do. */
export interface LeaseStep {
  readonly state: LeaseState;
  readonly effects: readonly LeaseEffect[];
}

/** One transition. A lease that ran out is lost before anything else happens. */
export function stepLease(state: LeaseState, event: LeaseEvent): LeaseStep {
  if (!("now" in event)) return transition(state, event);
  const lapsed = lapse(state, event.now);
  return after(lapsed.effects, transition(lapsed.state, event));
}

function transition(state: LeaseState, event: LeaseEvent): LeaseStep {
  switch (event.kind) {
    case "linkUp":
      return linkUp(state, event.now);
    case "linkDown":
      return {
        state: { ...state, linkedAtMs: undefined, out: new Map() },
        effects: [],
      };
    case "want":
      return want(state, event);
    case "unwant":
      return unwant(state, event.user);
    case "beat":
      return heard(state, event);
    case "record":
      return recorded(state, event);
    case "tick":
      return tick(state, event.now);
  }
}

/** What was claimed on an earlier connection is void; what is held is said again, as the broker may have forgotten it. */
function linkUp(state: LeaseState, now: Instant): LeaseStep {
  const users = new Map<string, Tenure>();
  const effects: LeaseEffect[] = [];
  for (const [user, tenure] of state.users) {
    const { phase } = tenure;
    users.set(user, {
      ...tenure,
      seen: undefined,
      fromBeat: state.nextBeat,
      phase: phase.kind === "claiming" ? { kind: "waiting" } : phase,
    });
    effects.push({ kind: "listen", user });
    if (phase.kind === "holding") {
      effects.push(sayHeld(state, user, phase.number));
    }
  }
  const linked = {
    ...state,
    users,
    linkedAtMs: now.steadyMs,
    out: new Map(),
    peers: new Map(),
  };
  return after(effects, beat(linked, now));
}

function want(
  state: LeaseState,
  { user, copy, now }: Extract<LeaseEvent, { kind: "want" }>,
): LeaseStep {
  const known = state.users.get(user);
  if (known !== undefined) {
    if (known.phase.kind !== "waiting") return { state, effects: [] };
    return attempt(withTenure(state, user, { ...known, copy }), user, now);
  }
  const linked = state.linkedAtMs !== undefined;
  const next = withTenure(state, user, {
    copy,
    fromBeat: linked ? state.nextBeat : undefined,
    seen: undefined,
    highest: copy.number,
    phase: { kind: "waiting" },
  });
  if (!linked) return { state: next, effects: [] };
  // A beat that is sent after the subscription comes back after all that the broker had retained.
  return after([{ kind: "listen", user }], beat(next, now));
}

function unwant(state: LeaseState, user: string): LeaseStep {
  const tenure = state.users.get(user);
  if (tenure === undefined) return { state, effects: [] };
  const users = new Map(state.users);
  users.delete(user);
  const { phase } = tenure;
  return {
    state: { ...state, users },
    effects: [
      { kind: "unlisten", user },
      ...(phase.kind === "holding"
        ? [{ kind: "letGo", user, number: phase.number } as const]
        : []),
    ],
  };
}

function heard(
  state: LeaseState,
  event: Extract<LeaseEvent, { kind: "beat" }>,
): LeaseStep {
  const { server, beat: count, now } = event;
  if (server === state.me.id) return heardOwn(state, event);
  if (!state.peers.has(server) || count === 0) return { state, effects: [] };
  const peers = new Map(state.peers).set(server, now.steadyMs);
  return { state: { ...state, peers }, effects: [] };
}

function heardOwn(
  state: LeaseState,
  { boot, beat: count, now }: Extract<LeaseEvent, { kind: "beat" }>,
): LeaseStep {
  // A will, of the last run or of a connection that broke: clients shall know better.
  if (count === 0) return beat(state, now);
  if (boot !== state.me.boot) {
    // What the last run left retained comes before anything of this one is back.
    const twin = state.proven !== undefined;
    return { state, effects: twin ? [{ kind: "twin" }] : [] };
  }
  const sent = state.out.get(count);
  if (sent === undefined) return { state, effects: [] };
  const out = new Map([...state.out].filter(([each]) => each > count));
  return attemptAll({ ...state, out, proven: sent, provenBeat: count }, now);
}

function recorded(
  state: LeaseState,
  event: Extract<LeaseEvent, { kind: "record" }>,
): LeaseStep {
  const { user, record, boot, now } = event;
  const tenure = state.users.get(user);
  if (tenure === undefined) return { state, effects: [] };
  const seen = { record, heardAtMs: now.steadyMs };
  const listening = watch(state, record, now);
  const highest = Math.max(tenure.highest, record.number);
  const noted = { ...tenure, seen, highest };
  const { phase } = tenure;
  switch (phase.kind) {
    case "waiting":
      return after(
        listening.effects,
        attempt(withTenure(listening.state, user, noted), user, now),
      );
    case "claiming": {
      const own = record.server === state.me.id && boot === state.me.boot;
      if (!own) {
        // Of two claims in one moment the one of the lower id may go on: the other one hears of it too.
        const goesOn = phase.backAtMs !== undefined &&
          record.kind === "claim" && record.server > state.me.id;
        const next = goesOn ? phase : { ...phase, disturbed: true };
        return after(listening.effects, {
          state: withTenure(listening.state, user, { ...noted, phase: next }),
          effects: [],
        });
      }
      // What we said before the claim comes before it, and disturbs nobody.
      if (record.kind !== "claim" || record.number !== phase.number) {
        return { state, effects: [] };
      }
      // Whoever disturbed it stays in view: our own void claim tells nobody anything.
      const back = { ...phase, backAtMs: now.steadyMs };
      const claimed = { ...tenure, highest, phase: back };
      return attempt(withTenure(state, user, claimed), user, now);
    }
    case "holding":
      return whileHolding(listening, { ...event, tenure: noted, phase });
  }
}

/** Takes a user whose claim came back undisturbed, and gives up one that did not. */
function settle(
  state: LeaseState,
  user: string,
  { tenure, phase, now }: {
    readonly tenure: Tenure;
    readonly phase: Extract<Phase, { kind: "claiming" }>;
    readonly now: Instant;
  },
): LeaseStep {
  const { backAtMs, untilBeat } = phase;
  if (backAtMs === undefined) return { state, effects: [] };
  if (phase.disturbed || !isProven(state, now)) {
    const waiting = { ...tenure, phase: { kind: "waiting" } as const };
    return { state: withTenure(state, user, waiting), effects: [] };
  }
  if (!state.fleet) return take(state, user, { tenure, phase });
  if (now.steadyMs - backAtMs < SETTLE_MS) return { state, effects: [] };
  if (untilBeat === undefined) {
    const last = { ...phase, untilBeat: state.nextBeat };
    return {
      state: withTenure(state, user, { ...tenure, phase: last }),
      effects: [],
    };
  }
  return state.provenBeat < untilBeat
    ? { state, effects: [] }
    : take(state, user, { tenure, phase });
}

function take(
  state: LeaseState,
  user: string,
  { tenure, phase }: {
    readonly tenure: Tenure;
    readonly phase: Extract<Phase, { kind: "claiming" }>;
  },
): LeaseStep {
  const { number, keepEpoch } = phase;
  const holder = state.me.id;
  const copy = {
    ...tenure.copy,
    number,
    holder,
    released: false,
    adopted: false,
  };
  return {
    state: withTenure(state, user, {
      ...tenure,
      copy,
      phase: { kind: "holding", number },
    }),
    effects: [
      { kind: "took", user, number, keepEpoch },
      sayHeld(state, user, number),
    ],
  };
}

/**
 * A claim of another server is void while our lease lasts (see the module); we say again who holds.
 * One that says it holds, with a higher number, is believed all the same: better nobody than two.
 */
function whileHolding(
  step: LeaseStep,
  at: {
    readonly user: string;
    readonly record: LeaseRecord;
    readonly tenure: Tenure;
    readonly phase: Extract<Phase, { kind: "holding" }>;
  },
): LeaseStep {
  const { user, record, tenure, phase } = at;
  const { state } = step;
  const own = record.server === state.me.id;
  if (own && record.kind === "held" && record.number === phase.number) {
    return after(step.effects, {
      state: withTenure(state, user, tenure),
      effects: [],
    });
  }
  const beaten = !own && record.kind === "held" &&
    (record.number > phase.number ||
      (record.number === phase.number && record.server > state.me.id));
  if (!beaten) {
    const again = own ? [] : [sayHeld(state, user, phase.number)];
    return { state, effects: [...step.effects, ...again] };
  }
  const reason = "another server has taken this user over";
  return after(step.effects, {
    state: withTenure(state, user, { ...tenure, phase: { kind: "waiting" } }),
    effects: [{ kind: "lost", user, reason }],
  });
}

function lapse(state: LeaseState, now: Instant): LeaseStep {
  if (isProven(state, now)) return { state, effects: [] };
  const effects: LeaseEffect[] = [];
  const users = new Map(state.users);
  for (const [user, tenure] of state.users) {
    if (tenure.phase.kind !== "holding") continue;
    users.set(user, { ...tenure, phase: { kind: "waiting" } });
    effects.push({ kind: "lost", user, reason: OUT_OF_REACH });
  }
  return { state: { ...state, users }, effects };
}

/** The beat comes last: what waits for one that is sent from now on may wait for this. */
function tick(state: LeaseState, now: Instant): LeaseStep {
  const tried = attemptAll(state, now);
  return after(tried.effects, beat(tried.state, now));
}

function beat(state: LeaseState, now: Instant): LeaseStep {
  if (state.linkedAtMs === undefined) return { state, effects: [] };
  const { nextBeat } = state;
  const out = new Map([...state.out].slice(1 - MAX_BEATS_OUT));
  out.set(nextBeat, now);
  return {
    state: { ...state, out, nextBeat: nextBeat + 1 },
    effects: [{ kind: "beat", beat: nextBeat }],
  };
}

/** Listens to the server that a record names, so that its silence means something. */
function watch(
  state: LeaseState,
  record: LeaseRecord,
  now: Instant,
): LeaseStep {
  const { server } = record;
  if (server === state.me.id || state.peers.has(server)) {
    return { state, effects: [] };
  }
  const peers = new Map(state.peers).set(server, now.steadyMs);
  return { state: { ...state, peers }, effects: [{ kind: "watch", server }] };
}

function attemptAll(state: LeaseState, now: Instant): LeaseStep {
  let next = state;
  const effects: LeaseEffect[] = [];
  for (const user of state.users.keys()) {
    const step = attempt(next, user, now);
    next = step.state;
    effects.push(...step.effects);
  }
  return { state: next, effects };
}

/** Claims a user that is free, once all that the broker had retained must have come; or goes on with a claim. */
function attempt(state: LeaseState, user: string, now: Instant): LeaseStep {
  const tenure = state.users.get(user);
  if (tenure === undefined || state.linkedAtMs === undefined) {
    return { state, effects: [] };
  }
  if (tenure.phase.kind === "claiming") {
    return settle(state, user, { tenure, phase: tenure.phase, now });
  }
  if (
    tenure.phase.kind === "holding" || tenure.fromBeat === undefined ||
    state.provenBeat < tenure.fromBeat || !isProven(state, now)
  ) return { state, effects: [] };
  const found = standing(state, tenure, now.steadyMs);
  if (found.kind !== "free") return { state, effects: [] };
  const { seen, copy } = tenure;
  const number = Math.max(copy.number, tenure.highest) + 1;
  const over = seen === undefined
    ? copy.number
    : seen.record.kind === "claim"
    ? seen.record.over
    : seen.record.number;
  const { keepEpoch } = found;
  const phase: Phase = {
    kind: "claiming",
    number,
    keepEpoch,
    disturbed: false,
    backAtMs: undefined,
    untilBeat: undefined,
  };
  const record = { kind: "claim", number, server: state.me.id, over } as const;
  return {
    state: withTenure(state, user, { ...tenure, phase }),
    effects: [{ kind: "publish", user, record }],
  };
}

function sayHeld(
  { me }: LeaseState,
  user: string,
  number: number,
): Extract<LeaseEffect, { kind: "publish" }> {
  return {
    kind: "publish",
    user,
    record: { kind: "held", number, server: me.id },
  };
}

function after(effects: readonly LeaseEffect[], step: LeaseStep): LeaseStep {
  return { state: step.state, effects: [...effects, ...step.effects] };
}

function withTenure(
  state: LeaseState,
  user: string,
  tenure: Tenure,
): LeaseState {
  return { ...state, users: new Map(state.users).set(user, tenure) };
}
