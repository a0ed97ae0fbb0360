import assert from "node:assert/strict";
import { tempDirectory } from "../support/temp.ts";

const SCRIPTS = new URL("../../scripts", import.meta.url).pathname;

/** An npm that brings a program that says what Deno would, and leaves a mark when it runs. */
const NPM = `#!/bin/sh
here=\${0%/*}
while [ $# -gt 1 ]; do [ "$1" != --prefix ] || to=$2; shift; done
for system in linux-x64-glibc linux-arm64-glibc; do
  mkdir -p "$to/node_modules/@deno/$system"
  printf '#!/bin/sh\\n: >%s/ran; echo deno 2.9.6\\n' "$here" >"$to/node_modules/@deno/$system/deno"
done
`;

Deno.test("scripts/setup runs nothing that npm brought under Deno's name and that is not that program", async () => {
  await using directory = tempDirectory();
  const { path } = directory;
  Deno.mkdirSync(`${path}/bin`);
  Deno.writeTextFileSync(`${path}/bin/npm`, NPM, { mode: 0o755 });
  const tooOld = "#!/bin/sh\necho deno 2.0.0\n";
  Deno.writeTextFileSync(`${path}/bin/deno`, tooOld, { mode: 0o755 });
  const copied = await new Deno.Command("cp", {
    args: ["-r", SCRIPTS, path],
  }).output();
  assert.ok(copied.success);
  const { code, stderr } = await new Deno.Command(`${path}/scripts/setup`, {
    clearEnv: true,
    env: { PATH: `${path}/bin:/usr/bin:/bin` },
  }).output();
  assert.equal(code, 1);
  const said = new TextDecoder().decode(stderr);
  assert.match(said, /is not that program \(scripts\/deno\.sha256\)/);
  const left = [...Deno.readDirSync(`${path}/bin`)].map(({ name }) => name);
  assert.deepEqual(left.sort(), ["deno", "npm"]);
});
