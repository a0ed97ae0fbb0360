/**
 * Joining: a client trades the token of a join link for credentials of its own.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { connect, type TLSSocket } from "node:tls";
import { z } from "zod";
import { CHANNEL_MAGIC } from "../core/frames.ts";
import type { JoinLink } from "../core/join_link.ts";
import { hostSchema, nameSchema, secretSchema } from "../core/said.ts";
import { PROTOCOL_VERSION } from "../core/protocol.ts";
import type { Redeemed } from "./accounts.ts";
import { fingerprintOf, pemOf } from "./certificate.ts";
import { acceptChannel, type Channel } from "./channel.ts";
import {
  type Credentials,
  joinAddress,
  MAX_CA_CHARACTERS,
} from "./credentials.ts";
import { SERVER_NAME } from "./dial.ts";

/** The first message of a joining client. */
export const helloJoinSchema = z.strictObject({
  kind: z.literal("join"),
  version: z.literal(PROTOCOL_VERSION),
  token: secretSchema,
  /** Refused with the reason when it is not a name. */
  client: z.string().max(255),
  host: hostSchema,
  user: nameSchema,
  /** What a machine that joins again under its own name had until now. */
  secret: secretSchema.optional(),
});
/** See {@linkcode helloJoinSchema}. */
export type HelloJoin = z.infer<typeof helloJoinSchema>;

const answerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("joined"),
    secret: z.string().min(1).max(200),
    /** Certificates to pin beside the one that was seen. */
    certPems: z.array(z.string().max(20_000)).max(7),
    broker: z.string().max(1024),
    /** Certificates (PEM) to trust that broker by, when well-known ones do not. */
    brokerCa: z.string().max(MAX_CA_CHARACTERS).optional(),
  }),
  z.strictObject({ kind: z.literal("refused"), reason: z.string().max(1000) }),
]);
type Answer = z.infer<typeof answerSchema>;

/** What the server needs to answer a join. */
export interface JoinPorts {
  /** Trades the token; an unknown user is refused like an unknown token. */
  redeem(hello: HelloJoin): Promise<Redeemed>;
  /** All certificates that clients shall pin. */
  readonly certPems: readonly string[];
  /** URL of the external broker for clients, or empty. */
  readonly broker: string;
  /** Certificates (PEM) to trust it by, if well-known ones do not. */
  readonly brokerCa?: string;
}

const ANSWER_LIMIT_MS = 20_000;

/** Joins with a link; throws with what to do when the server is not the link's or says no. */
export async function joinServer(
  link: JoinLink,
  options: {
    readonly client: string;
    readonly host: string;
    /** What this machine had under that name until now. */
    readonly secret?: string;
  },
): Promise<Credentials> {
  const { socket, certPem } = await connectPinned(link);
  // Only this server has seen the token by now, and only once it proved to be the link's.
  socket.write(CHANNEL_MAGIC);
  await using channel = acceptChannel(socket, new Uint8Array());
  const limit = setTimeout(() => socket.destroy(), ANSWER_LIMIT_MS);
  try {
    const answer = await ask(channel, {
      kind: "join",
      version: PROTOCOL_VERSION,
      token: link.token,
      user: link.user,
      ...options,
    });
    if (answer.kind === "refused") {
      throw new Error(`Cannot join: ${answer.reason}`);
    }
    return {
      user: link.user,
      client: options.client,
      secret: answer.secret,
      address: joinAddress(link.host, link.port),
      certPems: [...new Set([certPem, ...answer.certPems])],
      broker: answer.broker,
      ...(answer.brokerCa === undefined ? {} : { brokerCa: answer.brokerCa }),
    };
  } finally {
    clearTimeout(limit);
  }
}

async function ask(channel: Channel, hello: HelloJoin): Promise<Answer> {
  await channel.send(hello);
  const answer = answerSchema.safeParse(await channel.receive());
  if (answer.success) return answer.data;
  throw new Error(
    "Cannot join: the server gave no answer that this version understands; use the same version of sinkd on both",
  );
}

/** Server side: answers `hello` on its channel and closes it. */
export async function serveJoin(
  channel: Channel,
  hello: HelloJoin,
  ports: JoinPorts,
): Promise<void> {
  await using _closing = channel;
  const redeemed = await ports.redeem(hello);
  const answer: Answer = redeemed.kind === "refused" ? redeemed : {
    kind: "joined",
    secret: redeemed.secret,
    certPems: [...ports.certPems],
    broker: ports.broker,
    ...(ports.brokerCa === undefined ? {} : { brokerCa: ports.brokerCa }),
  };
  await channel.send(answer);
}

async function connectPinned(
  link: JoinLink,
): Promise<{ socket: TLSSocket; certPem: string }> {
  const socket = await connectUnchecked(link);
  const der = socket.getPeerCertificate(true).raw;
  const seen = fingerprintOf(der);
  if (seen !== link.fingerprint) {
    socket.destroy();
    throw new Error(
      `Cannot join: the server at ${
        joinAddress(link.host, link.port)
      } is not the one that made this link (its certificate is ${seen}); check the address, or make a new link on the server`,
    );
  }
  return { socket, certPem: pemOf("CERTIFICATE", der) };
}

async function connectUnchecked(link: JoinLink): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({
    host: link.host,
    port: link.port,
    servername: SERVER_NAME,
    rejectUnauthorized: false, // the fingerprint decides
  });
  socket.setNoDelay(true);
  const limit = setTimeout(
    () => reject(new Error("there is no answer")),
    ANSWER_LIMIT_MS,
  );
  socket.once("secureConnect", resolve);
  socket.once("error", reject);
  socket.once("close", () => reject(new Error("the connection was closed")));
  try {
    await promise;
    return socket;
  } catch (cause) {
    socket.destroy();
    throw new Error(
      `Cannot join: the server at ${
        joinAddress(link.host, link.port)
      } cannot be reached (${
        errorText(cause)
      }); check that it runs and that its address and port are right`,
      { cause },
    );
  } finally {
    clearTimeout(limit);
  }
}
