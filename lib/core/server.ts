/**
 * The server's state machine: who announced what, who waits, whose turn it is.
 *
 * Each user has a queue, first come, first served. A turn that takes edits runs alone; turns that
 * only bring clients up to date run side by side.
 *
 * Between users, a free turn goes to the user with the fewest running; of those, to the one whose last
 * turn began longest ago. Whatever a user does holds up that user only:
 *
 * - no user has more than half of the turns;
 * - one turn is kept for users with none running;
 * - for such a user, a turn of somebody else counts only while it is fresh. So slow clients of very
 *   many users, who have one turn each, do not keep others waiting either.
 *
 * Hence a user with none running starts at once, or waits two ticks at most for every `jobs` others
 * that have none either; each of them goes before it once at most.
 *
 * @module
 */
import type { RelativePath } from "./path.ts";
import type {
  ClientState,
  MsgReply,
  MsgUpdate,
  ServerState as StateName,
} from "./protocol.ts";
import { PROTOCOL_VERSION } from "./protocol.ts";
import { compareStamps, type Stamp, ZERO_STAMP } from "./stamp.ts";
import type { Needs } from "./status.ts";

/** Most turns that wait for one user; a further announcement is dropped and comes again. */
export const MAX_QUEUE = 1000;

/** Most turns of one client that wait: a client with very many anchors leaves room for others. */
export const MAX_QUEUE_OF_CLIENT = 200;

/** A client's place in the queue. */
export interface Turn {
  readonly id: number;
  readonly user: string;
  readonly client: string;
  readonly path: RelativePath;
  /** True when the client has edits. */
  readonly exclusive: boolean;
  /** True when the client must be brought up to date. */
  readonly behind: boolean;
}

/** What the server knows of a client. */
export interface ClientView {
  readonly host: string;
  readonly state: ClientState;
  readonly stamp: Stamp;
  readonly lastSeenMs: number;
  /** What its own status shows, as it last said. */
  readonly needs: Needs;
}

/** A machine that has nothing to complain of. */
export const NO_NEEDS: Needs = {
  held: 0,
  paused: 0,
  decisions: 0,
  problems: 0,
};

/** What the server knows of a user. */
export interface UserView {
  readonly clients: ReadonlyMap<string, ClientView>;
  readonly queue: readonly Turn[];
  readonly active: readonly Turn[];
  /** When its last turn began, as a number that counts all turns; 0 before its first. */
  readonly lastStart: number;
}

/** The whole state; values are replaced, never changed. */
export interface ServerState {
  readonly users: ReadonlyMap<string, UserView>;
  readonly nextTurn: number;
  readonly jobs: number;
  /** How many turns have begun. */
  readonly starts: number;
  /** How many ticks each running turn has seen, by its id; one that has seen none is not in it. */
  readonly ticks: ReadonlyMap<number, number>;
  readonly announced: StateName;
}

/** From so many ticks on, a turn keeps nobody waiting who has none running. */
const LASTING_TICKS = 2;

/** Where a client stands, looked up in the journal with its announcement. */
export interface Standing {
  readonly epoch: string;
  readonly head: Stamp;
  /** True when something changed under the anchor after the client's stamp. */
  readonly changed: boolean;
}

/** What a client says of one anchor. */
export type Announcement = Exclude<MsgUpdate, { status: "Offline" | "Report" }>;

/** What happens to the server. */
export type ServerEvent =
  | {
    readonly kind: "announced";
    readonly user: string;
    readonly client: string;
    readonly path: RelativePath;
    readonly message: Announcement;
    readonly standing: Standing;
    readonly nowMs: number;
  }
  | {
    readonly kind: "reported";
    readonly user: string;
    readonly client: string;
    readonly host: string;
    readonly needs: Needs;
    readonly nowMs: number;
  }
  | {
    readonly kind: "gone";
    readonly user: string;
    readonly client: string;
    readonly nowMs: number;
  }
  | {
    readonly kind: "turnEnded";
    readonly turn: Turn;
    /** The client's stamp, when the turn was served to its end. */
    readonly stamp: Stamp | undefined;
    readonly nowMs: number;
  }
  /** This server does not serve the user any more: what runs is to end, nothing waits. */
  | { readonly kind: "dropped"; readonly user: string }
  /** Some seconds have passed. */
  | { readonly kind: "tick" }
  | { readonly kind: "linkUp" };

/** What the server does about it. */
export type ServerEffect =
  | { readonly kind: "publishState"; readonly state: StateName }
  | {
    readonly kind: "reply";
    readonly user: string;
    readonly client: string;
    readonly message: MsgReply;
  }
  | { readonly kind: "startTurn"; readonly turn: Turn }
  | { readonly kind: "cancelTurn"; readonly turn: Turn };

/** New state and what to do. */
export interface ServerStep {
  readonly state: ServerState;
  readonly effects: readonly ServerEffect[];
}

/**
 * The state of a server that has just started; `jobs` bounds turns at one time. It is 2 at least, for
 * one of them is kept for users with none running.
 */
