/**
 * Modes of what sinkd makes, whatever umask starts it.
 */
import assert from "node:assert/strict";
import { ownAccount } from "../../lib/io/own_account.ts";
import { testInWorld } from "../support/shared_world.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const OTHERS = 0o077;

/** Sockets, and files that others can get at: by mode of themselves and of what is above. */
function* openTo(directory: string, below = ""): Generator<string> {
  for (const { name } of Deno.readDirSync(`${directory}/${below}`)) {
    const path = `${below}${name}`;
    const info = Deno.lstatSync(`${directory}/${path}`);
    const open = ((info.mode ?? 0) & OTHERS) !== 0;
    if (!open || info.isSymlink) continue;
    if (info.isDirectory) yield* openTo(directory, `${path}/`);
    else yield path;
  }
}

function modeOf(path: string): string {
  return ((Deno.lstatSync(path).mode ?? 0) & 0o7777).toString(8);
}

async function restartUnder(world: World, umask: string): Promise<void> {
  const under = ["sh", "-c", `umask ${umask}; exec "$@"`, "sh"];
  world.server.under = under;
  await world.server.stop();
  await world.server.start();
  const desk = world.addMachine("alice", "desk");
  desk.process.under = under;
  await world.join(desk);
  // Makes its directory itself.
  Deno.removeSync(desk.files);
  await desk.process.start();
}

for (const umask of ["000", "022", "077"]) {
  testInWorld(
    `started with umask ${umask}, nothing of sinkd's is open to others, and what is synced has its modes`,
    { clients: { alice: ["laptop"] } },
    async (world) => {
      const { files } = world.client("laptop");
      Deno.mkdirSync(`${files}/a/b`, { recursive: true });
      for (const [mode, name] of [[0o644, "x"], [0o751, "y"], [0o600, "z"]]) {
        const path = `${files}/a/b/${name}`;
        Deno.writeTextFileSync(path, "text");
        Deno.chmodSync(path, Number(mode));
      }
      Deno.chmodSync(`${files}/a`, 0o755);
      Deno.chmodSync(`${files}/a/b`, 0o750);
      await world.waitInStep();
      await restartUnder(world, umask);
      const desk = world.client("desk");
      Deno.writeTextFileSync(`${files}/a/b/late`, "late", { mode: 0o640 });
      await world.waitInStep();
      await waitFor("its directory", () => {
        try {
          return Deno.statSync(`${desk.files}/a/b/late`).isFile;
        } catch (error) {
          if (error instanceof Deno.errors.NotFound) return false;
          throw error;
        }
      });

      assert.deepEqual([...openTo(`${world.root}/.sinkd`)], []);
      assert.deepEqual([...openTo(`${world.root}/alice/.sinkd`)], []);
      assert.deepEqual([...openTo(desk.state)], []);
      for (const base of [`${world.directory}/server`, `${desk.home}/client`]) {
        assert.equal(modeOf(`${base}.pid`), "600", base);
        assert.equal(modeOf(`${base}.sock`), "600", base);
      }
      assert.equal(modeOf(desk.files), "755");
      for (
        const [path, mode] of Object.entries({
          "a": "755",
          "a/b": "750",
          "a/b/x": "644",
          "a/b/y": "751",
          "a/b/z": "600",
          "a/b/late": "640",
        })
      ) assert.equal(modeOf(`${desk.files}/${path}`), mode, path);
      // Of a root that is made, its group has a part only when nobody else is in it.
      const isPrivate = ownAccount().privateGroups.has(Deno.gid() ?? 0);
      assert.equal(modeOf(world.root), isPrivate ? "2770" : "700");
      assert.equal(modeOf(`${world.root}/alice`), "2770");
      assert.equal(modeOf(`${world.stored("alice")}/a/b/y`), "751");
    },
  );
}
