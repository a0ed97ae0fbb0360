/**
 * What a server is started with.
 *
 * @module
 */
import type { Address } from "../core/address.ts";

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
  /** Where plain rsync may read users' trees; nowhere when `undefined`. */
  readonly rsyncd: Address | undefined;
  readonly pidFile: string;
  /** Most turns at one time. */
  readonly jobs: number;
  readonly historyDays: number;
  /** How much of the disk must stay free, in percent. */
  readonly minFreePercent: number;
}
