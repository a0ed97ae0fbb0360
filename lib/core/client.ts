/**
 * The client's state machine: when to announce what, and when to open a data channel.
 *
 * Messages are hints: whatever is announced is announced again, with growing pauses, until a turn or
 * an answer settled it.
 *
 * @module
 */
import type {
  ClientState as StateName,
  MsgReply,
  ServerState,
} from "./protocol.ts";
import { compareStamps, type Stamp } from "./stamp.ts";

/** First pause before an unanswered announcement is repeated, in milliseconds; doubles. */
export const FIRST_RETRY_MS = 2_000;
/** Longest pause between two announcements of the same need, in milliseconds. */
export const LONGEST_RETRY_MS = 30_000;

/** Where an anchor stands with the server. */
export interface Standing {
  readonly epoch: string;
  readonly stamp: Stamp;
}

/** What there is to hand in: how many paths, how many bytes. */
export interface Load {
  readonly changes: number;
  readonly bytes: number;
}

/** One anchor as the state machine sees it. */
export interface AnchorView {
  readonly position: Standing;
  readonly load: Load;
  /** `closed`: not scanned yet, paused, or its root cannot be trusted. */
  readonly phase: "closed" | "idle" | "turn";
  /** True while the server is updating it. */
  readonly updating: boolean;
  /** Earliest time of the next announcement. */
  readonly announceAtMs: number;
  readonly retryMs: number;
}

/** The whole state; values are replaced, never changed. Anchors by their path on the server. */
export interface ClientState {
  readonly linked: boolean;
  readonly server: ServerState;
  readonly head: Standing | undefined;
  readonly anchors: ReadonlyMap<string, AnchorView>;
}

/** What happens to the client. */
export type ClientEvent =
  | { readonly kind: "linkUp"; readonly nowMs: number }
  | { readonly kind: "linkDown" }
  | {
    readonly kind: "server";
    readonly state: ServerState;
    readonly nowMs: number;
  }
  | { readonly kind: "head"; readonly head: Standing; readonly nowMs: number }
  | {
    readonly kind: "reply";
    readonly message: MsgReply;
    readonly nowMs: number;
  }
  /** An anchor was scanned and is watched; or closed again. */
  | {
    readonly kind: "opened";
    readonly path: string;
    readonly position: Standing;
    readonly load: Load;
    readonly nowMs: number;
  }
  | {
    readonly kind: "closed";
    readonly path: string;
    readonly position: Standing;
  }
  | { readonly kind: "removed"; readonly path: string }
  | {
    readonly kind: "edited";
    readonly path: string;
    readonly load: Load;
    readonly nowMs: number;
  }
  | {
    readonly kind: "turnEnded";
    readonly path: string;
    readonly position: Standing;
    readonly load: Load;
    /** False when the turn broke or left something: the next one waits. */
    readonly clean: boolean;
    readonly nowMs: number;
  }
  | { readonly kind: "woken"; readonly nowMs: number };

/** What the client does about it. */
export type ClientEffect =
  | {
    readonly kind: "announce";
    readonly path: string;
    readonly status: "Sinkd" | "Behind" | "Updating";
    readonly position: Standing;
    readonly load: Load;
  }
  | {
    readonly kind: "openTurn";
    readonly path: string;
    readonly session: string;
    readonly token: string;
  }
  /** Nothing under the anchor changed up to this stamp: record it. */
  | {
    readonly kind: "advance";
    readonly path: string;
    readonly position: Standing;
  }
  | { readonly kind: "fault"; readonly path: string; readonly message: string };

/** New state and what to do. */
export interface ClientStep {
  readonly state: ClientState;
  readonly effects: readonly ClientEffect[];
}

/** The state of a client that has just started. */
export function newClientState(): ClientState {
  return {
    linked: false,
    server: "Offline",
    head: undefined,
    anchors: new Map(),
  };
}

