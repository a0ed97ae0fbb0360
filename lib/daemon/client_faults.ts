/**
 * Faults between a client and its server: what they are called, how bad they are, what to do.
 *
 * @module
 */
import { remedyFor } from "../core/remedies.ts";
import type { Credentials } from "../io/credentials.ts";
import type { LinkEvent } from "../io/mqtt_link.ts";
import { isForeign } from "./client_pins.ts";
import type { StatedFault } from "./faults.ts";

/** A connection that ended or was refused. */
export function linkFault(
  event: Extract<LinkEvent, { kind: "down" | "refused" }>,
  { user, client }: Credentials,
  address: string,
): StatedFault {
  if (event.kind === "down") return unreachableFault(event.reason, address);
  if (event.twin === true) {
    return {
      kind: "twin",
      level: "decision",
      path: address,
      cause:
        `another machine is connected as ${user}/${client}: one of the two is a copy of the other (a cloned system, a copied home directory); nothing is synced here, edits are kept`,
      fix:
        `on the copy, with a new link from 'sinkd-server adduser ${user}': sinkd join - --name OTHER; if this machine was cut off or restarted a moment ago: nothing, it connects within half a minute`,
    };
  }
  return {
    kind: "revoked",
    level: "decision",
    path: address,
    cause:
      `this machine was revoked: the server ${address} refuses its credentials (nothing here was deleted)`,
    fix:
      `to join again, get a new link on the server (sinkd-server adduser ${user}) and run here: sinkd join -`,
  };
}

/** A server that cannot be reached, or is not the one whose certificate is pinned. */
export function unreachableFault(cause: string, address: string): StatedFault {
  return isForeign(cause)
    ? {
      kind: "foreign",
      level: "decision",
      path: address,
      cause:
        `the server shows a certificate that this machine does not know (${cause})`,
      fix:
        "if it was rotated while this machine was away, join again with a new link from 'sinkd server adduser'; if not, something else answers at that address",
    }
    : {
      kind: "link",
      path: address,
      cause,
      fix:
        "check that the server runs and can be reached; sinkd retries by itself",
    };
}

/** A turn of an anchor that broke. */
export function turnFault(cause: string, anchorPath: string): StatedFault {
  if (isForeign(cause)) return unreachableFault(cause, anchorPath);
  return {
    kind: "turn",
    path: anchorPath,
    cause,
    fix: `sinkd retries by itself; if it stays, ${remedyFor(cause)}`,
  };
}
