/**
 * What the tests of faults share: worlds with a ledger, where the machine allows the fault, and what
 * status must tell of it.
 *
 * @module
 */
import type { DaemonProcess } from "../support/daemon_process.ts";
import { Ledger } from "../support/ledger.ts";
import { testInWorld } from "../support/shared_world.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World, WorldOptions } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

/** Root, but bound by modes and owners as everybody else is. */
export const BOUND = [
  "setpriv",
  "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown",
];

/** Key of an anchor that is synced although others can write in it. */
export const TRUST = "trust_writable_by_others = true";

/**
 * Registers a test in a world of its own with clients `a` and `b`; where something is `missing` for
 * it, its name says so.
 */
export function testFault(
  name: string,
  options: Partial<WorldOptions> & { readonly missing?: string | undefined },
  run: (world: World, ledger: Ledger) => Promise<void>,
): void {
  const { missing, ...rest } = options;
  if (missing !== undefined) {
    Deno.test(`${name}: did not run: needs ${missing}`, () => {});
    return;
  }
  testInWorld(
    name,
    { clients: { alice: ["a", "b"] }, ...rest },
    (world) => run(world, Ledger.of(world)),
  );
}

/** Waits until `sinkd status` of a client tells of something. */
export async function waitTold(
  client: WorldClient,
  wanted: RegExp,
): Promise<void> {
  let said = "";
  await waitFor(`${client.name} to tell of ${wanted}`, async () => {
    said = (await client.sinkd("status")).out;
    return wanted.test(said);
  }, { limitMs: 30_000, tell: () => said });
}

/** Starts a process anew under another program. */
export async function restartUnder(
  process: DaemonProcess,
  under: readonly string[],
): Promise<void> {
  await process.stop();
  process.under = under;
  await process.start();
}

/** Runs a command to its end; throws when it fails. */
export async function command(name: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, { args }).output();
  if (success) return;
  const words = new TextDecoder().decode(stderr);
  throw new Error(`Cannot run ${name} ${args.join(" ")}: ${words}`);
}

/** True when a file of more than so many bytes lies at or below a path. */
export function hasPart(full: string, bytes: number): boolean {
  const item = itemAt(full, false);
  if (item?.kind === "file") return item.size > bytes;
  if (item?.kind !== "directory") return false;
  return [...treeOf(full, { bytes: false }).values()]
    .some((below) => below.kind === "file" && below.size > bytes);
}