export function newServerState(jobs: number): ServerState {
  return {
    users: new Map(),
    nextTurn: 1,
    jobs: Math.max(jobs, 2),
    starts: 0,
    ticks: new Map(),
    announced: "Sinkd",
  };
}

/** One transition. */
export function stepServer(state: ServerState, event: ServerEvent): ServerStep {
  switch (event.kind) {
    case "announced":
      return withTurns(announced(state, event));
    case "reported":
      return { state: reported(state, event), effects: [] };
    case "gone":
      return withTurns(gone(state, event));
    case "turnEnded":
      return withTurns(turnEnded(state, event));
    case "dropped":
      return withTurns(dropped(state, event.user));
    case "tick":
      return withTurns({ state: ticked(state), effects: [] });
    case "linkUp":
      return {
        state,
        effects: [{ kind: "publishState", state: state.announced }],
      };
  }
}

/** A user's state as shown and broadcast. */
export function userState(user: UserView | undefined): StateName {
  const busy = user !== undefined && user.active.length + user.queue.length > 0;
  return busy ? "Synching" : "Sinkd";
}

function announced(
  state: ServerState,
  event: Extract<ServerEvent, { kind: "announced" }>,
): ServerStep {
  const { user, client, path, message, standing, nowMs } = event;
  const stamp = { date: message.date, cycle: message.cycle };
  const needs = clientOf(state, event)?.needs ?? NO_NEEDS;
  const seen = withClient(state, event, {
    host: message.host,
    state: message.status,
    stamp,
    lastSeenMs: nowMs,
    needs,
  });
  if (message.status === "Updating" || message.status === "Held") {
    return { state: seen, effects: [] };
  }
  const sameEpoch = message.epoch === standing.epoch;
  const behind = !sameEpoch || standing.changed ||
    compareStamps(stamp, standing.head) > 0;
  if (behind || message.changes > 0) {
    const wanted = {
      user,
      client,
      path,
      behind,
      exclusive: message.changes > 0,
    };
    return { state: enqueue(seen, wanted), effects: [] };
  }
  if (compareStamps(stamp, standing.head) === 0) {
    return { state: seen, effects: [] };
  }
  const reply: MsgReply = {
    kind: "Sinkd",
    version: PROTOCOL_VERSION,
    path: message.path,
    epoch: standing.epoch,
    ...standing.head,
    since: stamp,
  };
  return {
    state: withClient(seen, event, {
      host: message.host,
      state: "Sinkd",
      stamp: standing.head,
      lastSeenMs: nowMs,
      needs,
    }),
    effects: [{ kind: "reply", user, client, message: reply }],
  };
}

/** A machine may speak of itself before any of its anchors does. */
function reported(
  state: ServerState,
  event: Extract<ServerEvent, { kind: "reported" }>,
): ServerState {
  const { host, needs, nowMs } = event;
  const known = clientOf(state, event);
  const online = known === undefined || known.state === "Offline"
    ? "Sinkd"
    : known.state;
  return withClient(state, event, {
    host,
    state: online,
    stamp: known?.stamp ?? ZERO_STAMP,
    lastSeenMs: nowMs,
    needs,
  });
}

function clientOf(
  state: ServerState,
  { user, client }: { user: string; client: string },
): ClientView | undefined {
  return state.users.get(user)?.clients.get(client);
}

function gone(
  state: ServerState,
  event: Extract<ServerEvent, { kind: "gone" }>,
): ServerStep {
  const user = state.users.get(event.user);
  const client = user?.clients.get(event.client);
  if (user === undefined || client === undefined) return { state, effects: [] };
  const mine = (turn: Turn) => turn.client === event.client;
  const offline = withClient(state, event, {
    ...client,
    // What it retries by itself it does not retry now; what a person must decide waits still.
    needs: { ...client.needs, problems: 0 },
    state: "Offline",
    lastSeenMs: event.nowMs,
  });
  const queue = user.queue.filter((turn) => !mine(turn));
  return {
    state: withUser(offline, event.user, { queue }),
    effects: user.active.filter(mine).map((turn) => ({
      kind: "cancelTurn",
      turn,
    })),
  };
}

function turnEnded(
  state: ServerState,
  event: Extract<ServerEvent, { kind: "turnEnded" }>,
): ServerStep {
  const { turn, stamp, nowMs } = event;
  const user = viewOf(state, turn.user);
  const active = user.active.filter(({ id }) => id !== turn.id);
  const next = withUser(state, turn.user, { active });
  const client = user.clients.get(turn.client);
  if (client === undefined || stamp === undefined) {
    return { state: next, effects: [] };
  }
  return {
    state: withClient(next, turn, { ...client, stamp, lastSeenMs: nowMs }),
    effects: [],
  };
}

/** Turns that run stay active until they have ended: another one must not start beside them. */
function dropped(state: ServerState, name: string): ServerStep {
  const user = state.users.get(name);
  if (user === undefined) return { state, effects: [] };
  return {
    state: withUser(state, name, { queue: [], clients: new Map() }),
    effects: user.active.map((turn) => ({ kind: "cancelTurn", turn })),
  };
}