/** One transition. */
export function stepClient(state: ClientState, event: ClientEvent): ClientStep {
  switch (event.kind) {
    case "linkUp":
      return announceAll({ ...state, linked: true }, event.nowMs);
    case "linkDown":
      return {
        state: { ...state, linked: false, server: "Offline" },
        effects: [],
      };
    case "server": {
      const next = { ...state, server: event.state };
      const back = state.server === "Offline" && event.state !== "Offline";
      return back
        ? announceAll(next, event.nowMs)
        : announceDue(next, event.nowMs);
    }
    case "head": {
      const next = { ...state, head: event.head };
      const isNews = state.head?.epoch !== event.head.epoch ||
        compareStamps(state.head.stamp, event.head.stamp) !== 0;
      return announceDue(
        isNews ? urgent(next, event.nowMs) : next,
        event.nowMs,
      );
    }
    case "reply":
      return replied(state, event);
    case "opened": {
      const { path, position, load, nowMs } = event;
      const view = { ...FRESH, ...state.anchors.get(path), position, load };
      const phase = view.phase === "closed" ? "idle" : view.phase;
      const next = withAnchor(state, path, {
        ...view,
        phase,
        announceAtMs: nowMs,
      });
      return canTalk(next)
        ? announceOne(next, path, nowMs)
        : { state: next, effects: [] };
    }
    case "closed": {
      const { path, position } = event;
      const view = { ...FRESH, ...state.anchors.get(path), position };
      return {
        state: withAnchor(state, path, {
          ...view,
          phase: "closed",
          updating: false,
        }),
        effects: [],
      };
    }
    case "removed": {
      const anchors = new Map(state.anchors);
      anchors.delete(event.path);
      return { state: { ...state, anchors }, effects: [] };
    }
    case "edited":
      return edited(state, event);
    case "turnEnded":
      return turnEnded(state, event);
    case "woken":
      return announceDue(state, event.nowMs);
  }
}

