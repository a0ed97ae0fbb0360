/**
 * The client's state machine: when to announce what, and when to open a data channel.
 *
 * Messages are hints: whatever is announced is announced again, with growing pauses, until a turn or
 * an answer settled it.
 *
 * @module
 */
import {
  announceAll,
  announceDue,
  announceOne,
  announcing,
  urgent,
} from "./client_announce.ts";
import {
  type AnchorView,
  canTalk,
  type ClientEvent,
  type ClientState,
  type ClientStep,
  FIRST_RETRY_MS,
  FRESH,
  LONGEST_RETRY_MS,
  withAnchor,
} from "./client_state.ts";
import type { MsgReply } from "./protocol.ts";
import { compareStamps } from "./stamp.ts";

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