/** Puts a request in the queue, or merges it with one that waits; one whose turn runs is told again by the client. */
function enqueue(state: ServerState, wanted: Omit<Turn, "id">): ServerState {
  const user = viewOf(state, wanted.user);
  const same = (turn: Turn) =>
    turn.client === wanted.client && turn.path === wanted.path;
  if (user.active.some(same)) return state;
  const queued = user.queue.find(same);
  if (queued !== undefined) {
    const merged = {
      ...queued,
      behind: queued.behind || wanted.behind,
      exclusive: queued.exclusive || wanted.exclusive,
    };
    const queue = user.queue.map((turn) => turn === queued ? merged : turn);
    return withUser(state, wanted.user, { queue });
  }
  if (user.queue.length >= MAX_QUEUE) return state;
  const mine = user.queue.filter(({ client }) => client === wanted.client);
  if (mine.length >= MAX_QUEUE_OF_CLIENT) return state;
  const turn: Turn = { ...wanted, id: state.nextTurn };
  return {
    ...withUser(state, wanted.user, { queue: [...user.queue, turn] }),
    nextTurn: state.nextTurn + 1,
  };
}

/** Counts a tick for every turn that runs. */
function ticked(state: ServerState): ServerState {
  const ticks = new Map<number, number>();
  for (const { active } of state.users.values()) {
    for (const { id } of active) ticks.set(id, ticksOf(state, id) + 1);
  }
  return { ...state, ticks };
}

function ticksOf({ ticks }: ServerState, id: number): number {
  return ticks.get(id) ?? 0;
}

/** Starts every turn that may start now, and says so when the server's own state changed. */
function withTurns(step: ServerStep): ServerStep {
  let { state } = step;
  const effects = [...step.effects];
  for (
    let turn = nextTurn(state);
    turn !== undefined;
    turn = nextTurn(state)
  ) {
    const { queue, active } = viewOf(state, turn.user);
    const starts = state.starts + 1;
    state = {
      ...withUser(state, turn.user, {
        queue: queue.slice(1),
        active: [...active, turn],
        lastStart: starts,
      }),
      starts,
    };
    effects.push({ kind: "startTurn", turn });
  }
  const busy = [...state.users.values()].some((user) =>
    userState(user) === "Synching"
  );
  const announced: StateName = busy ? "Synching" : "Sinkd";
  if (announced !== state.announced) {
    effects.push({ kind: "publishState", state: announced });
    state = { ...state, announced };
  }
  return { state, effects };
}

/** The turn that starts next, if any may: see the module. */
function nextTurn(state: ServerState): Turn | undefined {
  const { all, fresh } = runningIn(state);
  let next: { readonly turn: Turn; readonly user: UserView } | undefined;
  for (const user of state.users.values()) {
    const [turn] = user.queue;
    if (turn === undefined || !mayStart(turn, user)) continue;
    const isFree = user.active.length === 0
      ? fresh < state.jobs
      : all < state.jobs - 1 && user.active.length < turnsOfUser(state.jobs);
    if (!isFree) continue;
    if (next === undefined || isBefore(user, next.user)) next = { turn, user };
  }
  return next?.turn;
}

/** How many turns run, and how many of them have not run for long. */
function runningIn(state: ServerState): { all: number; fresh: number } {
  let all = 0;
  let fresh = 0;
  for (const { active } of state.users.values()) {
    all += active.length;
    fresh += active.filter(({ id }) => ticksOf(state, id) < LASTING_TICKS)
      .length;
  }
  return { all, fresh };
}

/** Of two users with a turn that may start; who has never had one comes in the order of asking. */
function isBefore(one: UserView, other: UserView): boolean {
  const running = one.active.length - other.active.length;
  if (running !== 0) return running < 0;
  if (one.lastStart !== other.lastStart) return one.lastStart < other.lastStart;
  return (one.queue[0]?.id ?? 0) < (other.queue[0]?.id ?? 0);
}

/** How many turns one user may have at one time. */
export function turnsOfUser(jobs: number): number {
  return Math.ceil(jobs / 2);
}

function mayStart(turn: Turn, user: UserView): boolean {
  if (turn.exclusive) return user.active.length === 0;
  return user.active.every(({ exclusive }) => !exclusive);
}

const NO_USER: UserView = {
  clients: new Map(),
  queue: [],
  active: [],
  lastStart: 0,
};

function viewOf(state: ServerState, user: string): UserView {
  return state.users.get(user) ?? NO_USER;
}

function withUser(
  state: ServerState,
  name: string,
  change: Partial<UserView>,
): ServerState {
  const users = new Map(state.users);
  users.set(name, { ...viewOf(state, name), ...change });
  return { ...state, users };
}

function withClient(
  state: ServerState,
  who: { user: string; client: string },
  view: ClientView,
): ServerState {
  const clients = new Map(viewOf(state, who.user).clients);
  clients.set(who.client, view);
  return withUser(state, who.user, { clients });
}
