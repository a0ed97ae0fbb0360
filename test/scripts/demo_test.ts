/**
 * scripts/demo, as a user runs it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { tempDirectory } from "../support/temp.ts";

const DEMO = decodeURIComponent(
  new URL("../../scripts/demo", import.meta.url).pathname,
);

function demo(
  temporary: string,
  args: readonly string[] = [],
): Deno.ChildProcess {
  return new Deno.Command(DEMO, {
    args: [...args],
    cwd: "/",
    env: { TMPDIR: temporary, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function namesIn(directory: string): string[] {
  return Array.from(Deno.readDirSync(directory), ({ name }) => name);
}

/** Command lines of processes that name `text`. */
function processesNaming(text: string): string[] {
  const lines: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const line = Deno.readTextFileSync(`/proc/${name}/cmdline`);
      if (line.includes(text)) lines.push(line.replaceAll("\0", " "));
    } catch (error) {
      const gone = error instanceof Deno.errors.NotFound ||
        (error instanceof Error && error.message.includes("os error 3"));
      if (!gone) throw error;
    }
  }
  return lines;
}

Deno.test("demo shows equal trees and the conflict copy, and leaves nothing when it ends", async () => {
  await using temporary = tempDirectory();
  const { code, stdout, stderr } = await demo(temporary.path).output();
  const said = new TextDecoder().decode(stdout);
  assert.equal(code, 0, said + new TextDecoder().decode(stderr));
  assert.match(said, /ok {2}\d+ paths are equal on a and b/);
  assert.match(said, /ok {2}the one conflict has its copy on both sides/);
  assert.match(said, /median \d+\.\d{3} s/);
  assert.deepEqual(namesIn(temporary.path), []);
  assert.deepEqual(processesNaming(temporary.path), []);
});

Deno.test("demo stops everything when it is interrupted", async () => {
  await using temporary = tempDirectory();
  const child = demo(temporary.path);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("client a:")) {
    const { done, value } = await reader.read();
    assert.ok(!done, `it ended: ${said}`);
    said += value;
  }
  child.kill("SIGTERM");
  while (!(await reader.read()).done);
  await child.stderr.cancel();
  assert.equal((await child.status).code, 130);
  assert.deepEqual(namesIn(temporary.path), []);
  assert.deepEqual(processesNaming(temporary.path), []);
});

Deno.test("demo refuses an argument that it does not know", async () => {
  await using temporary = tempDirectory();
  const { code, stderr } = await demo(temporary.path, ["--what"]).output();
  assert.equal(code, 2);
  assert.match(new TextDecoder().decode(stderr), /unknown argument '--what'/);
});
