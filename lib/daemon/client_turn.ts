/**
 * One turn of an anchor over a data channel that this client opens to the server.
 *
 * @module
 */
import type { ClientEffect } from "../core/client_state.ts";
import { PROTOCOL_VERSION } from "../core/protocol.ts";
import { dialChannel } from "../io/channel.ts";
import { type Credentials, splitAddress } from "../io/credentials.ts";
import type { ClientTurnEnd } from "../turn/take_turn.ts";
import type { Anchor } from "./anchor.ts";

/** Whose turn it is, and where to have it. */
export interface TurnPlace {
  readonly credentials: Credentials;
  readonly address: string;
  readonly signal: AbortSignal;
}

/** Dials the server, shows session and token, and takes the turn; throws when it breaks. */
export async function dialTurn(
  anchor: Anchor,
  { session, token }: Extract<ClientEffect, { kind: "openTurn" }>,
  { credentials, address, signal }: TurnPlace,
): Promise<ClientTurnEnd> {
  const { user, client, secret, certPems } = credentials;
  const { host, port } = splitAddress(address);
  await using channel = await dialChannel({ host, port, certPems, signal });
  await channel.send({
    kind: "turn",
    version: PROTOCOL_VERSION,
    user,
    client,
    secret,
    session,
    token,
  });
  return await anchor.turn(channel);
}
