/**
 * One anchor of a client on real files with its real record; there is no server, and the test tells
 * what a watcher would.
 *
 * @module
 */
import type { AnchorConfig } from "../../lib/core/config.ts";
import { Anchor } from "../../lib/daemon/anchor.ts";
import { ownAccount } from "../../lib/io/own_account.ts";
import { type AnchorStore, ClientStore } from "../../lib/io/base_store.ts";
import { openDigests } from "../../lib/io/digest_store.ts";
import { tempDirectory } from "./temp.ts";
import { DiskRooms } from "../../lib/io/disk_room.ts";

/** An anchor that is not open yet. */
export interface AnchorRig extends AsyncDisposable {
  readonly directory: string;
  readonly root: string;
  /** The client's state database. */
  readonly stateFile: string;
  readonly store: AnchorStore;
  readonly anchor: Anchor;
}

/** Makes the anchor at `path` below a directory of its own; `prepare` fills that before. */
export function anchorRig(
  options: {
    readonly path?: string;
    readonly prepare?: (directory: string) => void;
  } = {},
): AnchorRig {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(tempDirectory()).path;
  const root = `${directory}/${options.path ?? "files"}`;
  const stateFile = `${directory}/client.db`;
  options.prepare?.(directory);
  const client = stack.use(new ClientStore(stateFile));
  const digests = openDigests(`${directory}/checks.db`);
  stack.defer(() => digests.close());
  const config: AnchorConfig = {
    path: root,
    name: "files",
    excludes: [],
    intervalMs: 0,
    trustsOthers: false,
    rsync: {
      compress: false,
      bwlimit: undefined,
      partial: true,
      checksum: false,
      maxSize: undefined,
      minSize: undefined,
    },
  };
  const store = client.anchor(root);
  const anchor = stack.use(
    new Anchor({
      config,
      store,
      clientName: "rig",
      runDirectory: `${directory}/run`,
      stateFile,
      rooms: new DiskRooms({
        minFree: { kind: "bytes", bytes: 0 },
        reclaim: () => 0,
        owed: () => 0,
      }),
      ownPlaces: [],
      account: ownAccount(),
      digests,
      checksumIntervalMs: 0,
      talk: () => Promise.reject(new Error("there is no server")),
      head: () => undefined,
      onEdited: () => {},
      onUsable: () => {},
      onLinked: () => {},
      onMounts: () => {},
      onPipe: () => {},
      onOther: () => {},
    }),
  );
  return {
    directory,
    root,
    stateFile,
    store,
    anchor,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
