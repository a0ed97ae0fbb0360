/**
 * The client's report, from its state and its anchors.
 *
 * @module
 */
import type { ClientState } from "../core/client_state.ts";
import type { ClientState as StateName } from "../core/protocol.ts";
import { groupHeld } from "../core/held_groups.ts";
import { compareStamps, type Stamp, ZERO_STAMP } from "../core/stamp.ts";
import type { AnchorReport, ClientReport, Fault } from "../core/status.ts";
import type { Credentials } from "../io/credentials.ts";
import { VERSION } from "../version.ts";
import type { Anchor } from "./anchor.ts";
import { transferReport } from "./transfer_report.ts";

/** Most paths of held deletions in a report. */
const HELD_PATHS = 10_000;

type HeldGroups = NonNullable<NonNullable<AnchorReport["held"]>["groups"]>;

/** An anchor and what the state machine says of it. */
export interface AnchorStanding {
  readonly anchor: Anchor;
  readonly state: Exclude<StateName, "Held">;
}

/** What `sinkd status` shows of the client. */
export function clientReport(
  from: {
    readonly credentials: Credentials;
    readonly address: string;
    readonly state: ClientState;
    readonly anchors: readonly AnchorStanding[];
    readonly watcher: ClientReport["watcher"];
    readonly faults: readonly Fault[];
  },
): ClientReport {
  const anchors = from.anchors.map(anchorReport);
  const { head, linked, server } = from.state;
  return {
    role: "client",
    pid: Deno.pid,
    version: VERSION,
    user: from.credentials.user,
    client: from.credentials.client,
    state: overall(
      anchors.map(({ state }) => state),
      linked && server !== "Offline",
    ),
    stamp: oldest(from.anchors.map(({ anchor }) => anchor.position().stamp)),
    server: {
      address: from.address,
      state: linked ? server : "Offline",
      stamp: head?.stamp ?? ZERO_STAMP,
    },
    anchors,
    watcher: from.watcher,
    errors: [...from.faults],
  };
}

function anchorReport({ anchor, state }: AnchorStanding): AnchorReport {
  const hold = anchor.hold();
  const scanning = hold === undefined && !anchor.usable;
  const pendingSince = anchor.pendingSince();
  const transfer = transferReport(anchor.progress(), "client");
  const lastSyncMs = anchor.store.lastSyncMs();
  return {
    path: anchor.config.path,
    name: anchor.config.name ?? null,
    state: hold !== undefined
      ? "Held"
      : scanning && state !== "Offline"
      ? "Updating"
      : state,
    pending: anchor.edits.pending(),
    ...(pendingSince === undefined ? {} : { pendingSince }),
    ...(scanning ? { scanning } : {}),
    conflicts: anchor.store.conflicts().map((path) => `${anchor.root}/${path}`),
    held: hold === undefined ? null : {
      reason: hold.reason,
      fix: hold.fix,
      paths: hold.paths.slice(0, HELD_PATHS),
      ...(hold.ages === undefined ? {} : { groups: groupsOf(hold.ages) }),
    },
    errors: anchor.problems().list(),
    leftOut: anchor.leftOut(),
    ...(transfer === undefined ? {} : { transfer }),
    lastSync: lastSyncMs === undefined
      ? null
      : new Date(lastSyncMs).toISOString(),
    agreement: anchor.checks.report(),
  };
}

/** Held deletions by directory; ages become times. */
function groupsOf(ages: ReadonlyMap<string, number>): HeldGroups {
  const nowMs = Date.now();
  const since = new Map([...ages].map(([path, ms]) => [path, nowMs - ms]));
  return groupHeld(since).map(({ directory, paths, sinceMs }) => ({
    directory,
    paths,
    since: new Date(sinceMs).toISOString(),
  }));
}

/** The state that most needs attention. */
function overall(states: readonly StateName[], online: boolean): StateName {
  if (states.includes("Held")) return "Held";
  if (!online) return "Offline";
  for (const state of ["Updating", "Behind", "Offline"] as const) {
    if (states.includes(state)) return state;
  }
  return "Sinkd";
}

function oldest(stamps: readonly Stamp[]): Stamp {
  return stamps.reduce<Stamp | undefined>(
    (least, stamp) =>
      least === undefined || compareStamps(stamp, least) < 0 ? stamp : least,
    undefined,
  ) ?? ZERO_STAMP;
}
