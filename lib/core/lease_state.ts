/**
 * What a server knows of the leases: of other servers, of its own beats, of each user it would serve.
 *
 * @module
 */
import type { LeaseHead, MsgLease } from "./fleet_protocol.ts";

/** How often a server says that it lives. */
export const BEAT_MS = 5_000;
/** How long after sending a beat that came back a server may serve. */
export const LEASE_MS = 15_000;
/** How long after the last beat heard of it a server is taken for gone. */
export const EXPIRY_MS = 40_000;

/**
 * How long a server of several waits after its claim came back. In a cluster of brokers two servers
 * may see two claims in different order: within this time each hears of the other's.
 */
export const SETTLE_MS = 2_000;

/** A moment by two clocks: one that never jumps, and one that runs on while the machine sleeps. */
export interface Instant {
  readonly steadyMs: number;
  readonly wallMs: number;
}

/** What a user's own directory tells of its last tenure; number 0 when there was none. */
export interface Copy {
  readonly number: number;
  /** Id of the server that held it. */
  readonly holder: string;
  readonly released: boolean;
  /** A person said that this directory is to be used, though a newer one was known. */
  readonly adopted: boolean;
  readonly head: LeaseHead;
}

/** What a record on a user's topic says, without what is for people. */
export type LeaseRecord =
  & { readonly number: number; readonly server: string }
  & (
    | { readonly kind: "claim"; readonly over: number }
    | { readonly kind: "held" }
    | { readonly kind: "released"; readonly head: LeaseHead }
  );

/** How far a server is with a user. */
export type Phase =
  | { readonly kind: "waiting" }
  | {
    readonly kind: "claiming";
    readonly number: number;
    readonly keepEpoch: boolean;
    /** Something of another server came meanwhile: the claim is void. */
    readonly disturbed: boolean;
    /** When it came back. */
    readonly backAtMs: number | undefined;
    /** The first beat after {@linkcode SETTLE_MS}: when that one is back, all that came is read. */
    readonly untilBeat: number | undefined;
  }
  | { readonly kind: "holding"; readonly number: number };

/** One user that this server would serve. */
export interface Tenure {
  readonly copy: Copy;
  /** The first beat after its topic was subscribed, on the present connection: when that one is back, so is all that the broker had retained. */
  readonly fromBeat: number | undefined;
  readonly seen:
    | { readonly record: LeaseRecord; readonly heardAtMs: number }
    | undefined;
  /** The highest number that was ever seen. */
  readonly highest: number;
  readonly phase: Phase;
}

/** One server's whole view; values are replaced, never changed. Times are steady. */
export interface LeaseState {
  readonly me: { readonly id: string; readonly boot: string };
  /** True when it is known to be one of several: what the broker has forgotten is then waited for, and a claim is settled. */
  readonly fleet: boolean;
  readonly linkedAtMs: number | undefined;
  readonly nextBeat: number;
  /** Beats of this connection that did not come back yet. */
  readonly out: ReadonlyMap<number, Instant>;
  /** When the last beat that came back was sent. */
  readonly proven: Instant | undefined;
  /** The highest beat that came back. */
  readonly provenBeat: number;
  /** When other servers were last heard, or since when they are listened to. */
  readonly peers: ReadonlyMap<string, number>;
  readonly users: ReadonlyMap<string, Tenure>;
}

/** A server that has just started. */
export function newLeaseState(
  me: LeaseState["me"],
  { fleet }: { readonly fleet: boolean },
): LeaseState {
  return {
    me,
    fleet,
    linkedAtMs: undefined,
    nextBeat: 1,
    out: new Map(),
    proven: undefined,
    provenBeat: 0,
    peers: new Map(),
    users: new Map(),
  };
}

/** True while this server may serve `user`: to be asked right before each commit. */
export function holds(state: LeaseState, user: string, now: Instant): boolean {
  return state.users.get(user)?.phase.kind === "holding" &&
    isProven(state, now);
}

/** True while the last beat that came back is young enough, by whichever clock says more: a machine that slept must not think that it was away for an instant. */
export function isProven({ proven }: LeaseState, now: Instant): boolean {
  if (proven === undefined) return false;
  return now.steadyMs - proven.steadyMs < LEASE_MS &&
    now.wallMs - proven.wallMs < LEASE_MS;
}

/** A message's record. */
export function recordOf(message: MsgLease): LeaseRecord {
  const { number } = message;
  const server = message.server.id;
  switch (message.kind) {
    case "claim":
      return { kind: "claim", number, server, over: message.over };
    case "held":
      return { kind: "held", number, server };
    case "released":
      return { kind: "released", number, server, head: message.head };
  }
}
