/**
 * What status says of the rsync that is used.
 *
 * @module
 */
import { remedyFor } from "../core/remedies.ts";
import type { TrustedRsync } from "../io/rsync_trust.ts";
import type { Faults } from "./faults.ts";

/** Says so when the rsync could not be tried. */
export function noteUntried(faults: Faults, { untried }: TrustedRsync): void {
  if (untried === undefined) return;
  faults.note("rsync trial", {
    path: "rsync",
    cause: `rsync could not be tested before use: ${untried}`,
    fix: `${
      remedyFor(untried)
    }, then restart sinkd; until then it is used untested`,
  });
}
