/**
 * Guarantee 9: every world compares, at its end, what lies around its processes with what was there at
 * its start. Here: that this sees all that could be written.
 */
import assert from "node:assert/strict";
import { Outside } from "../support/outside.ts";
import { testInWorld } from "../support/shared_world.ts";
import { tempDirectory } from "../support/temp.ts";

const DAMAGES: Record<string, (place: string) => void> = {
  "a new file": (place) => Deno.writeTextFileSync(`${place}/new`, ""),
  "a new directory": (place) => Deno.mkdirSync(`${place}/sub/new`),
  "a new link": (place) => Deno.symlinkSync("x", `${place}/sub/l`),
  "other bytes": (place) => Deno.writeTextFileSync(`${place}/f`, "canary F\n"),
  "a link in place of a file": (place) => {
    Deno.removeSync(`${place}/.profile`);
    Deno.symlinkSync("/etc/passwd", `${place}/.profile`);
  },
  "another file of the same bytes": (place) => {
    Deno.copyFileSync(`${place}/.bashrc`, `${place}/copy`);
    Deno.renameSync(`${place}/copy`, `${place}/.bashrc`);
  },
  "another mode": (place) => Deno.chmodSync(`${place}/sub/f`, 0o600),
  "another time": (place) => Deno.utimeSync(`${place}/notes.txt`, 1, 1),
  "a deleted file": (place) => Deno.removeSync(`${place}/files/f`),
};

for (const [name, damage] of Object.entries(DAMAGES)) {
  for (const kind of ["PWD", "HOME", "TMPDIR"] as const) {
    Deno.test(`what lies around a process: ${name} is seen (${kind})`, async () => {
      await using temp = tempDirectory();
      const outside = new Outside(`${temp.path}/outside`);
      const places = outside.around("client");
      outside.around("server");
      outside.assertUntouched();
      damage(places[kind]);
      assert.throws(() => outside.assertUntouched(), new RegExp(places[kind]));
    });
  }
}

testInWorld(
  "an rsync that writes where it stands, and at home, harms nobody",
  { clients: { alice: ["laptop", "desk"] } },
  async (world) => {
    const [laptop, desk] = [world.client("laptop"), world.client("desk")];
    const own = `${world.directory}/bin/rsync`;
    Deno.renameSync(own, `${own}.kept`);
    // After its call, as its daemon must have its configuration first.
    Deno.writeTextFileSync(
      own,
      `#!/bin/sh
'${own}.kept' "$@"
code=$?
for place in . "$HOME"; do
  for name in .profile f l sub/f; do
    echo spoiled >"$place/$name"
  done
done 2>/dev/null
exit "$code"
`,
      { mode: 0o755 },
    );
    for (const { files } of [laptop, desk]) {
      Deno.writeTextFileSync(`${files}/.profile`, "mine");
      await world.waitInStep();
    }
    Deno.symlinkSync("/etc/passwd", `${laptop.files}/l`);
    Deno.mkdirSync(`${desk.files}/sub`);
    Deno.symlinkSync("../.profile", `${desk.files}/sub/f`);
    await world.waitInStep();
    assert.equal(Deno.readTextFileSync(`${desk.files}/.profile`), "mine");
    assert.equal(Deno.readLinkSync(`${desk.files}/l`), "/etc/passwd");
    assert.equal(Deno.readLinkSync(`${laptop.files}/sub/f`), "../.profile");
  },
);
