/**
 * What has the name of sinkd's own directory in an anchor, and is a link or another account's, is not
 * gone through: nothing behind it is removed, taken for sinkd's, or brought into the anchor.
 */
import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import { openDisk } from "../support/client_rig.ts";
import { LACKS_ROOT, testUnless } from "../support/needs.ts";
import { tempDirectory } from "../support/temp.ts";
import { differences, treeOf } from "../support/tree_view.ts";

const NAMES = ["incoming", "links", "outgoing", "aside", "other-name"];
const PATH = relativePath("x");
/** Somebody else. */
const OTHER = 65533;

/** Files in all places where sinkd has its own. */
function fill(directory: string): void {
  for (const name of [...NAMES, "aside/1,1,1.1"]) {
    Deno.mkdirSync(`${directory}/${name}`, { recursive: true });
    Deno.writeTextFileSync(`${directory}/${name}/x`, name);
  }
  Deno.mkdirSync(`${directory}/incoming/empty`);
  Deno.mkdirSync(`${directory}/aside/empty`);
}

type Disk = ReturnType<typeof openDisk>;

const WORK: Record<string, (disk: Disk) => unknown> = {
  closeStage: (disk) => disk.closeStage(),
  trimStage: (disk) => disk.trimStage(new Set()),
  recover: async (disk) => assert.deepEqual(await disk.asides.recover(), []),
  tidy: (disk) => disk.asides.tidy(),
  leftover: (disk) => assert.equal(disk.leftover(), undefined),
  snapshot: (disk) => assert.rejects(disk.snapshot(PATH), /move it away/),
};

for (const [name, work] of Object.entries(WORK)) {
  for (const link of [".sinkd", ...NAMES.map((name) => `.sinkd/${name}`)]) {
    // Of those in it each concerns its own work, and a snapshot only one.
    if (name === "snapshot" && !/sinkd$|outgoing/.test(link)) continue;
    if (name === "leftover" && !/sinkd$|incoming/.test(link)) continue;
    Deno.test(`AnchorDisk: ${name} does not go through ${link} when it is a link`, async () => {
      await using temp = tempDirectory();
      const [root, outside] = [`${temp.path}/anchor`, `${temp.path}/outside`];
      Deno.mkdirSync(root);
      Deno.mkdirSync(outside);
      Deno.writeTextFileSync(`${root}/x`, "mine");
      fill(outside);
      const isAll = link === ".sinkd";
      if (!isAll) Deno.mkdirSync(`${root}/.sinkd`, { mode: 0o700 });
      const target = isAll ? outside : `${outside}/${link.slice(7)}`;
      Deno.symlinkSync(target, `${root}/${link}`);
      const before = treeOf(outside);
      await work(openDisk(root));
      assert.deepEqual(differences(before, treeOf(outside)), []);
      const names = [...Deno.readDirSync(root)].map(({ name }) => name);
      assert.deepEqual(names.filter((name) => name !== ".sinkd"), ["x"]);
    });
  }

  testUnless(LACKS_ROOT)(
    `AnchorDisk: ${name} leaves .sinkd alone when it is another account's`,
    async () => {
      await using temp = tempDirectory();
      const root = `${temp.path}/anchor`;
      Deno.mkdirSync(root);
      Deno.writeTextFileSync(`${root}/x`, "mine");
      const own = `${root}/.sinkd`;
      fill(own);
      Deno.chownSync(own, OTHER, OTHER);
      const before = treeOf(own);
      await work(openDisk(root));
      assert.deepEqual(differences(before, treeOf(own)), []);
    },
  );
}
