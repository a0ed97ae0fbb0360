/**
 * Reports for tests.
 *
 * @module
 */
import type {
  AnchorReport,
  ClientReport,
  Fault,
  ServerReport,
} from "../../lib/core/status.ts";

/** When the tests' reports are looked at. */
export const NOW_MS: number = Date.parse("2026-11-22T12:00:00Z");

/** An anchor in step. */
export function anchorReport(over: Partial<AnchorReport> = {}): AnchorReport {
  return {
    path: "/home/alice/docs",
    name: null,
    state: "Sinkd",
    pending: 0,
    conflicts: [],
    held: null,
    errors: [],
    leftOut: [],
    lastSync: "2026-11-22T11:59:57Z",
    agreement: {
      state: "agreed",
      lastAgreed: "2026-11-22T11:59:00Z",
      differs: [],
      found: null,
      files: 3,
      checked: 3,
    },
    ...over,
  };
}

/** A client in step with one anchor. */
export function clientReport(over: Partial<ClientReport> = {}): ClientReport {
  return {
    role: "client",
    pid: 42,
    version: "0.1.0",
    user: "alice",
    client: "laptop",
    state: "Sinkd",
    stamp: { date: 20261122, cycle: 7 },
    server: {
      address: "nas:8883",
      state: "Sinkd",
      stamp: { date: 20261122, cycle: 7 },
    },
    anchors: [anchorReport()],
    watcher: { mode: "events", detail: "" },
    errors: [],
    ...over,
  };
}

/** A server that is done, with one user and one client. */
export function serverReport(over: Partial<ServerReport> = {}): ServerReport {
  const stamp = { date: 20261122, cycle: 7 };
  return {
    role: "server",
    pid: 7,
    version: "0.1.0",
    listen: "0.0.0.0:8883",
    broker: "embedded",
    state: "Sinkd",
    users: [{
      user: "alice",
      stamp,
      epoch: "0123456789abcdef",
      state: "Sinkd",
      queue: 0,
      checks: { files: 3, checked: 3, damaged: [], mended: [] },
      clients: [{
        client: "laptop",
        host: "lap.local",
        state: "Sinkd",
        stamp,
        lastSeen: "2026-11-22T11:50:00Z",
        needs: { held: 0, paused: 0, decisions: 0, problems: 0 },
      }],
    }],
    elsewhere: [],
    errors: [],
    ...over,
  };
}

/** A problem. */
export function fault(over: Partial<Fault> = {}): Fault {
  return {
    kind: "unsynced",
    level: "problem",
    path: "/home/alice/docs/pipe",
    cause: "it is a FIFO",
    fix: "remove or exclude it",
    since: "2026-11-22T11:00:00Z",
    ...over,
  };
}
