/**
 * The server's report, from its state and its users.
 *
 * @module
 */
import { NO_NEEDS, type ServerState, userState } from "../core/server.ts";
import type {
  ChecksReport,
  Elsewhere,
  Fault,
  ServerReport,
} from "../core/status.ts";
import type { Quota } from "../core/quota.ts";
import { ZERO_STAMP } from "../core/stamp.ts";
import { VERSION } from "../version.ts";
import type { ServerTurns } from "./server_turns.ts";
import { transferReport } from "./transfer_report.ts";
import type { User } from "./users.ts";

/** What `sinkd status` shows of the server. */
export function serverReport(
  from: {
    readonly listen: string;
    readonly broker: string;
    readonly linked: boolean;
    readonly state: ServerState;
    readonly users: readonly User[];
    readonly elsewhere: readonly Elsewhere[];
    readonly transfers: ServerTurns["transfers"];
    readonly checks: (user: User) => ChecksReport;
    readonly quota: (user: User) => Quota;
    readonly faults: readonly Fault[];
  },
): ServerReport {
  const { state } = from;
  return {
    role: "server",
    pid: Deno.pid,
    version: VERSION,
    listen: from.listen,
    broker: from.broker,
    state: from.linked ? state.announced : "Offline",
    users: from.users.map((user) => {
      const view = state.users.get(user.name);
      const { epoch, stamp } = user.journal.head();
      const accounts = user.accounts.clients().filter(({ revoked }) =>
        !revoked
      );
      return {
        user: user.name,
        stamp,
        epoch,
        state: userState(view),
        queue: (view?.queue.length ?? 0) + (view?.active.length ?? 0),
        transfers: from.transfers(user.name).flatMap(({ turn, progress }) => {
          const transfer = transferReport(progress, "server");
          const { client, path } = turn;
          return transfer === undefined ? [] : [{ client, path, ...transfer }];
        }),
        waiting: [...new Set((view?.queue ?? []).map(({ client }) => client))],
        checks: from.checks(user),
        usage: user.journal.usage(),
        quota: quotaReport(from.quota(user)),
        clients: accounts.map(({ client, host }) => {
          const seen = view?.clients.get(client);
          return {
            client,
            host: seen?.host ?? host,
            state: seen?.state ?? "Offline",
            stamp: seen?.stamp ?? ZERO_STAMP,
            needs: seen?.needs ?? NO_NEEDS,
            lastSeen: seen === undefined
              ? null
              : new Date(seen.lastSeenMs).toISOString(),
          };
        }),
      };
    }),
    elsewhere: [...from.elsewhere],
    errors: [...from.faults],
  };
}

function quotaReport(
  { bytes, files }: Quota,
): NonNullable<ServerReport["users"][number]["quota"]> {
  return { bytes: bytes ?? null, files: files ?? null };
}
