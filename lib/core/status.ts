/**
 * The report model of `sinkd status`: what the control socket answers and the renderers print.
 *
 * @module
 */
import * as z from "zod";
import { stampSchema } from "./stamp.ts";

const clientStates = z.enum(["Sinkd", "Behind", "Updating", "Offline", "Held"]);
const serverStates = z.enum(["Sinkd", "Synching", "Offline"]);

/**
 * How bad a line of a report is, best first: nothing is wrong; worth knowing; work is under way;
 * something failed and is retried; the server is out of reach; a person must act.
 */
export const levels = [
  "good",
  "note",
  "busy",
  "problem",
  "offline",
  "decision",
] as const;
/** See {@linkcode levels}. */
export type Level = typeof levels[number];

/**
 * Something that went wrong: where, why, and what to do. Times are ISO 8601 in UTC.
 *
 * How to state one: `faults.note(key, { kind, level, path, cause, fix })`. `kind` names the sort of
 * fault (`"disk"`, `"left"`): faults are bounded per kind, and whoever finds them states the whole set
 * of a kind after each check with `faults.restate(kind, ...)`, so that one goes when its cause is gone.
 * `level` is `problem` unless said otherwise: sinkd retries by itself. `decision`: nothing goes on until
 * a person acts. `note`: everything that can be synced is. `path` says whose (`server: /srv`, a machine,
 * a full path); `cause` is a clause without a capital or a full stop; `fix` is one thing to do.
 */
export const faultSchema = z.strictObject({
  kind: z.string(),
  level: z.enum(["note", "problem", "decision"]),
  path: z.string(),
  cause: z.string(),
  fix: z.string(),
  since: z.string(),
});
/** See {@linkcode faultSchema}. */
export type Fault = z.infer<typeof faultSchema>;

/** What a report comes to, never better than its worst line; printed with it as JSON. */
export const verdictSchema = z.strictObject({
  level: z.enum(levels),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(4)]),
  headline: z.string(),
});

/**
 * How an anchor compares with the server. `differs` until a comparison finds both sides the same;
 * `found` is what was found last. `checked` of `files` files were read through since they changed.
 */
export const agreementSchema = z.strictObject({
  state: z.enum(["unknown", "agreed", "differs"]),
  lastAgreed: z.string().nullable(),
  differs: z.array(z.string()),
  found: z.strictObject({
    at: z.string(),
    cause: z.string(),
    paths: z.array(z.string()),
    /** True when a disk must have changed the bytes: told also after both sides agree again. */
    damage: z.boolean().optional(),
  }).nullable(),
  files: z.int(),
  checked: z.int(),
});
/** See {@linkcode agreementSchema}. */
export type AgreementReport = z.infer<typeof agreementSchema>;

/**
 * A transfer under way: `receive` or `send`, as seen from the machine that reports. `bytes` of `files`
 * files all together, of which `done` went over the wire so far (a delta needs fewer).
 */
export const transferSchema = z.strictObject({
  direction: z.enum(["send", "receive"]),
  files: z.int(),
  bytes: z.int(),
  done: z.int(),
  bytesPerSecond: z.int(),
  since: z.string(),
});
/** See {@linkcode transferSchema}. */
export type TransferReport = z.infer<typeof transferSchema>;

/** What is knowingly not the same here and on the server: no fault, and nothing has to be done. */
export const leftOutSchema = z.strictObject({
  cause: z.string(),
  count: z.int(),
  /** The first of them. */
  paths: z.array(z.string()),
});
/** See {@linkcode leftOutSchema}. */
export type LeftOut = z.infer<typeof leftOutSchema>;

/** One anchor in a client's report; `pending` counts changes not yet on the server. */
export const anchorReportSchema = z.strictObject({
  path: z.string(),
  name: z.string().nullable(),
  state: clientStates,
  pending: z.int(),
  /** Since when changes wait, once that is longer than a few seconds. */
  pendingSince: z.string().optional(),
  /** True until its first scan is over: nothing is known of it before. */
  scanning: z.boolean().optional(),
  conflicts: z.array(z.string()),
  held: z.strictObject({
    reason: z.string(),
    fix: z.string(),
    paths: z.array(z.string()),
    /** Of deletions: how many are gone from which directory of the anchor, and since when. */
    groups: z.array(z.strictObject({
      directory: z.string(),
      paths: z.int(),
      since: z.string(),
    })).optional(),
  }).nullable(),
  errors: z.array(faultSchema),
  transfer: transferSchema.optional(),
  leftOut: z.array(leftOutSchema),
  lastSync: z.string().nullable(),
  agreement: agreementSchema,
});
/** See {@linkcode anchorReportSchema}. */
export type AnchorReport = z.infer<typeof anchorReportSchema>;

