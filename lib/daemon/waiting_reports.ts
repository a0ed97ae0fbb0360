/**
 * What status shows of a program that waits for disk space before it can start.
 *
 * @module
 */
import { ZERO_STAMP } from "../core/stamp.ts";
import type { ClientReport, Fault, ServerReport } from "../core/status.ts";
import type { Credentials } from "../io/credentials.ts";
import { VERSION } from "../version.ts";
import { withoutLogin } from "./server_link.ts";
import type { ServerOptions } from "./server_options.ts";

/** Of a server. */
export function waitingServerReport(
  { listenHost, listenPort, broker }: ServerOptions,
  fault: Fault,
): ServerReport {
  return {
    role: "server",
    pid: Deno.pid,
    version: VERSION,
    listen: `${listenHost}:${listenPort}`,
    broker: broker === undefined ? "embedded" : withoutLogin(broker),
    state: "Synching",
    users: [],
    elsewhere: [],
    errors: [fault],
  };
}

/** Of a client. */
export function waitingClientReport(
  { user, client, address }: Credentials,
  fault: Fault,
): ClientReport {
  return {
    role: "client",
    pid: Deno.pid,
    version: VERSION,
    user,
    client,
    state: "Updating",
    stamp: ZERO_STAMP,
    // Not asked yet; that it is away is not known.
    server: { address, state: "Synching", stamp: ZERO_STAMP },
    anchors: [],
    watcher: { mode: "events", detail: "" },
    errors: [fault],
  };
}
