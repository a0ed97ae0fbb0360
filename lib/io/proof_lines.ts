/**
 * The two ends of a proof's channel: messages checked against their schemas, with a deadline.
 *
 * @module
 */
import type { z } from "zod";
import {
  type ProofAnswer,
  proofAnswerSchema,
  type ProofAsk,
  proofAskSchema,
} from "../core/proof_protocol.ts";
import type { Channel } from "./channel.ts";
import { withDeadline } from "./deadline.ts";

/** How long the other side may think: it may read a record of a million paths. */
const SILENCE_MS = 120_000;
/** The client's question comes with its hello. */
const FIRST_MS = 10_000;

/** The client's end. */
export function proofLine(channel: Channel): {
  send(message: ProofAsk): Promise<void>;
  receive(): Promise<ProofAnswer>;
} {
  return {
    send: (message) => sent(channel, message),
    receive: () => next(channel, proofAnswerSchema, SILENCE_MS),
  };
}

/** The server's end; the first question may take `firstMs`. */
export function answerLine(channel: Channel, firstMs = FIRST_MS): {
  send(message: ProofAnswer): Promise<void>;
  receive(): Promise<ProofAsk>;
} {
  let limitMs = firstMs;
  return {
    send: (message) => sent(channel, message),
    async receive() {
      const ask = await next(channel, proofAskSchema, limitMs);
      limitMs = SILENCE_MS;
      return ask;
    },
  };
}

async function sent(
  channel: Channel,
  message: ProofAsk | ProofAnswer,
): Promise<void> {
  const late = "Cannot compare records: the other side takes nothing";
  await withDeadline(
    channel,
    { limitMs: SILENCE_MS, late },
    () => channel.send(message),
  );
}

async function next<T>(
  channel: Channel,
  schema: z.ZodType<T>,
  limitMs: number,
): Promise<T> {
  const late = `Cannot compare records: nothing came for ${limitMs / 1000} s`;
  const value = await withDeadline(
    channel,
    { limitMs, late },
    () => channel.receive(),
  );
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(
    "Cannot compare records: the other side closed the channel, or its message does not parse",
  );
}
