/**
 * Contents of the files that the model tests write: a number, and padding that no part of another
 * content ends with.
 *
 * @module
 */

/** A content that nobody wrote. */
const TORN = -1;
const SIZES = [20, 20, 3000] as const;

/** The text of a value, of the size that it has when it is written anew. */
export function newText(value: number): string {
  return textFor(value, SIZES[value % SIZES.length] ?? 0);
}

/** The text of a value, of any size. */
export function textFor(value: number, size: number): string {
  return `value ${value} `.padEnd(size, ".");
}

/** The value of a text; a number that no value has when nobody wrote it. */
export function valueOf(text: string): number {
  const value = Number(/^value (\d+) /.exec(text)?.[1] ?? TORN);
  return textFor(value, text.length) === text ? value : TORN;
}
