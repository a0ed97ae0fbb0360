import assert from "node:assert/strict";
import { countTests } from "../../scripts/count_tests.ts";

Deno.test("countTests() counts what a JUnit file of deno test says, and what did not run", () => {
  const junit = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="5" failures="2" errors="0" time="0.02">
  <testsuite name="a" tests="5" disabled="1" errors="0" failures="2">
    <testcase name="good says &lt;failure" classname="a" time="0.0">
    </testcase>
    <testcase name="short" classname="a"/>
    <testcase name="bad"><failure message="&lt;testcase&gt;">x</failure></testcase>
    <testcase name="worse"><error message="y">z</error></testcase>
    <testcase name="left out"><skipped/></testcase>
    <testcase name="a &gt; b: did not run: needs root" classname="a">
    </testcase>
    <testcase name="c: did not run: needs rsync 3.4"/>
    <testcase name="d: did not run: needs root"/>
    <testcase name="e: did not run: needs root"><failure message="m">x</failure></testcase>
  </testsuite>
</testsuites>`;
  assert.deepEqual(countTests(junit), {
    passed: 2,
    failed: 3,
    leftOut: new Map([["root", 2], ["rsync 3.4", 1]]),
  });
  assert.deepEqual(countTests("<testsuites/>"), {
    passed: 0,
    failed: 0,
    leftOut: new Map(),
  });
});
