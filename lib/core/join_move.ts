/**
 * Joining while anchors are configured: whether they would go to another tree than until now, and what
 * would happen to them.
 *
 * @module
 */
import type { AnchorConfig } from "./config.ts";
import { counted } from "./plural.ts";

/** As whom a machine syncs, and where. */
export interface Membership {
  readonly user: string;
  /** `host:port` by which the server is known; empty where that is not known any more. */
  readonly addresses: readonly string[];
  /** Fingerprints of the certificates that it may show. */
  readonly fingerprints: readonly string[];
}

/** What the link says. */
export interface Destination {
  readonly user: string;
  readonly address: string;
  readonly fingerprint: string;
}

/** True for the server of before: one of its certificates, or its address (with a new certificate). */
export function isSameServer(before: Membership, to: Destination): boolean {
  return before.fingerprints.includes(to.fingerprint) ||
    before.addresses.includes(to.address) ||
    before.addresses.length === 0;
}

/**
 * What a person has to know before the anchors go to another user's tree or another server; `undefined`
 * when they stay where they are.
 */
export function moveQuestion(
  before: Membership | undefined,
  to: Destination,
  anchors: readonly AnchorConfig[],
): string | undefined {
  if (before === undefined || anchors.length === 0) return undefined;
  const isSameUser = before.user === to.user;
  if (isSameUser && isSameServer(before, to)) return undefined;
  const [at = "another server"] = before.addresses;
  const [first] = anchors;
  const named = anchors.length === 1
    ? first?.path
    : `${counted(anchors.length, "anchor")} (${first?.path}, …)`;
  return `Cannot join as ${to.user} at ${to.address}: this machine syncs ${named} as ${before.user} at ${at}. ` +
    `With --move all of it becomes ${to.user}'s there: what is here goes to that tree, what that tree has comes here, ` +
    `two versions of a path are a conflict copy, and nothing is deleted anywhere; what ${before.user} has at ${at} stays there. ` +
    `If that is what you want, use the same link again with --move; else take the anchors out first: sinkd rm PATH`;
}
