/**
 * Prints "PASSED FAILED" of a JUnit file: `count_tests.ts FILE`. Skipped tests are in neither.
 *
 * @module
 */

/** Counts the test cases of a JUnit text. */
export function countTests(junit: string): { passed: number; failed: number } {
  let passed = 0;
  let failed = 0;
  const cases = junit.matchAll(
    /<testcase\b[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  );
  for (const [, inside = ""] of cases) {
    if (/<(failure|error)\b/.test(inside)) failed++;
    else if (!/<skipped\b/.test(inside)) passed++;
  }
  return { passed, failed };
}

if (import.meta.main) {
  const [file = ""] = Deno.args;
  const { passed, failed } = countTests(await Deno.readTextFile(file));
  await Deno.stdout.write(new TextEncoder().encode(`${passed} ${failed}\n`));
}
