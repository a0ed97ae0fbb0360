/**
 * Deletions that were made elsewhere and wait for a person to be made here: what is told of them, and
 * what comes of the decision.
 *
 * @module
 */
import type { AnchorConfig } from "../core/config.ts";
import { counted } from "../core/plural.ts";
import type { RelativePath } from "../core/path.ts";
import type { Hold } from "./anchor_root.ts";

/**
 * Why an anchor waits because of what was deleted elsewhere; `held` has when each path
 * began to wait, in milliseconds since 1970.
 */
export function heldHere(
  { path }: AnchorConfig,
  held: ReadonlyMap<RelativePath, number>,
): Hold {
  const nowMs = Date.now();
  const count = counted(held.size, "path");
  return {
    kind: "deletions",
    reason: `${count} of this anchor ${
      held.size === 1 ? "was" : "were"
    } deleted elsewhere, more than half of it`,
    fix:
      `sinkd approve ${path} to delete them here too, or sinkd reject ${path} to bring them back everywhere`,
    paths: [...held.keys()],
    ages: new Map([...held].map(([path, ms]) => [path, nowMs - ms])),
  };
}

/** What is said to whoever decides about `count` of them. */
export function decidedHere(
  decision: "approve" | "reject",
  count: number,
): string {
  const isOne = count === 1;
  return decision === "approve"
    ? `${counted(count, "path")} ${isOne ? "is" : "are"} deleted here too`
    : `${counted(count, "path")} ${isOne ? "goes" : "go"} to the server again`;
}
