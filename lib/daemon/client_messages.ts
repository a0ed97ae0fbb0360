/**
 * What the broker delivers to a client, as events of its state machine.
 *
 * @module
 */
import { msgServerSchema } from "../core/fleet_protocol.ts";
import type { ClientEvent } from "../core/client_state.ts";
import {
  headTopic,
  type MsgHead,
  msgHeadSchema,
  msgPinsSchema,
  msgReplySchema,
  msgStatusSchema,
  parsePayload,
  replyTopic,
  SERVER_TOPIC,
} from "../core/protocol.ts";
import type { ClientHome } from "./client_home.ts";

/** A message as the state machine takes it, or why it is dropped. */
export type Received =
  | { readonly kind: "event"; readonly event: ClientEvent }
  | {
    readonly kind: "head";
    readonly event: ClientEvent;
    readonly server: MsgHead["server"];
  }
  | { readonly kind: "pins" }
  | {
    readonly kind: "dropped";
    readonly reason: string;
  };

/** Reads one message; `undefined` for a topic that is none of this client's. */
export function readMessage(
  message: {
    readonly topic: string;
    readonly payload: Uint8Array;
    readonly nowMs: number;
  },
  account: { readonly user: string; readonly client: string },
  home: Pick<ClientHome, "statusTopic">,
): Received | undefined {
  const { topic, payload, nowMs } = message;
  const { user, client } = account;
  if (topic === home.statusTopic) {
    const parsed = parsePayload(msgServerSchema, payload);
    if (!parsed.ok) return { kind: "dropped", reason: parsed.reason };
    return event({ kind: "server", state: parsed.value.state, nowMs });
  }
  if (topic === SERVER_TOPIC && home.statusTopic === undefined) {
    const parsed = parsePayload(msgStatusSchema, payload);
    if (!parsed.ok) return { kind: "dropped", reason: parsed.reason };
    return event({ kind: "server", state: parsed.value.state, nowMs });
  }
  if (topic === headTopic(user)) {
    const parsed = parsePayload(msgHeadSchema, payload);
    if (!parsed.ok) return { kind: "dropped", reason: parsed.reason };
    const { epoch, date, cycle, server } = parsed.value;
    const head = { epoch, stamp: { date, cycle } };
    return { kind: "head", event: { kind: "head", head, nowMs }, server };
  }
  if (topic === replyTopic(user, client)) {
    if (parsePayload(msgPinsSchema, payload).ok) return { kind: "pins" };
    const parsed = parsePayload(msgReplySchema, payload);
    if (!parsed.ok) return { kind: "dropped", reason: parsed.reason };
    return event({ kind: "reply", message: parsed.value, nowMs });
  }
  return undefined;
}

function event(event: ClientEvent): Received {
  return { kind: "event", event };
}
