/**
 * What an anchor's edits could not do, as faults for status.
 *
 * @module
 */
import { remedyFor } from "../core/remedies.ts";
import type { RelativePath } from "../core/path.ts";
import { type Shortage, shortageWords } from "../core/room.ts";
import type { Fault } from "../core/status.ts";
import { WITHOUT_CONTENT } from "../io/look.ts";
import type { AnchorEdits } from "../turn/edits.ts";
import type { Faults } from "./faults.ts";

/** Has `faults` say what the edits of the anchor at `root` say now; not of what is `told` already. */
export function restateEdits(
  { faults: unsynced, refused, short }: Pick<
    AnchorEdits,
    "faults" | "refused" | "short"
  >,
  root: string,
  faults: Faults,
  told: (path: RelativePath) => boolean,
): void {
  const untold = [...unsynced].filter(([path]) => !told(path));
  faults.restate(
    "unsynced",
    new Map(untold.map(([path, cause]) => [`unsynced ${path}`, {
      level: levelOf(cause),
      path: `${root}/${path}`,
      cause,
      fix:
        "it is not synced: rename it, remove it, exclude it, or give this account access",
    }])),
  );
  faults.restate(
    "refused",
    new Map([...refused].map(([path, cause]) => [`refused ${path}`, {
      path: `${root}/${path}`,
      ...refusalWords(cause, short.get(path)),
    }])),
  );
}

function refusalWords(
  cause: string,
  room: Shortage | undefined,
): { cause: string; fix: string } {
  if (room !== undefined) {
    return shortageWords(room, {
      machine: "the server",
      other: "exclude the file",
    });
  }
  return {
    cause: `it could not be sent: ${cause}`,
    fix: `${remedyFor(cause)}; sinkd retries by itself`,
  };
}

/** What holds no bytes (a pipe, a socket) is no loss when it is not synced. */
function levelOf(cause: string): Fault["level"] {
  return WITHOUT_CONTENT.has(cause) ? "note" : "problem";
}
