/**
 * The data channel's conversation: the messages of one turn, in the order they are sent.
 *
 * The server leads. First the client is brought up to date, then its edits are taken:
 *
 * ```text
 * client  turn                                   who I am, which session
 * server  welcome                                epoch and head
 * client  busy                                   only when the next one takes longer than moments
 * client  have                                   my stamp, how many edits
 * server  changes, entries…                      what changed since (none: count 0)
 * client  want…                                  which of them need bytes
 * server  rsync … rsyncDone                      one call for each class wanted
 * client  applied                                my new stamp
 * server  take        ┐
 * client  edits, entries…                        what changed here
 * server  rsync … rsyncDone                      fetches what needs bytes
 * server  check
 * client  checked                                which of them moved meanwhile
 * server  committed                              what is in, and at which stamp
 * client  agreed      ┘ repeated while there is more
 * server  bye
 * ```
 *
 * @module
 */
import { z } from "zod";
import { type Entry, entrySchema } from "./entry.ts";
import { type RelativePath, relativePathSchema } from "./path.ts";
import { epochSchema, PROTOCOL_VERSION } from "./protocol.ts";
import { nameSchema, secretSchema, sentenceSchema } from "./said.ts";
import { stampSchema } from "./stamp.ts";

/** Most entries in one message. */
export const ENTRIES_PER_MESSAGE = 500;
/** Characters of JSON after which a message of entries is closed; one entry more still fits a frame. */
const MESSAGE_CHARACTERS = 1024 * 1024;
/** Most indexes in one request for files. */
export const INDEXES_PER_MESSAGE = 10_000;
/** Most paths taken from a client in one commit. */
export const BATCH_PATHS = 2_000;
/** Bytes of changed files after which a batch is closed. */
export const BATCH_BYTES = 256 * 1024 * 1024;
/** Most paths that an update tells did not fit. */
export const TOLD_SHORTAGES = 20;
/** Commits of one client in a turn before others in the queue get theirs. */
export const BATCHES_PER_TURN = 4;

/** A path and what is there now; no `entry` means that it was deleted. */
export interface Change {
  readonly path: RelativePath;
  readonly entry?: Entry | undefined;
}

/**
 * A change on the server, with what it had there before, since the client's stamp. `rewritten` says
 * that the bytes may be others although an earlier version has the same size and mtime; `newcomer`,
 * that whoever deleted it had made it not long ago.
 */
export interface IncomingChange extends Change {
  readonly versions?: readonly Entry[] | undefined;
  readonly rewritten?: true | undefined;
  readonly newcomer?: true | undefined;
  /** Bytes that the file takes on the disk, when holes make it less than its size. */
  readonly data?: number | undefined;
}

/**
 * A change on a client. `verify` asks for a comparison of bytes although size and mtime agree;
 * `snapshot` says that the bytes lie in the client's `.sinkd/outgoing/` and not at the path;
 * `newcomer`, of a deletion, that this client had made it not long ago.
 */
export interface EditChange extends Change {
  readonly verify?: true | undefined;
  readonly snapshot?: true | undefined;
  readonly newcomer?: true | undefined;
  /** Bytes that the file takes on the disk, when holes make it less than its size. */
  readonly data?: number | undefined;
}

/** Cuts a list into messages: long paths and many versions count, not only entries. */
export function* inMessages<T extends Change>(
  changes: readonly T[],
): Generator<T[]> {
  let some: T[] = [];
  let characters = 0;
  for (const change of changes) {
    some.push(change);
    characters += JSON.stringify(change).length;
    if (
      some.length === ENTRIES_PER_MESSAGE || characters >= MESSAGE_CHARACTERS
    ) {
      yield some;
      some = [];
      characters = 0;
    }
  }
  if (some.length > 0) yield some;
}

/** How the client wants rsync to be called. Sizes in bytes; `bwlimit` in rsync's own syntax. */
export const transferSchema = z.strictObject({
  compress: z.boolean(),
  bwlimit: z.string().max(32).regex(/^\d+(\.\d+)?[kmgtp]?(ib|b)?$/i).optional(),
  partial: z.boolean(),
  checksum: z.boolean(),
});
/** See {@linkcode transferSchema}. */
export type Transfer = z.infer<typeof transferSchema>;

const version = z.literal(PROTOCOL_VERSION);
const text = z.string().max(1000);
const count = z.int().min(0);
const indexes = z.array(count).max(100_000);
const hexToken = z.string().regex(/^[0-9a-f]{32}$/);
const kind = <K extends string>(name: K) => z.literal(name);

