/**
 * What an external mosquitto needs to know: who may publish and read where, exactly as on the
 * embedded broker.
 *
 * @module
 */
import { ALL_LEASES_TOPIC, ALL_SERVERS_TOPIC } from "./fleet_protocol.ts";
import {
  ALL_CLIENTS_TOPIC,
  clientTopic,
  headTopic,
  replyTopic,
  SERVER_TOPIC,
} from "./protocol.ts";
import { loginName } from "./topic_rules.ts";

/** The client id of the one server of an embedded broker; no client's has no slash. */
export const SERVER_ACCOUNT = "sinkd-server";

/** The login and client id of one server among others on a broker, by its id. */
export function accountOf(server: string): string {
  return `${SERVER_ACCOUNT}-${server.slice(0, 8)}`;
}

/** A client by user. */
export interface ClientName {
  readonly user: string;
  readonly client: string;
}

/**
 * The lines of mosquitto's `acl_file`: whoever is not named may nothing.
 *
 * @example
 * ```ts
 * import { aclLines } from "./broker_acl.ts";
 * import assert from "node:assert/strict";
 * const lines = aclLines("sinkd-server", [{ user: "alice", client: "laptop" }]);
 * assert.ok(lines.includes("topic write sinkd/clients/alice/laptop"));
 * ```
 */
export function aclLines(
  account: string,
  clients: readonly ClientName[],
): string[] {
  return [
    `user ${account}`,
    `topic write ${SERVER_TOPIC}/#`,
    `topic write ${ALL_SERVERS_TOPIC}`,
    `topic read ${ALL_SERVERS_TOPIC}`,
    `topic write ${ALL_LEASES_TOPIC}`,
    `topic read ${ALL_LEASES_TOPIC}`,
    `topic read ${ALL_CLIENTS_TOPIC}`,
    ...clients.flatMap(({ user, client }) => [
      "",
      `user ${loginName(user, client)}`,
      `topic write ${clientTopic(user, client)}`,
      `topic read ${SERVER_TOPIC}`,
      `topic read ${ALL_SERVERS_TOPIC}`,
      `topic read ${headTopic(user)}`,
      `topic read ${replyTopic(user, client)}`,
    ]),
  ];
}

/** Why mosquitto's files cannot name a client, or `undefined`: a colon ends a name in its password file. */
export function brokerNameFault(
  { user, client }: ClientName,
): string | undefined {
  return loginName(user, client).includes(":")
    ? "has a ':', which a password file cannot carry"
    : undefined;
}
