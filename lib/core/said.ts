/**
 * What a machine says about itself, and what others of it are shown: how long it may be, and of what
 * characters. Whoever says it cuts it to that; whoever hears it refuses what is beyond.
 *
 * @module
 */
import * as z from "zod";
import { nameFault } from "./path.ts";
import { UNSHOWN } from "./plain_text.ts";

/** Longest host name, in characters. */
const MAX_HOST = 255;
/** Longest sentence of another machine, in characters. */
const MAX_SENTENCE = 1000;

/** A user's or client's name. */
export const nameSchema: z.ZodString = z.string().max(64).refine(
  (name) => nameFault(name) === undefined,
  "not a name",
);

/** The name of a machine, which is shown and nothing else. */
export const hostSchema: z.ZodString = z.string().max(MAX_HOST).refine(
  isShowable,
  "not a host name",
);

/** A sentence, such as why a turn cannot go on. */
export const sentenceSchema: z.ZodString = z.string().max(MAX_SENTENCE).refine(
  isShowable,
  "has control characters",
);

/** A secret or a token: of what our own are made. */
export const secretSchema: z.ZodString = z.string().regex(
  /^[A-Za-z0-9_-]{0,200}$/,
);

/** Where an anchor is in the server's tree, as announced. */
export const treePathSchema: z.ZodString = z.string().min(1).max(4096).refine(
  (path) => path.isWellFormed() && !path.includes("\0"),
  "not a path",
);

/**
 * A host name as {@linkcode hostSchema} takes it.
 *
 * @example
 * ```ts
 * import { hostText } from "./said.ts";
 * import assert from "node:assert/strict";
 * assert.equal(hostText("laptop\n"), "laptop?");
 * ```
 */
export function hostText(host: string): string {
  return showable(host, MAX_HOST);
}

/** A sentence as {@linkcode sentenceSchema} takes it. */
export function sentenceText(text: string): string {
  return showable(text, MAX_SENTENCE);
}

function showable(text: string, length: number): string {
  return text.replace(UNSHOWN, "?").slice(0, length).toWellFormed();
}

function isShowable(text: string): boolean {
  return text.isWellFormed() && text.search(UNSHOWN) < 0;
}
