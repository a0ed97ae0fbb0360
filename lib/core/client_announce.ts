/**
 * Announcements: which anchors say where they stand now, and when they say it again.
 *
 * @module
 */
import {
  type AnchorView,
  canTalk,
  type ClientEffect,
  type ClientState,
  type ClientStep,
  FIRST_RETRY_MS,
  isBehind,
  isNeedy,
  LONGEST_RETRY_MS,
  withAnchor,
} from "./client_state.ts";

/** When {@linkcode stepClient} wants a `woken` event, or `undefined`. */
export function clientWakeMs(state: ClientState): number | undefined {
  if (!canTalk(state)) return undefined;
  const times = [...state.anchors.values()].filter((view) =>
    isNeedy(state, view)
  )
    .map(({ announceAtMs }) => announceAtMs);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** News: what is needed may be said at once. */
export function urgent(state: ClientState, nowMs: number): ClientState {
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
export function announceAll(state: ClientState, nowMs: number): ClientStep {
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

/** Announces every anchor in need whose time has come. */
export function announceDue(state: ClientState, nowMs: number): ClientStep {
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

/** Announces one anchor, and when to say it again. */
export function announceOne(
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

/** The announcement of an anchor that is being updated. */
export function announcing(view: AnchorView, path: string): ClientEffect {
  const { position, load } = view;
  return { kind: "announce", path, status: "Updating", position, load };
}
