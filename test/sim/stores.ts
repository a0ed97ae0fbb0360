/**
 * What a simulated world keeps its records in: in memory, which takes no time, or in SQLite as in
 * production. A schedule runs alike on both.
 *
 * @module
 */
import { ClientStore } from "../../lib/io/base_store.ts";
import { openJournal } from "../../lib/io/journal.ts";
import type { Base } from "../../lib/ports.ts";
import { MemoryBase } from "./memory_base.ts";
import { type JournalStore, MemoryJournal } from "./memory_journal.ts";

/** The records of a world: the server's, and one for the anchor of each client. */
export interface Stores extends Disposable {
  /** With these, messages are written as text and parsed as well. */
  readonly real: boolean;
  readonly journal: JournalStore;
  base(root: string): Base;
}

/** Which of the two. */
export type StoreKind = "memory" | "sqlite";

const EPOCH = "00000000000000aa";
/** One schedule of so many has real databases. */
const REAL_EVERY = 50;

/** What the schedule of a seed has. */
export function storesOf(seed: number): StoreKind {
  return seed % REAL_EVERY === 0 ? "sqlite" : "memory";
}

/** Opens the records of a new world. */
export function openStores(kind: StoreKind): Stores {
  if (kind === "memory") {
    return {
      real: false,
      journal: new MemoryJournal(EPOCH),
      base: () => new MemoryBase(),
      [Symbol.dispose]() {},
    };
  }
  const resources = new DisposableStack();
  const journal = resources.use(openJournal(":memory:", () => EPOCH));
  return {
    real: true,
    journal,
    base: (root) => resources.use(new ClientStore(":memory:")).anchor(root),
    [Symbol.dispose]: () => resources.dispose(),
  };
}
