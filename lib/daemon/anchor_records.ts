/**
 * Records and configuration: which record each anchor goes on with, and what of it still counts.
 * Done for each configuration that was read, in order, before any of its anchors is opened.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { type AnchorShape, isSingleFile } from "../core/anchor_kind.ts";
import { type AnchorConfig, treePathOf } from "../core/config.ts";
import {
  identityOf,
  pairRecords,
  type RecordIdentity,
  type RecordPlace,
  whatCounts,
} from "../core/record_identity.ts";
import type { ClientStore } from "../io/base_store.ts";
import { dropScopes } from "../io/digest_store.ts";
import { logger } from "../io/log.ts";
import { lookAtRoot } from "../io/scan.ts";
import { parentDirectory } from "./anchor_root.ts";

const log = logger("anchor");

/** Brings the records in `store` in line with the anchors that are configured for `user`. */
export function settleRecords(
  store: ClientStore,
  anchors: readonly AnchorConfig[],
  { user, digests }: { user: string; digests: DatabaseSync },
): void {
  const recorded = store.records();
  const places = anchors.map((config) => {
    const known = recorded.find(({ path }) => path === config.path) ??
      recorded.find(({ identity }) =>
        identity?.treePath === treePathOf(config)
      );
    const single = isSingle(store, config, known);
    return { path: config.path, ...here(config, { user, single }) };
  });
  const pairs = pairRecords(recorded, places);
  store.reassign(pairs);
  const intact = new Set<string>();
  for (const { path, identity } of places) {
    const record = store.anchor(path);
    const before = pairs.get(path);
    const counting = whatCounts(record.identity(), identity);
    switch (counting.kind) {
      case "all":
        if (before === path) intact.add(path);
        else log.info`${path} was ${before ?? ""}: the same anchor`;
        break;
      case "some": {
        const left = record.choose(identity, counting.counts);
        log
          .info`${path}: another selection; ${left.length} paths are not synced any more`;
        break;
      }
      case "none":
        if (record.count() > 0) {
          log.warn`${path} joins as at first: nothing is deleted`;
        }
        record.begin(identity);
        break;
    }
  }
  dropScopes(digests, (scope) => !intact.has(scope));
}

/** What an anchor's record would be made under, and where it is now. */
function here(
  config: AnchorConfig,
  { user, single }: { user: string; single: boolean },
): { identity: RecordIdentity; inode: RecordPlace["inode"] } {
  const root = lookAtRoot(single ? parentDirectory(config.path) : config.path);
  return {
    identity: identityOf(config, { user, single }),
    inode: root.kind === "present"
      ? root.inode
      : root.kind === "unreadable"
      ? "unseen"
      : undefined,
  };
}

function isSingle(
  store: ClientStore,
  config: AnchorConfig,
  known: RecordPlace | undefined,
): boolean {
  const before = known?.identity;
  const isSame = before !== undefined &&
    before.added === (config.added ?? null);
  return isSingleFile(
    shapeAt(config.path),
    known !== undefined && isSame
      ? {
        single: before.single,
        hasRows: store.anchor(known.path).count() > 0,
      }
      : undefined,
  );
}

/** What is at an anchor's path, not following a link. */
export function shapeAt(path: string): AnchorShape {
  try {
    const { isFile, isDirectory } = Deno.lstatSync(path);
    return isFile ? "file" : isDirectory ? "directory" : "unknown";
  } catch {
    return "unknown";
  }
}
