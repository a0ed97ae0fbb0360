/**
 * The report model of `sinkd status`: what the control socket answers and the renderers print.
 *
 * @module
 */
import * as z from "zod";
import { stampSchema } from "./stamp.ts";

const clientStates = z.enum(["Sinkd", "Behind", "Updating", "Offline", "Held"]);
const serverStates = z.enum(["Sinkd", "Synching", "Offline"]);

/** Something that went wrong: where, why, and what to do. Times are ISO 8601 in UTC. */
export const faultSchema = z.strictObject({
  path: z.string(),
  cause: z.string(),
  fix: z.string(),
  since: z.string(),
});
/** See {@linkcode faultSchema}. */
export type Fault = z.infer<typeof faultSchema>;

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
  }).nullable(),
  files: z.int(),
  checked: z.int(),
});
/** See {@linkcode agreementSchema}. */
export type AgreementReport = z.infer<typeof agreementSchema>;

/** One anchor in a client's report; `pending` counts changes not yet on the server. */
export const anchorReportSchema = z.strictObject({
  path: z.string(),
  name: z.string().nullable(),
  state: clientStates,
  pending: z.int(),
  conflicts: z.array(z.string()),
  held: z.strictObject({
    reason: z.string(),
    fix: z.string(),
    paths: z.array(z.string()),
  }).nullable(),
  errors: z.array(faultSchema),
  lastSync: z.string().nullable(),
  agreement: agreementSchema,
});
/** See {@linkcode anchorReportSchema}. */
export type AnchorReport = z.infer<typeof anchorReportSchema>;

/** A client's `status --json`. */
export const clientReportSchema = z.strictObject({
  role: z.literal("client"),
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

/** A server's `status --json`. */
export const serverReportSchema = z.strictObject({
  role: z.literal("server"),
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
    checks: checksSchema,
    clients: z.array(z.strictObject({
      client: z.string(),
      host: z.string(),
      state: clientStates,
      stamp: stampSchema,
      lastSeen: z.string().nullable(),
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
