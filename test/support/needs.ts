/**
 * Tests that need a program that may not be here: they say in their name that they did not run.
 *
 * @module
 */

import { PLACES } from "./network_programs.ts";

/** Something that registers tests, such as that of a shared world. */
export type Register<T> = (name: string, run: T) => void;

/** Registers with `test` when all of `programs` are on PATH; else a test whose name says what is missing. */
export function needing<T>(
  test: Register<T>,
  ...programs: readonly string[]
): Register<T> {
  const missing = programs.filter((program) => !isOnPath(program));
  return lacking(test, missing.length === 0 ? undefined : missing.join(", "));
}

/** Registers with `test` unless something is `missing`; then a test whose name says so. */
export function lacking<T>(
  test: Register<T>,
  missing: string | undefined,
): Register<T> {
  if (missing === undefined) return test;
  return (name) =>
    Deno.test(`${name}: did not run: needs ${missing}`, () => {});
}

/** Registers with Deno.test unless something is `missing`; then a test whose name says so. */
export function testUnless(
  missing: string | undefined,
): Register<() => Promise<void> | void> {
  return lacking((name, run) => Deno.test(name, run), missing);
}

/** Why what needs root cannot be had; `undefined` when it can. */
export const LACKS_ROOT: string | undefined = Deno.uid() === 0
  ? undefined
  : "root";

/** `program` when it is in none of the system's places. */
export function lacksProgram(program: string): string | undefined {
  return PLACES.some((place) => isFile(`${place}/${program}`))
    ? undefined
    : program;
}

function isOnPath(program: string): boolean {
  const places = (Deno.env.get("PATH") ?? "").split(":");
  return places.some((place) => isFile(`${place}/${program}`));
}

function isFile(full: string): boolean {
  try {
    return Deno.statSync(full).isFile;
  } catch (error) {
    // Whatever the reason: it cannot be run from there.
    if (error instanceof Error) return false;
    throw error;
  }
}
