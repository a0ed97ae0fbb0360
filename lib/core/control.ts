/**
 * What a command asks a running server or client over its control socket, and what comes back: one
 * JSON line each way.
 *
 * @module
 */
import * as z from "zod";
import { statusReportSchema } from "./status.ts";

/** Largest request in bytes, its newline included. */
export const MAX_REQUEST_BYTES = 65_536;

const name = z.string().min(1).max(64);
const onPath = { path: z.string().min(1).max(8192).optional() };

/** A request; `path` is absolute, and absent where everything is meant. */
export const controlRequestSchema = z.discriminatedUnion("command", [
  z.strictObject({ command: z.literal("status") }),
  z.strictObject({ command: z.literal("stop") }),
  z.strictObject({ command: z.literal("reload") }),
  z.strictObject({ command: z.literal("approve"), ...onPath }),
  z.strictObject({ command: z.literal("reject"), ...onPath }),
  z.strictObject({ command: z.literal("pause"), ...onPath }),
  z.strictObject({ command: z.literal("resume"), ...onPath }),
  z.strictObject({ command: z.literal("rescan"), ...onPath }),
  z.strictObject({
    command: z.literal("revoked"),
    user: name,
    client: name,
  }),
]);
/** See {@linkcode controlRequestSchema}. */
export type ControlRequest = z.infer<typeof controlRequestSchema>;

/** Of a program that cannot be asked yet, or not for long: it was told to stop. */
const phase = z.enum(["starting", "ending"]);

/** A reply: done, with a report or a sentence; or refused, with a sentence and an exit code. */
export const controlReplySchema = z.discriminatedUnion("ok", [
  z.strictObject({
    ok: z.literal(true),
    report: statusReportSchema.optional(),
    message: z.string().optional(),
    phase: phase.optional(),
  }),
  z.strictObject({
    ok: z.literal(false),
    message: z.string(),
    exitCode: z.int().min(1).max(4),
    phase: phase.optional(),
  }),
]);
/** See {@linkcode controlReplySchema}. */
export type ControlReply = z.infer<typeof controlReplySchema>;

/** Outcome of reading one line of either direction. */
export type Read<T> = { readonly ok: true; readonly value: T } | {
  readonly ok: false;
  readonly reason: string;
};

/**
 * Reads a request line; never throws.
 *
 * @example
 * ```ts
 * import { parseRequest } from "./control.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(parseRequest('{"command":"stop"}'), { ok: true, value: { command: "stop" } });
 * assert.equal(parseRequest('{"command":"dance"}').ok, false);
 * ```
 */
export function parseRequest(line: string): Read<ControlRequest> {
  return parseLine(controlRequestSchema, line);
}

/** Reads a reply line; never throws. */
export function parseReply(line: string): Read<ControlReply> {
  return parseLine(controlReplySchema, line);
}

function parseLine<T>(schema: z.ZodType<T>, line: string): Read<T> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { ok: false, reason: "not JSON" };
  }
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  const issue = result.error.issues[0];
  const at = issue?.path.join(".") ?? "";
  const what = issue?.message ?? "wrong shape";
  return { ok: false, reason: at === "" ? what : `${at}: ${what}` };
}
