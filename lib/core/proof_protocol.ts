/**
 * The conversation in which a client compares its record of an anchor with the server's, over a data
 * channel that it opens when all is quiet. No file is carried and no stamp changes.
 *
 * ```text
 * client  proof                                  who I am
 * client  prove                                  anchor, stamp, excludes and sizes
 * server  sums | moved                           sums of its record at that stamp; or: not now
 * client  list                                   unequal buckets            ┐ when sums differ
 * server  entries…                               what it has in them        ┘
 * client  digests                                what its files sum up to   ┐ while there are any
 * server  judged                                 which are other, which it does not know yet ┘
 * client  end
 * ```
 *
 * @module
 */
import { z } from "zod";
import { entrySchema } from "./entry.ts";
import { relativePathSchema } from "./path.ts";
import { BUCKETS, MAX_DIFFERING } from "./proof.ts";
import { epochSchema, PROTOCOL_VERSION } from "./protocol.ts";
import { nameSchema, secretSchema, sentenceSchema } from "./said.ts";
import { stampSchema } from "./stamp.ts";

/** Most entries in one message. */
export const LISTED_PER_MESSAGE = 500;
/** Most entries in an answer to one `list`. */
export const MAX_LISTED = 20_000;
/** Most digests in one message. */
export const CLAIMS_PER_MESSAGE = 500;
/** Most exclude patterns that are compared under. */
export const MAX_PATTERNS = 1000;

const kind = <K extends string>(name: K) => z.literal(name);
const size = z.int().min(0);
const indexes = z.array(z.int().min(0)).max(CLAIMS_PER_MESSAGE);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const sum = z.string().regex(/^[0-9a-f]{32}$/);
const fail = z.strictObject({ kind: kind("fail"), message: sentenceSchema });

/** The first message of the channel. */
export const helloProofSchema = z.strictObject({
  kind: kind("proof"),
  version: z.literal(PROTOCOL_VERSION),
  user: nameSchema,
  client: nameSchema,
  secret: secretSchema,
});
/** See {@linkcode helloProofSchema}. */
export type HelloProof = z.infer<typeof helloProofSchema>;

/** What a client says after its hello. */
export const proofAskSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: kind("prove"),
    /** The anchor in the user's tree. */
    path: relativePathSchema,
    /** True when the anchor is one file. */
    single: z.boolean(),
    epoch: epochSchema,
    stamp: stampSchema,
    excludes: z.array(z.string().max(4096)).max(MAX_PATTERNS),
    minSize: size.optional(),
    maxSize: size.optional(),
    /** True when the server shall read its files again before it judges digests. */
    recheck: z.boolean(),
  }),
  z.strictObject({
    kind: kind("list"),
    buckets: z.array(z.int().min(0).max(BUCKETS - 1)).max(BUCKETS),
  }),
  z.strictObject({
    kind: kind("digests"),
    claims: z.array(z.strictObject({
      path: relativePathSchema,
      size,
      mtimeMs: z.int(),
      digest,
    })).max(CLAIMS_PER_MESSAGE),
  }),
  z.strictObject({ kind: kind("end") }),
  fail,
]);
/** See {@linkcode proofAskSchema}. */
export type ProofAsk = z.infer<typeof proofAskSchema>;

/** What the server answers. */
export const proofAnswerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: kind("sums"),
    sums: z.array(sum).length(BUCKETS),
    /** Files whose bytes on the server's disk are not what came there; a client's may mend them. */
    damaged: z.array(relativePathSchema).max(MAX_DIFFERING),
  }),
  z.strictObject({ kind: kind("moved") }),
  z.strictObject({
    kind: kind("entries"),
    entries: z.array(
      z.strictObject({ path: relativePathSchema, entry: entrySchema }),
    ).max(LISTED_PER_MESSAGE),
    last: z.boolean(),
    /** True in the last message when there is more after its last entry. */
    cut: z.boolean(),
  }),
  z.strictObject({
    kind: kind("judged"),
    /** Claims of files whose bytes are other than the server's. */
    different: indexes,
    /** Claims of files whose bytes the server has yet to read. */
    unknown: indexes,
  }),
  fail,
]);
/** See {@linkcode proofAnswerSchema}. */
export type ProofAnswer = z.infer<typeof proofAnswerSchema>;
