/**
 * Whether a user may be taken over, and whether its directory is known to be the newest.
 *
 * @module
 */
import type { LeaseHead } from "./fleet_protocol.ts";
import { EXPIRY_MS, type LeaseState, type Tenure } from "./lease_state.ts";

/** Why a user is not served, for people and for {@linkcode stepLease}. */
export type Standing =
  | { readonly kind: "holding" }
  | { readonly kind: "free"; readonly keepEpoch: boolean }
  /** Another server is, or may be, the holder. */
  | { readonly kind: "taken"; readonly server: string | undefined }
  /** The newest directory is elsewhere. */
  | { readonly kind: "stale"; readonly server: string };

/** Where a user stands. */
export function standing(
  state: LeaseState,
  tenure: Tenure,
  nowMs: number,
): Standing {
  if (tenure.phase.kind === "holding") return { kind: "holding" };
  const { copy, seen } = tenure;
  const ownLast = copy.number === 0 ||
    (copy.holder === state.me.id && !copy.released);
  if (seen === undefined) {
    const since = state.linkedAtMs ?? nowMs;
    const waits = copy.number > 0 && state.fleet;
    return waits && nowMs - since <= EXPIRY_MS
      ? { kind: "taken", server: undefined }
      : { kind: "free", keepEpoch: ownLast };
  }
  const { record, heardAtMs } = seen;
  const mine = record.server === state.me.id;
  const last = record.kind === "claim" ? record.over : record.number;
  if (copy.number < last && !mine && !copy.adopted) {
    return { kind: "stale", server: record.server };
  }
  switch (record.kind) {
    case "released": {
      const same = copy.number === last && sameHead(copy.head, record.head);
      // Copied too early: what was committed after that is elsewhere.
      return same || mine || copy.adopted
        ? { kind: "free", keepEpoch: same }
        : { kind: "stale", server: record.server };
    }
    case "held":
      if (mine) {
        const same = copy.number === last && copy.holder === state.me.id;
        return { kind: "free", keepEpoch: same && !copy.released };
      }
      return nowMs - lastSign(state, record.server, heardAtMs) > EXPIRY_MS
        ? { kind: "free", keepEpoch: false }
        : { kind: "taken", server: record.server };
    case "claim":
      return nowMs - heardAtMs > EXPIRY_MS
        ? { kind: "free", keepEpoch: false }
        : { kind: "taken", server: record.server };
  }
}

function lastSign(
  { peers }: LeaseState,
  server: string,
  heardAtMs: number,
): number {
  return Math.max(heardAtMs, peers.get(server) ?? heardAtMs);
}

function sameHead(left: LeaseHead, right: LeaseHead): boolean {
  return left.epoch === right.epoch && left.date === right.date &&
    left.cycle === right.cycle;
}
