/**
 * Counts the tests of a JUnit file: `count_tests.ts FILE` prints "PASSED FAILED", and below it a line
 * "COUNT NEED" for each thing that tests need and that is not here.
 *
 * @module
 */

/** What a run of tests came to. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** How many say in their names that they did not run, by what they need. */
  readonly leftOut: ReadonlyMap<string, number>;
}

/** Counts the test cases of a JUnit text; those that did not run are neither passed nor failed. */
export function countTests(junit: string): Counts {
  let passed = 0;
  let failed = 0;
  const leftOut = new Map<string, number>();
  const cases = junit.matchAll(
    /<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  );
  for (const [, name = "", inside = ""] of cases) {
    const need = /did not run: needs ([^"()]+)/.exec(name)?.[1];
    if (/<(failure|error)\b/.test(inside)) failed++;
    else if (need !== undefined) {
      leftOut.set(need, (leftOut.get(need) ?? 0) + 1);
    } else if (!/<skipped\b/.test(inside)) passed++;
  }
  return { passed, failed, leftOut };
}

if (import.meta.main) {
  const [file = ""] = Deno.args;
  const { passed, failed, leftOut } = countTests(await Deno.readTextFile(file));
  const lines = [`${passed} ${failed}`];
  for (const [need, count] of leftOut) lines.push(`${count} ${need}`);
  await Deno.stdout.write(new TextEncoder().encode(`${lines.join("\n")}\n`));
}
