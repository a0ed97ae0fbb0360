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

/** How long the other side may think: it may read a record of a million paths. */
const SILENCE_MS = 120_000;

/** The client's end. */
export function proofLine(channel: Channel): {
  send(message: ProofAsk): Promise<void>;
  receive(): Promise<ProofAnswer>;
} {
  return {
    send: (message) => channel.send(message),
    receive: () => next(channel, proofAnswerSchema),
  };
}

/** The server's end. */
export function answerLine(channel: Channel): {
  send(message: ProofAnswer): Promise<void>;
  receive(): Promise<ProofAsk>;
} {
  return {
    send: (message) => channel.send(message),
    receive: () => next(channel, proofAskSchema),
  };
}

async function next<T>(channel: Channel, schema: z.ZodType<T>): Promise<T> {
  const timer = setTimeout(() => channel.close(), SILENCE_MS);
  try {
    const parsed = schema.safeParse(await channel.receive());
    if (parsed.success) return parsed.data;
  } finally {
    clearTimeout(timer);
  }
  throw new Error(
    "Cannot compare records: the other side closed the channel, or its message does not parse",
  );
}
