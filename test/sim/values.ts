/**
 * Provenance: every value that a user wrote, what it was written over, and whether somebody who saw
 * it has overwritten or deleted it since.
 *
 * @module
 */

/** A value: the content of a file, or the target of a link. */
export interface Value {
  readonly id: number;
  readonly machine: string;
  readonly path: string;
  readonly size: number;
  readonly parent: number | undefined;
  /** Somebody who saw it overwrote or deleted it: it need not be kept. */
  given: boolean;
  /** Somebody gave it another path: what comes of it there is not what comes of it here. */
  moved: boolean;
}

/** All values of a run. */
export class Values {
  readonly #values: Value[] = [];
  readonly #touched = new Set<number>();
  #torn = 0;

  /** A new value, written over `parent`. */
  make(
    value: {
      machine: string;
      path: string;
      size: number;
      parent: number | undefined;
    },
  ): Value {
    const made = {
      ...value,
      id: this.#values.length + 1,
      given: false,
      moved: false,
    };
    this.#values.push(made);
    return made;
  }

  get(id: number): Value | undefined {
    return this.#values[id - 1];
  }

  /** Somebody who saw the value overwrote or deleted it. */
  giveUp(id: number): void {
    const value = this.get(id);
    if (value !== undefined) value.given = true;
  }

  /** Somebody renamed the file that has the value. */
  move(id: number): void {
    const value = this.get(id);
    if (value !== undefined) value.moved = true;
  }

  /** Somebody gave a file with this value another time: that is a version of its own. */
  touch(id: number): void {
    this.#touched.add(id);
  }

  isTouched(id: number): boolean {
    return this.#touched.has(id);
  }

  /** A content that nobody wrote: parts of two. */
  tear(): number {
    return --this.#torn;
  }

  /** What must still be somewhere. */
  wanted(): Value[] {
    return this.#values.filter(({ given }) => !given);
  }

  /**
   * True when `later` is `earlier`, or was written by somebody who saw it, all of it at one path: of
   * what was renamed in between nobody who sees only paths can know.
   */
  descends(later: number, earlier: number): boolean {
    for (let id: number | undefined = later; id !== undefined;) {
      const value = this.get(id);
      if (value?.moved === true) return false;
      if (id === earlier) return true;
      id = value?.parent;
    }
    return false;
  }
}

/** The value that a link stands for. */
export function targetOf(id: number): string {
  return `nowhere-${id}`;
}

/** Inverse of {@linkcode targetOf}, also of a munged link; 0 for any other target. */
export function valueOfTarget(target: string): number {
  return Number(/nowhere-(\d+)$/.exec(target)?.[1] ?? 0);
}
