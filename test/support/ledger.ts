/**
 * The ledger of a test: every value that was written in an anchor, and whether it is still there.
 * This is guarantee 1; {@linkcode Ledger.settle} waits for guarantee 2 first.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { CONFLICT_MARK } from "../../lib/core/reconcile.ts";
import { outOfStep } from "./in_step.ts";
import { hashOf, itemAt, treeOf } from "./tree_view.ts";
import type { World } from "./world.ts";
import type { WorldClient } from "./world_client.ts";

interface Value {
  readonly what: string;
  /** It was in step once, so that it must be in a tree or in history for good. */
  settled: boolean;
  /** Somebody who had it before their eyes wrote over it or deleted it before it was in step. */
  waived: boolean;
}

interface Expected {
  readonly by: WorldClient;
  readonly hash: string | undefined;
  /** More than one client changed it since all were in step: there is no telling. */
  readonly contested: boolean;
}

const LEDGERS = new WeakMap<World, Map<string, Ledger>>();

/** All values that the tests of one user's machines wrote. */
export class Ledger {
  readonly #world: World;
  readonly #user: string;
  /** By the SHA-256 of the bytes. */
  readonly #values = new Map<string, Value>();
  /** What a path must hold or, `undefined`, not be, where one client alone changed it. */
  readonly #expected = new Map<string, Expected>();
  #count = 0;

  private constructor(world: World, user: string) {
    this.#world = world;
    this.#user = user;
  }

  /** The ledger of a user in a world: always the same. */
  static of(world: World, user = "alice"): Ledger {
    const ofWorld = LEDGERS.get(world) ?? new Map<string, Ledger>();
    LEDGERS.set(world, ofWorld);
    const ledger = ofWorld.get(user) ?? new Ledger(world, user);
    ofWorld.set(user, ledger);
    return ledger;
  }

  /** How many values were written. */
  get count(): number {
    return this.#values.size;
  }

  /** Writes a value that was never written before, of at least `bytes` bytes. */
  write(
    client: WorldClient,
    path: string,
    { bytes = 0 }: { readonly bytes?: number } = {},
  ): void {
    const what = `${this.#count++} ${client.name} ${path}`;
    const text = `${what}\n`.padEnd(bytes, "sinkd ");
    const full = `${client.files}/${path}`;
    this.#overwrites(full);
    const hash = createHash("sha256").update(text).digest("hex");
    this.#values.set(hash, { what, settled: false, waived: false });
    this.#expect(client, path, hash);
    Deno.writeTextFileSync(full, text);
  }

  /** Makes a directory. */
  makeDirectory(client: WorldClient, path: string): void {
    this.#expected.delete(path);
    Deno.mkdirSync(`${client.files}/${path}`);
  }

  /** Removes what is at a path: its values are known to whoever does it. */
  remove(client: WorldClient, path: string): void {
    const full = `${client.files}/${path}`;
    this.#overwrites(full);
    for (const below of this.#expected.keys()) {
      if (below.startsWith(`${path}/`)) this.#expected.delete(below);
    }
    this.#expect(client, path, undefined);
    Deno.removeSync(full, { recursive: true });
  }

  /**
   * Waits until all are in step, which is guarantee 2, and checks guarantee 1: each value is in the
   * trees or in the server's history. Also, the trees have nothing that nobody wrote, and what one
   * client alone changed is as it left it.
   */
  async settle(
    { limitMs, joined = false }: {
      readonly limitMs?: number;
      readonly joined?: boolean;
    } = {},
  ): Promise<void> {
    const clients = this.#clients();
    await this.#world.waitInStep(
      limitMs === undefined ? { clients } : { clients, limitMs },
    );
    this.check({ joined });
  }

  /** The server's history is an older one now: what only that had is nobody's to keep. */
  forgetHistory(): void {
    const present = new Set(
      this.#clients().flatMap(({ files }) => hashesAt(`${files}/.`)),
    );
    for (const [hash, value] of this.#values) {
      if (!present.has(hash)) value.waived = true;
    }
  }

  /** Why not all are in step now, or `undefined` when they are; also when one does not answer. */
  async outOfStep(): Promise<string | undefined> {
    const world = this.#world;
    try {
      return await outOfStep({
        clients: this.#clients(),
        server: () => world.serverReport(),
        stored: (user) => world.stored(user),
      });
    } catch (error) {
      return String(error);
    }
  }

  /**
   * As {@linkcode settle}, without waiting. A machine that `joined` anew does not know what it had:
   * the server's versions stay at their paths, its own are kept beside them.
   */
  check({ joined = false }: { readonly joined?: boolean } = {}): void {
    const { root } = this.#world;
    const [first] = this.#clients();
    assert.ok(first !== undefined);
    const present = new Set(hashesAt(`${first.files}/.`));
    const kept = new Set([
      ...present,
      ...hashesAt(`${root}/${this.#user}/.sinkd/history`),
    ]);
    const lost = [...this.#values]
      .filter(([hash, { waived }]) => !waived && !kept.has(hash))
      .map(([, { what }]) => what);
    assert.deepEqual(lost, [], "values that are nowhere any more");
    for (const hash of present) {
      const value = this.#values.get(hash);
      assert.ok(value !== undefined, "something that nobody wrote is here");
      value.settled = true;
    }
    if (joined) this.#expected.clear();
    else this.#checkExpected(first.files);
  }

  #expect(by: WorldClient, path: string, hash: string | undefined): void {
    const before = this.#expected.get(path);
    const contested = before !== undefined &&
      (before.contested || before.by !== by);
    this.#expected.set(path, { by, hash, contested });
  }

  /** What one client alone changed is as it left it, and has no conflict copy. */
  #checkExpected(files: string): void {
    const copies = [...treeOf(files, { bytes: false }).keys()]
      .filter((path) => path.includes(CONFLICT_MARK));
    for (const [path, { hash, contested }] of this.#expected) {
      if (contested) continue;
      const item = itemAt(`${files}/${path}`);
      const found = item?.kind === "file" ? item.hash : undefined;
      assert.equal(found, hash, `not as it was last written: ${path}`);
      const copy = copies.find((copy) => copy.startsWith(path + CONFLICT_MARK));
      assert.equal(copy, undefined, `nobody else wrote ${path}`);
    }
    for (const [path, { contested }] of this.#expected) {
      if (!contested) this.#expected.delete(path);
    }
  }

  #clients(): WorldClient[] {
    return this.#world.clients().filter(({ user }) => user === this.#user);
  }

  #overwrites(full: string): void {
    for (const hash of hashesAt(full)) {
      const value = this.#values.get(hash);
      if (value !== undefined && !value.settled) value.waived = true;
    }
  }
}

/** Hashes of all files at and below a path. */
function hashesAt(full: string): string[] {
  const item = itemAt(full);
  if (item?.kind === "file") return [item.hash];
  if (item?.kind !== "directory") return [];
  return [...treeOf(full, { bytes: false })]
    .filter(([, { kind }]) => kind === "file")
    .map(([path]) => hashOf(`${full}/${path}`));
}
