/**
 * Which certificates a client pins: it asks the server over a connection that the ones it has vouch
 * for, so that a rotation needs no new join.
 *
 * @module
 */
import { z } from "zod";
import { nameSchema, secretSchema } from "../core/said.ts";
import { PROTOCOL_VERSION } from "../core/protocol.ts";
import { type Channel, dialChannel } from "./channel.ts";
import { type Credentials, splitAddress } from "./credentials.ts";

/** The first message of a client that asks. */
export const helloPinsSchema = z.strictObject({
  kind: z.literal("pins"),
  version: z.literal(PROTOCOL_VERSION),
  user: nameSchema,
  client: nameSchema,
  secret: secretSchema,
});
/** See {@linkcode helloPinsSchema}. */
export type HelloPins = z.infer<typeof helloPinsSchema>;

/** What the server says to it. */
export const pinsSchema = z.strictObject({
  kind: z.literal("pins"),
  certPems: z.array(
    z.string().startsWith("-----BEGIN CERTIFICATE-----").max(20_000),
  ).min(1).max(8),
});

const ANSWER_LIMIT_MS = 20_000;

/** Asks the server at `address` which certificates it shows, now and next. */
export async function askPins(
  credentials: Credentials,
  { address, signal }: {
    readonly address: string;
    readonly signal: AbortSignal;
  },
): Promise<string[]> {
  const { user, client, secret, certPems } = credentials;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
  await using channel = await dialChannel({
    ...splitAddress(address),
    certPems,
    signal: limit,
  });
  const hello: HelloPins = {
    kind: "pins",
    version: PROTOCOL_VERSION,
    user,
    client,
    secret,
  };
  await channel.send(hello);
  const answer = pinsSchema.safeParse(await channel.receive());
  if (answer.success) return answer.data.certPems;
  throw new Error(
    "Cannot learn the server's certificates: it gave no answer that this version understands",
  );
}

/** Server side: answers one whose login was good, and closes the channel. */
export async function servePins(
  channel: Channel,
  certPems: readonly string[],
): Promise<void> {
  await using _closing = channel;
  await channel.send({ kind: "pins", certPems });
}
