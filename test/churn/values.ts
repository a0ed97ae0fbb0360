/**
 * Values: every content that users wrote, what it was written over, and whether somebody who saw it
 * has replaced or deleted it since.
 *
 * @module
 */

/** One content of a file, or one link. */
export interface Value {
  readonly id: number;
  readonly client: string;
  readonly path: string;
  readonly how: string;
  /** Somebody who saw it replaced or deleted it: it need not be kept. */
  given: boolean;
  /** It was put in place in the microseconds in which a client may lose it (README, Limits). */
  exposed: boolean;
  /** Its file was renamed, or had its mode or time changed: a conflict copy may have nothing new. */
  touched: boolean;
}

const LINE_BYTES = 64;

/** All values of a run. */
export class Values {
  readonly #all: Value[] = [];

  make(value: Pick<Value, "client" | "path" | "how">): Value {
    const made = {
      ...value,
      id: this.#all.length + 1,
      given: false,
      exposed: false,
      touched: false,
    };
    this.#all.push(made);
    return made;
  }

  get(id: number | undefined): Value | undefined {
    return id === undefined ? undefined : this.#all[id - 1];
  }

  all(): readonly Value[] {
    return this.#all;
  }
}

/** The text of a value: its number on each line, so that parts of two never pass for one. */
export function textOf(id: number, size: number): string {
  const line = `value ${id} `.padEnd(LINE_BYTES - 1, ".") + "\n";
  return line.repeat(Math.ceil(size / LINE_BYTES)).slice(
    0,
    Math.max(size, `value ${id} `.length),
  );
}

/** The value that a text is, whole; `undefined` when nobody wrote it. */
export function idIn(text: string): number | undefined {
  const id = Number(/^value (\d+) /.exec(text)?.[1]);
  return textOf(id, text.length) === text ? id : undefined;
}

/** Where the link that is a value leads. */
export function targetOf(id: number): string {
  return `nowhere-${id}`;
}

/** Inverse of {@linkcode targetOf}, also of a link as the server keeps it. */
export function idInTarget(target: string): number | undefined {
  const found = /nowhere-(\d+)$/.exec(target)?.[1];
  return found === undefined ? undefined : Number(found);
}
