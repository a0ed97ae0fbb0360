/**
 * A channel of its own on which an anchor compares its record with the server's.
 *
 * @module
 */
import { PROTOCOL_VERSION } from "../core/protocol.ts";
import { dialChannel } from "../io/channel.ts";
import { splitAddress } from "../io/credentials.ts";
import { proofLine } from "../io/proof_lines.ts";
import type { ProofLine } from "../turn/prove.ts";
import type { TurnPlace } from "./client_turn.ts";

/** Dials the server, says who comes, and does `work`; throws when the channel breaks. */
export async function dialProof<T>(
  work: (line: ProofLine) => Promise<T>,
  { credentials, address, signal }: TurnPlace,
): Promise<T> {
  const { user, client, secret, certPems } = credentials;
  const { host, port } = splitAddress(address);
  await using channel = await dialChannel({ host, port, certPems, signal });
  const version = PROTOCOL_VERSION;
  await channel.send({ kind: "proof", version, user, client, secret });
  return await work(proofLine(channel));
}
