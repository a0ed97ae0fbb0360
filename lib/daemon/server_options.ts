/**
 * What a server is started with.
 *
 * @module
 */
import type { Address } from "../core/address.ts";
import type { Quota } from "../core/quota.ts";
import type { MinFree } from "../core/room.ts";

/** See {@linkcode ServerOptions}. */
export type UserSelection =
  | { readonly kind: "all" }
  | { readonly kind: "named"; readonly names: readonly string[] }
  | { readonly kind: "listed"; readonly file: string };

/** Where the server works and what it offers. */
export interface ServerOptions {
  readonly root: string;
  readonly listenHost: string;
  /** 0 picks a free port. */
  readonly listenPort: number;
  /** URL of an external broker; the embedded one when `undefined`. */
  readonly broker: string | undefined;
  /** Certificates to trust it by, beside the well-known ones. */
  readonly brokerCaFile: string | undefined;
  /** Whom to serve, of those in the root: all of them, those named, or those that a file lists. */
  readonly users: UserSelection;
  /** Where clients reach this server, when it is one of several; empty for where they joined. */
  readonly address: string;
  /** Where plain rsync may read users' trees; nowhere when `undefined`. */
  readonly rsyncd: Address | undefined;
  readonly pidFile: string;
  /** Most turns at one time. */
  readonly jobs: number;
  readonly historyDays: number;
  /** In how many days every file is read through about once; 0: only when asked to. */
  readonly checksumDays: number;
  /** How much of the disk stays free. */
  readonly minFree: MinFree;
  /** What each user may have who has no quota of its own; no limit when `undefined`. */
  readonly userQuota?: Quota | undefined;
  /** The members of the root's group may write below it. */
  readonly trustsGroup?: boolean;
}
