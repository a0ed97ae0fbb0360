/**
 * Guarantees 1 and 2 of a world, checked at the end of a test: nothing that was written is lost, and
 * all trees are equal.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { CONFLICT_MARK } from "../../lib/core/reconcile.ts";
import { hashOf, itemAt, treeOf } from "./tree_view.ts";
import type { World } from "./world.ts";
import type { WorldClient } from "./world_client.ts";

const MOST_SHOWN = 12;

/** A version of a file that nobody replaced who had seen it. */
export interface Written {
  /** Relative to the anchor. */
  readonly path: string;
  /** SHA-256 of its bytes. */
  readonly hash: string;
}

/** What a test wrote, for {@linkcode assertGuarantees}. */
export class Ledger {
  readonly user: string;
  readonly #written = new Map<string, Written>();

  constructor(user = "alice") {
    this.user = user;
  }

  /** Every version noted. */
  get written(): readonly Written[] {
    return [...this.#written.values()];
  }

  /** Writes a file, over what is there, and notes it. */
  write(client: WorldClient, path: string, text: string): void {
    Deno.writeTextFileSync(`${client.files}/${path}`, text);
    this.note(path, text);
  }

  /** Notes what somebody else wrote. */
  note(path: string, text: string): void {
    this.#add({ path, hash: createHash("sha256").update(text).digest("hex") });
  }

  /** Notes all files that are below `below` of a client's anchor now. */
  noteTree(client: WorldClient, below = ""): void {
    const prefix = below === "" ? "" : `${below}/`;
    for (const [path, item] of treeOf(`${client.files}/${below}`)) {
      if (item.kind !== "file") continue;
      this.#add({ path: `${prefix}${path}`, hash: item.hash });
    }
  }

  #add(written: Written): void {
    this.#written.set(`${written.hash} ${written.path}`, written);
  }
}

/**
 * Waits until all is in step, which compares the trees byte by byte (guarantee 2), and asserts that
 * every version is at its path, in a conflict copy, or in the server's history (guarantee 1).
 */
export async function assertGuarantees(
  world: World,
  ledger: Ledger,
  options: { readonly limitMs?: number } = {},
): Promise<void> {
  await world.waitInStep({
    clients: world.clients().filter(({ user }) => user === ledger.user),
    ...options,
  });
  const lost = lostOf(world, ledger);
  assert.deepEqual(
    lost,
    [],
    `lost: ${lost.length} of ${ledger.written.length}`,
  );
}

/** Conflict copies in a client's anchor. */
export function copiesOf({ files }: WorldClient): string[] {
  return [...treeOf(files, { bytes: false }).keys()]
    .filter((path) => path.includes(CONFLICT_MARK)).sort();
}

/** Paths of versions that are nowhere; the first dozen. */
function lostOf(world: World, { user, written }: Ledger): string[] {
  const stored = world.stored(user);
  const history = `${world.root}/${user}/.sinkd/history`;
  let elsewhere: ReadonlySet<string> | undefined;
  const lost: string[] = [];
  for (const { path, hash } of written) {
    if (hashIfFile(`${stored}/${path}`) === hash) continue;
    elsewhere ??= new Set([...copiesBelow(stored), ...versionsIn(history)]);
    if (elsewhere.has(keyOf(path, hash)) || elsewhere.has(keyOf("", hash))) {
      continue;
    }
    lost.push(path);
    if (lost.length === MOST_SHOWN) break;
  }
  return lost;
}

function keyOf(path: string, hash: string): string {
  return `${hash} ${path}`;
}

/** What conflict copies hold, wherever they found their place. */
function* copiesBelow(directory: string): Generator<string> {
  if (itemAt(directory) === undefined) return;
  for (const [path, item] of treeOf(directory)) {
    if (item.kind === "file" && path.includes(CONFLICT_MARK)) {
      yield keyOf("", item.hash);
    }
  }
}

/** What history holds, below the anchor's name in the directory of each stamp. */
function* versionsIn(history: string): Generator<string> {
  if (itemAt(history) === undefined) return;
  for (const [path, item] of treeOf(history)) {
    if (item.kind !== "file") continue;
    const [, , ...below] = path.split("/");
    yield keyOf(
      path.includes(CONFLICT_MARK) ? "" : below.join("/"),
      item.hash,
    );
  }
}

function hashIfFile(full: string): string | undefined {
  return itemAt(full, false)?.kind === "file" ? hashOf(full) : undefined;
}
