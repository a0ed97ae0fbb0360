/**
 * What happens to leases, and what a server does about it.
 *
 * @module
 */
import type { Copy, Instant, LeaseRecord } from "./lease_state.ts";

/** What happens. */
export type LeaseEvent =
  | { readonly kind: "linkUp"; readonly now: Instant }
  | { readonly kind: "linkDown" }
  | {
    readonly kind: "want";
    readonly user: string;
    readonly copy: Copy;
    readonly now: Instant;
  }
  | { readonly kind: "unwant"; readonly user: string }
  | {
    readonly kind: "beat";
    readonly server: string;
    readonly boot: string;
    readonly beat: number;
    readonly now: Instant;
  }
  | {
    readonly kind: "record";
    readonly user: string;
    readonly record: LeaseRecord;
    /** The run of the server that published it. */
    readonly boot: string;
    readonly now: Instant;
  }
  /** Every `BEAT_MS`, and when the server's state changed. */
  | { readonly kind: "tick"; readonly now: Instant };

/** What to do about it, in order. */
export type LeaseEffect =
  | { readonly kind: "listen"; readonly user: string }
  | { readonly kind: "unlisten"; readonly user: string }
  /** Listen to that server's beats. */
  | { readonly kind: "watch"; readonly server: string }
  | { readonly kind: "beat"; readonly beat: number }
  | {
    readonly kind: "publish";
    readonly user: string;
    readonly record: Extract<LeaseRecord, { kind: "claim" | "held" }>;
  }
  /** It is ours: write the number down, then publish that it is held, then serve. */
  | {
    readonly kind: "took";
    readonly user: string;
    readonly number: number;
    /** False: the directory may be older than what clients know. */
    readonly keepEpoch: boolean;
  }
  /** No longer ours: end what runs, at once. */
  | { readonly kind: "lost"; readonly user: string; readonly reason: string }
  /** We let go: end what runs, then publish that it is released. */
  | { readonly kind: "letGo"; readonly user: string; readonly number: number }
  /** Another server calls itself by our id. */
  | { readonly kind: "twin" };
