/**
 * What a client's state machine knows, hears and does: its state, events and effects as values.
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

/** An anchor that nothing is known of yet. */
export const FRESH: AnchorView = {
  position: { epoch: "", stamp: { date: 0, cycle: 0 } },
  load: { changes: 0, bytes: 0 },
  phase: "closed",
  updating: false,
  announceAtMs: 0,
  retryMs: FIRST_RETRY_MS,
};

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

/** True when the server hears this client. */
export function canTalk(state: ClientState): boolean {
  return state.linked && state.server !== "Offline";
}

/** True when the server has news for an anchor. */
export function isBehind(
  { head }: ClientState,
  { position }: AnchorView,
): boolean {
  if (head === undefined) return false;
  return head.epoch !== position.epoch ||
    compareStamps(head.stamp, position.stamp) > 0;
}

/** True when an anchor wants a turn. */
export function isNeedy(state: ClientState, view: AnchorView): boolean {
  return view.phase === "idle" &&
    (isBehind(state, view) || view.load.changes > 0);
}

/** The state with another view of one anchor. */
export function withAnchor(
  state: ClientState,
  path: string,
  view: AnchorView,
): ClientState {
  const anchors = new Map(state.anchors);
  anchors.set(path, view);
  return { ...state, anchors };
}
