/**
 * Commands on a server's root whose disk is full: the reserve is theirs, and what still fails says
 * whose disk it is and what to do.
 *
 * @module
 */
import { fullDiskOf } from "../io/full_disk.ts";
import { giveBackReserve } from "../io/reserve.ts";
import { serverOwnDirectory } from "../io/server_root.ts";

/** Runs a command on a root. */
export async function onFullDisk(
  root: string,
  run: () => number | Promise<number>,
): Promise<number> {
  try {
    giveBackReserve(serverOwnDirectory(root));
    return await run();
  } catch (cause) {
    const full = fullDiskOf(cause, { directory: root, machine: "this server" });
    if (full === undefined) throw cause;
    throw new Error(
      `Cannot write to ${root}: ${full.cause}; ${full.fix} and run the command again`,
    );
  }
}
