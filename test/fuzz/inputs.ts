/**
 * Inputs for fuzz targets: noise, and good inputs with a few things wrong.
 *
 * @module
 */
import fc from "fast-check";

/** How many cases each target gets; FUZZ_RUNS makes it longer. */
export const FUZZ_RUNS = Number(Deno.env.get("FUZZ_RUNS") ?? 300);

/** What fast-check is run with; a failure prints the seed. */
export const SETTINGS = { numRuns: FUZZ_RUNS } as const;

/** Any text, control characters and lone surrogates included. */
export const noise: fc.Arbitrary<string> = fc.string({
  unit: "binary",
  maxLength: 400,
});

/** Any bytes. */
export const bytes: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc.uint8Array({
  maxLength: 400,
}).map((array) => new Uint8Array(array));

/** Any JSON value as text, and sometimes a very deep one. */
export const jsonText: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.json({ maxDepth: 6 }) },
  fc.integer({ min: 0, max: 5000 }).map((depth) =>
    "[".repeat(depth) + "]".repeat(depth)
  ),
  fc.integer({ min: 0, max: 3000 }).map((depth) =>
    '{"a":'.repeat(depth) + "1" + "}".repeat(depth)
  ),
);

/** One of `good`, with pieces cut out, put in twice, or replaced by noise. */
export function spoilt(...good: readonly string[]): fc.Arbitrary<string> {
  const slip = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 0, max: 12 }),
    kind: fc.constantFrom("cut", "twice", "noise"),
    noise: fc.oneof(
      fc.string({ unit: "binary", maxLength: 6 }),
      fc.constantFrom("\0", "..", "/", '"', "\\", "#", "9".repeat(40), "-1"),
    ),
  });
  return fc.tuple(
    fc.constantFrom(...good),
    fc.array(slip, { minLength: 0, maxLength: 4 }),
  ).map(([text, slips]) =>
    slips.reduce((now, { at, length, kind, noise }) => {
      const from = Math.floor(at * now.length);
      const piece = now.slice(from, from + length);
      const put = kind === "cut"
        ? ""
        : kind === "twice"
        ? piece + piece
        : noise;
      return now.slice(0, from) + put + now.slice(from + length);
    }, text)
  );
}