/** When {@linkcode stepClient} wants a `woken` event, or `undefined`. */
export function clientWakeMs(state: ClientState): number | undefined {
  if (!canTalk(state)) return undefined;
  const times = [...state.anchors.values()].filter((view) =>
    isNeedy(state, view)
  )
    .map(({ announceAtMs }) => announceAtMs);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** An anchor's state, as shown; whether it is held is not known here. */
export function anchorState(
  state: ClientState,
  path: string,
): Exclude<StateName, "Held"> {
  const view = state.anchors.get(path);
  if (!canTalk(state) || view === undefined) return "Offline";
  if (view.phase === "turn" && view.updating) return "Updating";
  return isBehind(state, view) ? "Behind" : "Sinkd";
}

const FRESH: AnchorView = {
  position: { epoch: "", stamp: { date: 0, cycle: 0 } },
  load: { changes: 0, bytes: 0 },
  phase: "closed",
  updating: false,
  announceAtMs: 0,
  retryMs: FIRST_RETRY_MS,
};

function canTalk(state: ClientState): boolean {
  return state.linked && state.server !== "Offline";
}

function isBehind({ head }: ClientState, { position }: AnchorView): boolean {
  if (head === undefined) return false;
  return head.epoch !== position.epoch ||
    compareStamps(head.stamp, position.stamp) > 0;
}

function isNeedy(state: ClientState, view: AnchorView): boolean {
  return view.phase === "idle" &&
    (isBehind(state, view) || view.load.changes > 0);
}

/** News: what is needed may be said at once. */
function urgent(state: ClientState, nowMs: number): ClientState {
  let next = state;
  for (const [path, view] of state.anchors) {
    if (!isNeedy(state, view)) continue;
    next = withAnchor(next, path, {
      ...view,
      announceAtMs: nowMs,
      retryMs: FIRST_RETRY_MS,
    });
  }
  return next;
}

/** A full exchange of state: every anchor says where it stands, needy or not. */
function announceAll(state: ClientState, nowMs: number): ClientStep {
  if (!canTalk(state)) return { state, effects: [] };
  let next = state;
  const effects: ClientEffect[] = [];
  for (const [path, view] of state.anchors) {
    if (view.phase === "closed") continue;
    const step = announceOne(next, path, nowMs);
    next = step.state;
    effects.push(...step.effects);
  }
  return { state: next, effects };
}

function announceDue(state: ClientState, nowMs: number): ClientStep {
  if (!canTalk(state)) return { state, effects: [] };
  let next = state;
  const effects: ClientEffect[] = [];
  for (const [path, view] of state.anchors) {
    if (!isNeedy(state, view) || view.announceAtMs > nowMs) continue;
    const step = announceOne(next, path, nowMs);
    next = step.state;
    effects.push(...step.effects);
  }
  return { state: next, effects };
}

function announceOne(
  state: ClientState,
  path: string,
  nowMs: number,
): ClientStep {
  const view = state.anchors.get(path);
  if (view === undefined || view.phase === "closed") {
    return { state, effects: [] };
  }
  const { position, load } = view;
  const status = view.phase === "turn" && view.updating
    ? "Updating"
    : isBehind(state, view)
    ? "Behind"
    : "Sinkd";
  const announced = withAnchor(state, path, {
    ...view,
    announceAtMs: nowMs + view.retryMs,
    retryMs: Math.min(view.retryMs * 2, LONGEST_RETRY_MS),
  });
  return {
    state: announced,
    effects: [{ kind: "announce", path, status, position, load }],
  };
}

function replied(
  state: ClientState,
  { message, nowMs }: Extract<ClientEvent, { kind: "reply" }>,
): ClientStep {
  const view = state.anchors.get(message.path);
  if (view === undefined || view.phase === "closed") {
    return { state, effects: [] };
  }
  const { path } = message;
  switch (message.kind) {
    case "Cache": {
      if (view.phase === "turn" && view.updating) return { state, effects: [] };
      return {
        state: withAnchor(state, path, { ...view, updating: true }),
        effects: [],
      };
    }
    case "Channel": {
      if (view.phase !== "idle") return { state, effects: [] };
      const { session, token } = message;
      return {
        state: withAnchor(state, path, { ...view, phase: "turn" }),
        effects: [
          ...(view.updating ? [announcing(view, path)] : []),
          { kind: "openTurn", path, session, token },
        ],
      };
    }
    case "Sinkd":
      return advanced(state, { message, view, nowMs });
    case "Error": {
      const later = { ...view, announceAtMs: nowMs + view.retryMs };
      return {
        state: withAnchor(state, path, later),
        effects: [{ kind: "fault", path, message: message.message }],
      };
    }
  }
}

function announcing(view: AnchorView, path: string): ClientEffect {
  const { position, load } = view;
  return { kind: "announce", path, status: "Updating", position, load };
}

/** Takes the server's word that nothing changed up to its stamp, if it answers for where this anchor is. */
function advanced(
  state: ClientState,
  { message, view, nowMs }: {
    message: Extract<MsgReply, { kind: "Sinkd" }>;
    view: AnchorView;
    nowMs: number;
  },
): ClientStep {
  const { path, epoch, since } = message;
  const stamp = { date: message.date, cycle: message.cycle };
  const { position } = view;
  const answers = compareStamps(since, position.stamp) === 0;
  if (!answers || view.phase !== "idle" || epoch !== position.epoch) {
    return { state, effects: [] };
  }
  if (compareStamps(stamp, position.stamp) <= 0) return { state, effects: [] };
  const moved = { epoch, stamp };
  const next = withAnchor(state, path, {
    ...view,
    position: moved,
    retryMs: FIRST_RETRY_MS,
    announceAtMs: nowMs,
  });
  return { state: next, effects: [{ kind: "advance", path, position: moved }] };
}

function edited(
  state: ClientState,
  { path, load, nowMs }: Extract<ClientEvent, { kind: "edited" }>,
): ClientStep {
  const view = state.anchors.get(path);
  if (view === undefined) return { state, effects: [] };
  const more = load.changes > view.load.changes;
  const next = withAnchor(state, path, {
    ...view,
    load,
    ...(more ? { announceAtMs: nowMs, retryMs: FIRST_RETRY_MS } : {}),
  });
  return announceDue(next, nowMs);
}

function turnEnded(
  state: ClientState,
  event: Extract<ClientEvent, { kind: "turnEnded" }>,
): ClientStep {
  const { path, position, load, clean, nowMs } = event;
  const view = state.anchors.get(path);
  if (view === undefined) return { state, effects: [] };
  const phase = view.phase === "turn" ? "idle" : view.phase;
  const ended = { ...view, position, load, phase, updating: false } as const;
  if (clean) {
    const ready = { ...ended, announceAtMs: nowMs, retryMs: FIRST_RETRY_MS };
    const next = withAnchor(state, path, ready);
    return canTalk(next)
      ? announceOne(next, path, nowMs)
      : { state: next, effects: [] };
  }
  const retryMs = Math.min(view.retryMs * 2, LONGEST_RETRY_MS);
  return {
    state: withAnchor(state, path, {
      ...ended,
      announceAtMs: nowMs + view.retryMs,
      retryMs,
    }),
    effects: [],
  };
}

function withAnchor(
  state: ClientState,
  path: string,
  view: AnchorView,
): ClientState {
  const anchors = new Map(state.anchors);
  anchors.set(path, view);
  return { ...state, anchors };
}
