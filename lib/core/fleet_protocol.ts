/**
 * What several servers on one broker tell each other and the clients: which of them runs, and which
 * serves whom. With the embedded broker there is one server, and none of this is sent.
 *
 * @module
 */
import { z } from "zod";
import { hostSchema } from "./said.ts";
import { epochSchema, PROTOCOL_VERSION } from "./protocol.ts";
import { stampShape } from "./stamp.ts";

const version = z.literal(PROTOCOL_VERSION);
const id = z.string().regex(/^[0-9a-f]{16}$/);
const number = z.int().min(0);

/** Who a server is: of its root, of this run, and where clients reach it (may be empty). */
export const serverRefSchema = z.strictObject({
  id,
  boot: id,
  name: hostSchema,
  address: z.string().max(300),
});
/** See {@linkcode serverRefSchema}. */
export type ServerRef = z.infer<typeof serverRefSchema>;

/** Server → all on {@linkcode serverStatusTopic}, retained, every 5 s: its state, and that it lives. */
export const msgServerSchema = z.strictObject({
  version,
  state: z.enum(["Sinkd", "Synching", "Offline"]),
  boot: id,
  /** Counts up in one run; 0 in the last will. */
  beat: number,
});
/** See {@linkcode msgServerSchema}. */
export type MsgServer = z.infer<typeof msgServerSchema>;

/** A user's head as a lease tells it. */
export const leaseHeadSchema = z.strictObject({
  epoch: epochSchema,
  ...stampShape,
});
/** See {@linkcode leaseHeadSchema}. */
export type LeaseHead = z.infer<typeof leaseHeadSchema>;

const leaseShape = {
  version,
  /** The fencing token: rises with every claim. */
  number,
  server: serverRefSchema,
  /** When it was published, ISO 8601 in UTC; for people. */
  since: z.string().max(40),
};

/** Server → servers on {@linkcode leaseTopic}, retained: who serves a user. */
export const msgLeaseSchema = z.discriminatedUnion("kind", [
  /** Wants to be the holder after the tenure `over`. */
  z.strictObject({ kind: z.literal("claim"), ...leaseShape, over: number }),
  z.strictObject({ kind: z.literal("held"), ...leaseShape }),
  /** Let go cleanly, with the tree at this head. */
  z.strictObject({
    kind: z.literal("released"),
    ...leaseShape,
    head: leaseHeadSchema,
  }),
]);
/** See {@linkcode msgLeaseSchema}. */
export type MsgLease = z.infer<typeof msgLeaseSchema>;

const SERVERS = "sinkd/servers/";
const LEASES = "sinkd/lease/";

/** All servers' states, as a rule of the broker names them. */
export const ALL_SERVERS_TOPIC = `${SERVERS}+`;
/** All leases, as a rule of the broker names them. */
export const ALL_LEASES_TOPIC = `${LEASES}+`;

/** One server's state. */
export function serverStatusTopic(server: string): string {
  return `${SERVERS}${server}`;
}

/** Who serves a user. */
export function leaseTopic(user: string): string {
  return `${LEASES}${user}`;
}

/** One user's clients' announcements. */
export function clientsOfTopic(user: string): string {
  return `sinkd/clients/${user}/+`;
}

/** What a topic of the fleet is about; `undefined` for others. */
export function parseFleetTopic(
  topic: string,
):
  | { readonly kind: "server"; readonly server: string }
  | { readonly kind: "lease"; readonly user: string }
  | undefined {
  if (topic.startsWith(SERVERS)) {
    return { kind: "server", server: topic.slice(SERVERS.length) };
  }
  if (topic.startsWith(LEASES)) {
    return { kind: "lease", user: topic.slice(LEASES.length) };
  }
  return undefined;
}
