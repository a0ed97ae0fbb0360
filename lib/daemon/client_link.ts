/**
 * How a client reaches its broker: where, as whom, what it hears, and its last will.
 *
 * @module
 */
import {
  clientTopic,
  headTopic,
  PROTOCOL_VERSION,
  replyTopic,
  SERVER_TOPIC,
} from "../core/protocol.ts";
import { type Credentials, splitAddress } from "../io/credentials.ts";
import { SERVER_NAME } from "../io/dial.ts";
import type { LinkOptions, LinkTarget } from "../io/mqtt_link.ts";

/** What a client says last, by itself or by its will. */
export const OFFLINE_PAYLOAD: string = JSON.stringify({
  version: PROTOCOL_VERSION,
  status: "Offline",
});

/** The link of a client that joined the server at `address`. */
export function clientLink(
  credentials: Credentials,
  { address, instance }: {
    readonly address: string;
    /** Random, of this process: a copy of this machine has another. */
    readonly instance: string;
  },
): LinkOptions {
  const { user, client, secret } = credentials;
  const topic = clientTopic(user, client);
  return {
    target: targetOf(credentials, address),
    username: `${user}/${client}`,
    password: secret,
    clientId: `${user}/${client}/${instance}`,
    will: { topic, payload: OFFLINE_PAYLOAD, retain: false },
    subscriptions: [SERVER_TOPIC, headTopic(user), replyTopic(user, client)],
  };
}

/** The server itself, or the broker it named when this client joined. */
function targetOf(
  { broker, brokerCa, certPems }: Credentials,
  address: string,
): LinkTarget {
  if (broker !== "") {
    const caPems = brokerCa === undefined ? [] : [brokerCa];
    return { kind: "url", url: broker, caPems };
  }
  const { host, port } = splitAddress(address);
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    kind: "url",
    url: `mqtts://${name}:${port}`,
    caPems: certPems,
    servername: SERVER_NAME,
  };
}
