import assert from "node:assert/strict";
import { NO_EXCLUDES } from "../../lib/core/excludes.ts";
import { ownPathsIn } from "../../lib/core/own_places.ts";
import { ownPlaceFault, ownPlaces } from "../../lib/io/own_places.ts";
import { scanTree } from "../../lib/io/scan.ts";
import { tempDirectory } from "../support/temp.ts";

function write(path: string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(path, path);
}

Deno.test("ownPlaces() names each place as it was named and as it really is", async () => {
  await using temp = tempDirectory("sinkd-own-");
  const { path } = temp;
  Deno.mkdirSync(`${path}/disk/state`, { recursive: true });
  Deno.mkdirSync(`${path}/home`);
  Deno.symlinkSync(`${path}/disk/state`, `${path}/home/state`);
  write(`${path}/dots/sinkd.conf`);
  Deno.symlinkSync("../dots/sinkd.conf", `${path}/home/conf`);
  Deno.symlinkSync(`${path}/home`, `${path}/link`);
  const places = ownPlaces({
    home: `${path}/home`,
    machineConfig: `${path}/link/machine.conf`,
    userConfig: `${path}/home/conf`,
    stateDirectory: `${path}/home/state/of/sinkd`,
    pidFile: `${path}/link/run/c.pid`,
  });
  for (
    const place of [
      "home/state/of/sinkd",
      "disk/state/of/sinkd",
      "home/conf",
      "dots/sinkd.conf",
      "home/machine.conf",
      "home/run/c.pid",
      "home/run/c.sock",
      "link/run/c.sock",
    ]
  ) assert.ok(places.includes(`${path}/${place}`), place);

  assert.match(
    ownPlaceFault(`${path}/disk/state/of/sinkd/x`, places) ?? "",
    /choose another directory/,
  );
  assert.notEqual(ownPlaceFault(`${path}/link/conf`, places), undefined);
  assert.equal(ownPlaceFault(`${path}/home`, places), undefined);
  assert.equal(ownPlaceFault(`${path}/nowhere/at/all`, places), undefined);
});

Deno.test("ownPlaceFault() refuses what lies in the root of a server, wherever that is", async () => {
  await using temp = tempDirectory("sinkd-own-");
  const { path } = temp;
  write(`${path}/store/.sinkd/key.pem`);
  write(`${path}/moved/.sinkd/clients.json`);
  write(`${path}/anchor/.sinkd/incoming/x`);
  for (const inside of ["store", "store/alice/docs", "moved/docs"]) {
    assert.notEqual(ownPlaceFault(`${path}/${inside}`, []), undefined, inside);
  }
  assert.equal(ownPlaceFault(`${path}/anchor`, []), undefined);
  assert.equal(ownPlaceFault(path, []), undefined);
});

Deno.test("scanTree() leaves out a state directory and a server's root that nobody named", async () => {
  await using temp = tempDirectory("sinkd-own-");
  const { path } = temp;
  write(`${path}/a/copy of state/credentials.json`);
  write(`${path}/a/copy of state/client.db`);
  write(`${path}/a/copy of state/run/x`);
  write(`${path}/b/store/.sinkd/key.pem`);
  write(`${path}/b/store/alice/docs/x`);
  write(`${path}/c/credentials.json`);
  write(`${path}/d/.sinkd/incoming/x`);
  write(`${path}/d/x`);
  const own = ownPathsIn([path], []);
  const scan = await scanTree(path, {
    rules: NO_EXCLUDES,
    only: undefined,
    own,
  });
  assert.deepEqual([...scan.found.keys()].sort(), [
    "a",
    "b",
    "c",
    "c/credentials.json",
    "d",
    "d/x",
  ]);
  assert.deepEqual([...own.found].sort(), ["a/copy of state", "b/store"]);
});