const changeShape = {
  path: relativePathSchema,
  entry: entrySchema.optional(),
  data: count.optional(),
};
const shortageSchema = z.strictObject({
  disk: z.string().max(4096),
  needBytes: count,
  roomBytes: count,
  quota: z.strictObject({
    user: z.string().max(64),
    unit: z.enum(["bytes", "files"]),
    limit: count,
  }).optional(),
});
const incomingChangeSchema = z.strictObject({
  ...changeShape,
  versions: z.array(entrySchema).max(1000).readonly().optional(),
  rewritten: z.literal(true).optional(),
  newcomer: z.literal(true).optional(),
});
const editChangeSchema = z.strictObject({
  ...changeShape,
  verify: z.literal(true).optional(),
  snapshot: z.literal(true).optional(),
  newcomer: z.literal(true).optional(),
});

const fail = z.strictObject({ kind: kind("fail"), message: sentenceSchema });

/** The first message of a turn's channel. */
export const helloTurnSchema = z.strictObject({
  kind: kind("turn"),
  version,
  user: nameSchema,
  client: nameSchema,
  secret: secretSchema,
  session: z.string().regex(/^[0-9a-f]{16}$/),
  token: hexToken,
});
/** See {@linkcode helloTurnSchema}. */
export type HelloTurn = z.infer<typeof helloTurnSchema>;

/** What a client says in a turn after its hello. */
export const clientMessageSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: kind("busy") }),
  z.strictObject({
    kind: kind("have"),
    epoch: epochSchema.or(z.literal("")),
    stamp: stampSchema,
    edits: count,
    /** True when the anchor is one file. */
    single: z.boolean(),
    transfer: transferSchema,
  }),
  z.strictObject({
    kind: kind("want"),
    plain: indexes,
    verify: indexes,
    last: z.boolean(),
  }),
  z.strictObject({
    kind: kind("applied"),
    stamp: stampSchema,
    left: count,
    /** Some of what did not fit on the client's disk. */
    full: z.array(
      z.strictObject({ path: relativePathSchema, room: shortageSchema }),
    ).max(TOLD_SHORTAGES).optional(),
  }),
  z.strictObject({ kind: kind("edits"), count, more: z.boolean() }),
  z.strictObject({
    kind: kind("entries"),
    changes: z.array(editChangeSchema).max(ENTRIES_PER_MESSAGE),
  }),
  z.strictObject({ kind: kind("checked"), changed: indexes }),
  z.strictObject({ kind: kind("agreed"), more: z.boolean() }),
  fail,
]);
/** See {@linkcode clientMessageSchema}. */
export type ClientMessage = z.infer<typeof clientMessageSchema>;

/** What the server says in a turn. */
export const serverMessageSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: kind("welcome"),
    epoch: epochSchema,
    head: stampSchema,
  }),
  z.strictObject({
    kind: kind("changes"),
    /** True when the list is the whole tree and what it does not name is gone. */
    complete: z.boolean(),
    count,
    /** The client's stamp once all of it is in. */
    to: stampSchema,
    /** True when the server has further changes after `to`. */
    more: z.boolean(),
  }),
  z.strictObject({
    kind: kind("entries"),
    changes: z.array(incomingChangeSchema).max(ENTRIES_PER_MESSAGE),
  }),
  z.strictObject({
    kind: kind("rsync"),
    direction: z.enum(["update", "edits"]),
    password: hexToken,
  }),
  z.strictObject({ kind: kind("rsyncDone"), code: z.int() }),
  z.strictObject({
    kind: kind("staged"),
    detail: text,
    /** Why a call broke, if one did. */
    broke: text.optional(),
    /** Indexes of files that did not fit on the client's disk, by what rsync said. */
    full: indexes.optional(),
  }),
  z.strictObject({ kind: kind("take"), paths: count, bytes: count }),
  z.strictObject({ kind: kind("check") }),
  z.strictObject({
    kind: kind("committed"),
    stamp: stampSchema,
    left: z.array(
      z.strictObject({
        index: count,
        reason: text,
        /** Set when it did not fit on the server's disk, or is over a quota. */
        room: shortageSchema.optional(),
      }),
    ).max(100_000),
  }),
  z.strictObject({ kind: kind("bye"), stamp: stampSchema }),
  fail,
]);
/** See {@linkcode serverMessageSchema}. */
export type ServerMessage = z.infer<typeof serverMessageSchema>;
