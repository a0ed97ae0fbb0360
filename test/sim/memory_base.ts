/**
 * The bases of one anchor in memory: what {@linkcode AnchorStore} keeps, without a database. Both
 * pass `test/contract/base_test.ts`.
 *
 * @module
 */
import type { EditChange } from "../../lib/core/channel_protocol.ts";
import type { Found } from "../../lib/core/entry.ts";
import type { RelativePath } from "../../lib/core/path.ts";
import { ZERO_STAMP } from "../../lib/core/stamp.ts";
import type {
  Agreement,
  Apart,
  Base,
  BaseRow,
  ClientIntent,
  Position,
} from "../../lib/ports.ts";

const NOWHERE: Position = { epoch: "", stamp: ZERO_STAMP };

/** {@linkcode Base} without a database; it lives as long as the world. */
export class MemoryBase implements Base {
  readonly #bases = new Map<RelativePath, Found>();
  readonly #sent = new Map<RelativePath, NonNullable<BaseRow["sent"]>>();
  readonly #aparts = new Map<RelativePath, Apart>();
  readonly #held = new Set<RelativePath>();
  #position = NOWHERE;
  #intent: ClientIntent | undefined;

  position(): Position {
    return this.#position;
  }

  row(path: RelativePath): BaseRow {
    return { base: this.#bases.get(path), sent: this.#sent.get(path) };
  }

  bases(below?: RelativePath): Map<RelativePath, Found> {
    const start = `${below}/`;
    return new Map(
      [...this.#bases]
        .filter(([path]) =>
          below === undefined || path === below || path.startsWith(start)
        )
        .sort(([left], [right]) => left < right ? -1 : 1),
    );
  }

  aparts(): ReadonlyMap<RelativePath, Apart> {
    return this.#aparts;
  }

  setApart(path: RelativePath, apart: Apart | undefined): void {
    if (apart === undefined) this.#aparts.delete(path);
    else this.#aparts.set(path, apart);
  }

  count(): number {
    return this.#bases.size;
  }

  forget(): void {
    this.#bases.clear();
    this.#sent.clear();
    this.#aparts.clear();
    this.#held.clear();
    this.#intent = undefined;
    this.#position = NOWHERE;
  }

  held(): ReadonlySet<RelativePath> {
    return this.#held;
  }

  hold(paths: readonly RelativePath[]): void {
    for (const path of paths) this.#held.add(path);
  }

  markSent(changes: readonly EditChange[]): void {
    for (const { path, entry } of changes) this.#sent.set(path, { entry });
  }

  agree(
    agreements: readonly Agreement[],
    position: Position,
    refused: readonly RelativePath[] = [],
  ): void {
    for (const path of refused) this.#sent.delete(path);
    for (const { path, base, apart } of agreements) {
      this.setApart(path, apart);
      this.#sent.delete(path);
      this.#held.delete(path);
      if (base === undefined) this.#bases.delete(path);
      else this.#bases.set(path, base);
    }
    this.#position = position;
    this.#intent = undefined;
  }

  intent(): ClientIntent | undefined {
    return this.#intent;
  }

  prepare(intent: ClientIntent): void {
    this.#intent = intent;
  }
}
