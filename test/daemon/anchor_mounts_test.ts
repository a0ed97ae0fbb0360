import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import { AnchorMounts } from "../../lib/daemon/anchor_mounts.ts";
import { ClientStore } from "../../lib/io/base_store.ts";
import { findPath } from "../../lib/io/look.ts";
import { missingForMounts, Tmpfs } from "../support/mounts.ts";
import { testUnless } from "../support/needs.ts";
import { tempDirectory } from "../support/temp.ts";

/** What a look gives and whether it says anything. */
function lookAt(mounts: AnchorMounts, root: string, name: string) {
  const path = relativePath(name);
  const look = findPath(root, path);
  return { look, blocked: mounts.blocks(path, look) };
}

for (const below of ["file", "d/file", "d/e/file"]) {
  testUnless(missingForMounts())(
    `AnchorMounts count a file system that was mounted on a directory in step before m/${below}, which was made on it`,
    async () => {
      await using temp = tempDirectory();
      const root = `${temp.path}/files`;
      Deno.mkdirSync(`${root}/m`, { recursive: true });
      using client = new ClientStore(`${temp.path}/client.db`);
      const store = client.anchor(root);
      const path = relativePath("m");
      const before = findPath(root, path);
      assert.ok(before.kind === "found");
      store.agree([{ path, base: before.found }], store.position());
      const known: string[] = [];
      const mounts = new AnchorMounts({
        root,
        store,
        onMount: (mount) => known.push(mount),
        onTrouble: () => {},
        onReset: () => {},
        onChange: () => {},
      });
      {
        await using _disk = await Tmpfs.mount(`${root}/m`, "size=1m");
        const full = `${root}/m/${below}`;
        Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), {
          recursive: true,
        });
        Deno.writeTextFileSync(full, "on the disk");
        const { look, blocked } = lookAt(mounts, root, `m/${below}`);
        assert.equal(look.kind, "found");
        assert.equal(blocked, undefined);
        assert.deepEqual(known, ["m"]);
      }
      const { look, blocked } = lookAt(mounts, root, `m/${below}`);
      assert.equal(look.kind, "absent");
      assert.match(blocked ?? "", /is gone/);
    },
  );
}
