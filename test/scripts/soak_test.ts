/**
 * scripts/soak, as a user runs it.
 *
 * @module
 */
import assert from "node:assert/strict";

const SOAK = decodeURIComponent(
  new URL("../../scripts/soak", import.meta.url).pathname,
);

function soak(args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(SOAK, {
    args: [...args],
    cwd: "/",
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

Deno.test("scripts/soak simulates and fuzzes as much as it is told", async () => {
  const child = soak([
    "--seed=1",
    "--rounds=2",
    "--schedules=30",
    "--fuzz-runs=20",
  ]);
  const { code, stdout } = await child.output();
  const said = new TextDecoder().decode(stdout);
  assert.equal(code, 0, said);
  assert.match(said, /^round 1: schedules from seed 1 on$/m);
  assert.match(said, /^round 2: schedules from seed 31 on$/m);
  assert.match(said, /^round 2: 40 cases of each fuzz target$/m);
  assert.match(
    said,
    /\n60 schedules and 60 cases of each fuzz target in \d+\.\d minutes: no fault\n$/,
  );
});

Deno.test("scripts/soak goes on until it is stopped, and says what it did", async () => {
  const child = soak(["--schedules=5", "--fuzz-runs=5"]);
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of child.stdout) {
    said += decoder.decode(chunk, { stream: true });
    if (said.includes("round 2: ")) child.kill("SIGTERM");
    if (said.includes("minutes:")) break;
  }
  assert.equal((await child.status).code, 0, said);
  assert.match(said, /\d+ schedules and 5 cases .*: no fault\n$/);
});
