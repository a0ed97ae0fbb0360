/**
 * Who may publish and subscribe where on the embedded broker. Whoever is not named here may nothing.
 *
 * @module
 */
import { ALL_LEASES_TOPIC, ALL_SERVERS_TOPIC } from "./fleet_protocol.ts";
import { nameFault } from "./path.ts";
import {
  ALL_CLIENTS_TOPIC,
  clientTopic,
  headTopic,
  replyTopic,
  SERVER_TOPIC,
} from "./protocol.ts";

/** Who is at the other end of an authenticated connection. */
export type Peer =
  | { readonly kind: "server" }
  | {
    readonly kind: "client";
    readonly user: string;
    readonly client: string;
  };

/** The MQTT user name and client id of a client. */
export function loginName(user: string, client: string): string {
  return `${user}/${client}`;
}

/** User and client of a login name, or `undefined` when it is not one. */
export function parseLoginName(
  name: string,
): { user: string; client: string } | undefined {
  const [user, client, ...rest] = name.split("/");
  if (user === undefined || client === undefined || rest.length > 0) {
    return undefined;
  }
  if (nameFault(user) !== undefined || nameFault(client) !== undefined) {
    return undefined;
  }
  return { user, client };
}

/**
 * True when `peer` may publish on `topic`; the same holds for its last will.
 *
 * @example
 * ```ts
 * import { mayPublish } from "./topic_rules.ts";
 * import assert from "node:assert/strict";
 * const alice = { kind: "client", user: "alice", client: "laptop" } as const;
 * assert.ok(mayPublish(alice, "sinkd/clients/alice/laptop"));
 * assert.ok(!mayPublish(alice, "sinkd/clients/bob/laptop"));
 * ```
 */
export function mayPublish(peer: Peer, topic: string): boolean {
  switch (peer.kind) {
    case "server":
      return topic.startsWith("sinkd/");
    case "client":
      return topic === clientTopic(peer.user, peer.client);
  }
}

/** True when `peer` may subscribe to `filter`. */
export function maySubscribe(peer: Peer, filter: string): boolean {
  switch (peer.kind) {
    case "server":
      return filter === ALL_CLIENTS_TOPIC || filter === ALL_SERVERS_TOPIC ||
        filter === ALL_LEASES_TOPIC;
    case "client":
      return filter === SERVER_TOPIC || filter === ALL_SERVERS_TOPIC ||
        filter === headTopic(peer.user) ||
        filter === replyTopic(peer.user, peer.client);
  }
}
