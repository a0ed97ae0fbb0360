/**
 * Which users this server serves: all of its root, or those whose lease it has.
 *
 * @module
 */
import type { Elsewhere } from "../core/status.ts";
import type { Users } from "./users.ts";

/** See the module. */
export interface Serving {
  /** To be asked right before each commit. */
  serves(user: string): boolean;
  /** True when a new client may join here: it is served, or nobody else is known to. */
  mayJoin(user: string): boolean;
  names(): string[];
  /** Users of this root that are not served here, and why. */
  elsewhere(): Elsewhere[];
}

/** One server for all users: with the broker inside of it there is no other. */
export function servingAll(users: Users): Serving {
  return {
    serves: () => true,
    mayJoin: () => true,
    names: () => users.names(),
    elsewhere: () => [],
  };
}
