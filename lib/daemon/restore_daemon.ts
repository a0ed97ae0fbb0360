/**
 * The server's rsync daemon, wired: its files, its users, its faults in status.
 *
 * @module
 */
import { type Address, joinAddress } from "../core/address.ts";
import {
  openRestoreAccess,
  prepareDaemon,
  removeDaemon,
} from "../io/restore_access.ts";
import { keepRsyncDaemon } from "../io/rsync_daemon.ts";
import type { Faults } from "./faults.ts";

/** Starts the daemon at `address`, or takes away what one left when there shall be none. */
export async function openRestoreDaemon(
  options: {
    readonly root: string;
    readonly address: Address | undefined;
    readonly users: readonly string[];
    readonly faults: Faults;
  },
): Promise<AsyncDisposable | undefined> {
  const { root, address, users, faults } = options;
  if (address === undefined) {
    await removeDaemon(root);
    return undefined;
  }
  const { host, port } = address;
  const shown = joinAddress(host, port);
  const directory = await prepareDaemon(root, shown);
  for (const user of users) {
    const access = openRestoreAccess(root, user);
    if (access.kind === "open") continue;
    faults.note(`rsyncd ${user}`, {
      level: "note",
      path: `${root}/${user}`,
      cause: `it cannot be reached by rsync: ${access.reason}`,
      fix: "nothing, unless it should be; all else works",
    });
  }
  return keepRsyncDaemon({ directory, root, host, port }, {
    onUp: () => faults.clear("rsyncd"),
    onDown: (reason) =>
      faults.note("rsyncd", {
        path: `rsync://${shown}`,
        cause: `the rsync daemon ended: ${reason}`,
        fix:
          "it is started again by itself; if it stays, see that the port of --rsyncd is free and this account may use it",
      }),
  });
}
