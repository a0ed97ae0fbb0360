/**
 * The MQTT side of the wire: topics and payload schemas. Messages are hints; the record is durable
 * state on either side.
 *
 * @module
 */
import { z } from "zod";
import { nameFault } from "./path.ts";
import { hostSchema, treePathSchema } from "./said.ts";
import { stampSchema, stampShape } from "./stamp.ts";
import { needsSchema } from "./status.ts";

/** Version of messages and of the data channel; a peer with another one is told to upgrade. */
export const PROTOCOL_VERSION = 1;

/** Largest MQTT payload that is looked at, in bytes. */
export const MAX_PAYLOAD_BYTES = 16_384;

/** The server's state: all requests done, working, or gone (MQTT last will). */
export type ServerState = "Sinkd" | "Synching" | "Offline";

/** A client's state, per anchor and overall. */
export type ClientState = "Sinkd" | "Behind" | "Updating" | "Offline" | "Held";

const version = z.literal(PROTOCOL_VERSION);
/** Id of one life of a user's state database. */
export const epochSchema: z.ZodString = z.string().regex(/^[0-9a-f]{16}$/);
const treePath = treePathSchema;

const announcement = {
  version,
  path: treePath,
  ...stampShape,
  epoch: epochSchema.or(z.literal("")),
  changes: z.int().min(0),
  bytes: z.int().min(0),
  host: hostSchema,
};

/** Client → server on {@linkcode clientTopic}. `epoch` is empty when the client knows none yet. */
export const msgUpdateSchema = z.discriminatedUnion("status", [
  z.strictObject({ status: z.literal("Sinkd"), ...announcement }),
  z.strictObject({ status: z.literal("Behind"), ...announcement }),
  z.strictObject({ status: z.literal("Updating"), ...announcement }),
  z.strictObject({ status: z.literal("Held"), ...announcement }),
  /** What this machine's own status shows, whichever anchor it is of. */
  z.strictObject({
    status: z.literal("Report"),
    version,
    host: announcement.host,
    needs: needsSchema,
  }),
  z.strictObject({ status: z.literal("Offline"), version }),
]);
/** See {@linkcode msgUpdateSchema}. */
export type MsgUpdate = z.infer<typeof msgUpdateSchema>;

/** Server → everyone on {@linkcode SERVER_TOPIC}, retained. */
export const msgStatusSchema = z.strictObject({
  version,
  state: z.enum(["Sinkd", "Synching", "Offline"]),
});
/** See {@linkcode msgStatusSchema}. */
export type MsgStatus = z.infer<typeof msgStatusSchema>;

/** Server → one user's clients on {@linkcode headTopic}, retained. */
export const msgHeadSchema = z.strictObject({
  version,
  epoch: epochSchema,
  ...stampShape,
  /**
   * With a broker of one's own: which server serves this user, under which lease, and where its data
   * channel is when that is not where clients joined. `null` while the user moves.
   */
  server: z.strictObject({
    id: z.string().regex(/^[0-9a-f]{16}$/),
    lease: z.int().min(0),
    address: z.string().max(300),
  }).nullable().optional(),
});
/** See {@linkcode msgHeadSchema}. */
export type MsgHead = z.infer<typeof msgHeadSchema>;

/** Server → one client on {@linkcode replyTopic}. */
export const msgReplySchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("Cache"), version, path: treePath }),
  z.strictObject({
    kind: z.literal("Sinkd"),
    version,
    path: treePath,
    epoch: epochSchema,
    ...stampShape,
    /** The stamp that was announced: an answer to another one counts for nothing. */
    since: stampSchema,
  }),
  z.strictObject({
    kind: z.literal("Error"),
    version,
    path: treePath,
    message: z.string().max(1000),
  }),
  z.strictObject({
    kind: z.literal("Channel"),
    version,
    path: treePath,
    session: z.string().regex(/^[0-9a-f]{16}$/),
    token: z.string().regex(/^[0-9a-f]{32}$/),
  }),
]);
/** See {@linkcode msgReplySchema}. */
export type MsgReply = z.infer<typeof msgReplySchema>;

/** Server → one client on {@linkcode replyTopic}: ask me which certificates to pin. */
export const msgPinsSchema = z.strictObject({
  kind: z.literal("Pins"),
  version,
});
/** See {@linkcode msgPinsSchema}. */
export type MsgPins = z.infer<typeof msgPinsSchema>;

/** Topic of the server's state. */
export const SERVER_TOPIC = "sinkd/server";
/** All clients' announcements, as the server subscribes. */
export const ALL_CLIENTS_TOPIC = "sinkd/clients/+/+";
/** Where a client announces. */
export function clientTopic(user: string, client: string): string {
  return `sinkd/clients/${user}/${client}`;
}
/** A user's head and epoch. */
export function headTopic(user: string): string {
  return `sinkd/server/${user}`;
}
/** Where the server answers one client. */
export function replyTopic(user: string, client: string): string {
  return `sinkd/server/${user}/${client}`;
}

/** User and client of an announcement's topic, or `undefined` when it is not one. */
export function parseClientTopic(
  topic: string,
): { user: string; client: string } | undefined {
  const [root, room, user, client, ...rest] = topic.split("/");
  if (root !== "sinkd" || room !== "clients" || rest.length > 0) {
    return undefined;
  }
  if (user === undefined || client === undefined) return undefined;
  if (nameFault(user) !== undefined || nameFault(client) !== undefined) {
    return undefined;
  }
  return { user, client };
}

/** Outcome of parsing a payload. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | {
  readonly ok: false;
  readonly reason: string;
};

/** Parses a payload of at most {@linkcode MAX_PAYLOAD_BYTES}; never throws. */
export function parsePayload<T>(
  schema: z.ZodType<T>,
  payload: Uint8Array,
): Parsed<T> {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    return { ok: false, reason: `larger than ${MAX_PAYLOAD_BYTES} bytes` };
  }
  let value: unknown;
  try {
    value = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(payload),
    );
  } catch {
    return { ok: false, reason: "not JSON" };
  }
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  const issue = result.error.issues[0];
  return {
    ok: false,
    reason: `${issue?.path.join(".") ?? ""}: ${
      issue?.message ?? "wrong shape"
    }`,
  };
}