/** A client's `status --json`. */
export const clientReportSchema = z.strictObject({
  role: z.literal("client"),
  verdict: verdictSchema.optional(),
  pid: z.int(),
  version: z.string(),
  user: z.string(),
  client: z.string(),
  state: clientStates,
  stamp: stampSchema,
  server: z.strictObject({
    address: z.string(),
    state: serverStates,
    stamp: stampSchema,
  }),
  anchors: z.array(anchorReportSchema),
  watcher: z.strictObject({
    mode: z.enum(["events", "scanning"]),
    detail: z.string(),
  }),
  errors: z.array(faultSchema),
});
/** See {@linkcode clientReportSchema}. */
export type ClientReport = z.infer<typeof clientReportSchema>;

/** A user that another server serves; `server` and `address` are empty where they are not known. */
export const elsewhereSchema = z.strictObject({
  user: z.string(),
  server: z.string(),
  address: z.string(),
  since: z.string().nullable(),
  /** `taken`: it is served there; `stale`: so it was, and its newest directory is there; `waiting`: not known yet. */
  reason: z.enum(["taken", "stale", "waiting"]),
});
/** See {@linkcode elsewhereSchema}. */
export type Elsewhere = z.infer<typeof elsewhereSchema>;

/**
 * The background checksum of a user's files: how many of them were read, which have other bytes than
 * came there, and which were brought back.
 */
export const checksSchema = z.strictObject({
  files: z.int(),
  checked: z.int(),
  damaged: z.array(z.string()),
  mended: z.array(z.string()),
});
/** See {@linkcode checksSchema}. */
export type ChecksReport = z.infer<typeof checksSchema>;

/** What a machine's own status shows, for its server: how many of each. */
export const needsSchema = z.strictObject({
  held: z.int().min(0),
  paused: z.int().min(0),
  decisions: z.int().min(0),
  problems: z.int().min(0),
});
/** See {@linkcode needsSchema}. */
export type Needs = z.infer<typeof needsSchema>;

/** A server's `status --json`. */
export const serverReportSchema = z.strictObject({
  role: z.literal("server"),
  verdict: verdictSchema.optional(),
  pid: z.int(),
  version: z.string(),
  listen: z.string(),
  broker: z.string(),
  state: serverStates,
  users: z.array(z.strictObject({
    user: z.string(),
    stamp: stampSchema,
    epoch: z.string(),
    state: serverStates,
    queue: z.int(),
    /** What runs, by machine and place in the user's tree. */
    transfers: z.array(z.strictObject({
      client: z.string(),
      path: z.string(),
      ...transferSchema.shape,
    })).optional(),
    /** Machines whose requests wait for their turn. */
    waiting: z.array(z.string()).optional(),
    checks: checksSchema,
    /** What the user has on the server, history included: bytes in whole blocks. */
    usage: z.strictObject({ bytes: z.int(), files: z.int() }).optional(),
    /** What the user may have; null for no limit. */
    quota: z.strictObject({
      bytes: z.int().nullable(),
      files: z.int().nullable(),
    }).optional(),
    clients: z.array(z.strictObject({
      client: z.string(),
      host: z.string(),
      state: clientStates,
      stamp: stampSchema,
      lastSeen: z.string().nullable(),
      /** What this machine said of itself, as it last said it: how many of each. */
      needs: needsSchema.optional(),
    })),
  })),
  /** Users of this root that this server does not serve, with who does. */
  elsewhere: z.array(elsewhereSchema),
  errors: z.array(faultSchema),
});
/** See {@linkcode serverReportSchema}. */
export type ServerReport = z.infer<typeof serverReportSchema>;

/** Either report. */
export const statusReportSchema = z.discriminatedUnion("role", [
  clientReportSchema,
  serverReportSchema,
]);
/** See {@linkcode statusReportSchema}. */
export type StatusReport = z.infer<typeof statusReportSchema>;
