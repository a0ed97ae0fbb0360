/**
 * One turn of an anchor: the conversation over its data channel, and what is noted of its end.
 *
 * @module
 */
import { remedyFor } from "../core/remedies.ts";
import type { Transfer } from "../core/channel_protocol.ts";
import { shortageWords } from "../core/room.ts";
import type { AnchorConfig } from "../core/config.ts";
import type { Edits } from "../ports.ts";
import type { AnchorEdits } from "../turn/edits.ts";
import type { ClientTurnEnd } from "../turn/take_turn.ts";
import { logger } from "../io/log.ts";
import type { Faults } from "./faults.ts";

const log = logger("anchor");

/** The rsync settings of an anchor, as the server takes them. */
export function transferOf({ rsync }: AnchorConfig): Transfer {
  return {
    compress: rsync.compress,
    partial: rsync.partial,
    checksum: rsync.checksum,
    ...(rsync.bwlimit === undefined ? {} : { bwlimit: rsync.bwlimit }),
  };
}

/** Edits that are collected only while the anchor's directory is the one that it was, and its configuration. */
export function guardedEdits(
  edits: AnchorEdits,
  { assertRoot, retired }: {
    readonly assertRoot: () => void;
    readonly retired: () => boolean;
  },
): Edits {
  return {
    count: () => edits.count(),
    again: (paths) => edits.again(paths),
    done: (paths) => edits.done(paths),
    clashing: () => edits.clashing(),
    renewed: () => edits.renewed(),
    collect: async (limits) => {
      assertRoot();
      const batch = await edits.collect(limits);
      assertRoot();
      // What was collected may have changed after another configuration was read.
      return retired() ? { changes: [], found: [], more: false } : batch;
    },
  };
}

/** Notes what a turn left and which copies it made. */
export function noteTurn(
  end: ClientTurnEnd,
  root: string,
  faults: Faults,
): void {
  faults.restate(
    "left",
    new Map(end.left.map(({ path, reason, fix, room }) => [path, {
      path: `${root}/${path}`,
      ...(room === undefined
        ? {
          cause: `the server's version could not be applied: ${reason}`,
          fix: fix ?? `${remedyFor(reason)}; sinkd retries by itself`,
        }
        : shortageWords(room, {
          machine: "this machine",
          other: "exclude the file here",
        })),
    }])),
  );
  for (const copy of end.copies) log.warn`Conflict copy: ${root}/${copy}`;
}
