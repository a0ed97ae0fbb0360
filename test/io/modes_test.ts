import assert from "node:assert/strict";
import type { ClientStep } from "../../lib/core/client_commit.ts";
import { relativePath } from "../../lib/core/path.ts";
import type { ServerStep } from "../../lib/core/server_commit.ts";
import { setMode } from "../../lib/io/modes.ts";
import { openServerTree } from "../../lib/io/server_tree.ts";
import type { ClientIntent } from "../../lib/ports.ts";
import { entryOf, foundAt, openDisk } from "../support/client_rig.ts";
import { lacking } from "../support/needs.ts";
import {
  directory,
  file,
  makeTree,
  tempDirectory,
  type Tree,
} from "../support/temp.ts";
import { asNobody } from "../support/unprivileged.ts";

const GROUP = 100;
const asRoot = lacking(
  (name: string, run: () => Promise<void>) => Deno.test(name, run),
  Deno.uid() === 0 ? undefined : "root",
);

function looksAt(full: string): { mode: string; gid: number | null } {
  const { mode, gid } = Deno.lstatSync(full);
  return { mode: ((mode ?? 0) & 0o7777).toString(8), gid };
}

/** Carries out steps of an update, with `staged` as rsync leaves it. */
async function apply(
  root: string,
  staged: Tree,
  steps: readonly ClientStep[],
): Promise<void> {
  const disk = openDisk(root);
  const stage = await disk.openStage();
  makeTree(`${root}/${stage}`, staged);
  const intent: ClientIntent = {
    stage,
    steps,
    agreements: [],
    position: { epoch: "", stamp: { date: 20260101, cycle: 0 } },
  };
  const { left } = await disk.apply(intent);
  assert.deepEqual(left, []);
  await disk.closeStage();
}

Deno.test("setMode() changes permission bits and leaves setgid and sticky as they are, whatever they are", async () => {
  await using temp = tempDirectory();
  for (const bits of [0o0000, 0o1000, 0o2000, 0o3000]) {
    for (const mode of [0o700, 0o755, 0o500]) {
      Deno.chmodSync(temp.path, bits | 0o750);
      setMode(temp.path, mode);
      assert.equal(looksAt(temp.path).mode, (bits | mode).toString(8));
    }
  }
});

Deno.test("apply() keeps the setgid and sticky bits of a directory whose mode changes, and of one that is opened for a moment", async () => {
  await using temp = tempDirectory();
  if (Deno.uid() === 0) Deno.chownSync(temp.path, 65534, 65534);
  await asNobody(async () => {
    const root = `${temp.path}/anchor`;
    makeTree(temp.path, { anchor: directory() });
    makeTree(root, { changed: directory(), shut: directory() });
    Deno.chmodSync(`${root}/changed`, 0o3755);
    Deno.chmodSync(`${root}/shut`, 0o3555);
    await apply(root, { shut: directory(), "shut/new": file("new") }, [
      {
        do: "put",
        path: relativePath("shut/new"),
        entry: entryOf(file("new")),
      },
      { do: "mode", path: relativePath("changed"), mode: 0o700 },
    ]);
    assert.equal(looksAt(`${root}/changed`).mode, "3700");
    assert.equal(looksAt(`${root}/shut`).mode, "3555");
    assert.equal(Deno.readTextFileSync(`${root}/shut/new`), "new");
    Deno.chmodSync(`${root}/shut`, 0o755);
  });
});

asRoot(
  "apply() gives what comes in the group and the setgid bit that it would have if it was made here",
  async () => {
    await using temp = tempDirectory();
    const root = temp.path;
    const old = file("old");
    makeTree(root, {
      shared: directory(),
      "shared/replaced": old,
      plain: directory(),
      "plain/of a group": old,
    });
    Deno.chownSync(`${root}/shared`, null, GROUP);
    Deno.chmodSync(`${root}/shared`, 0o2775);
    Deno.chownSync(`${root}/plain/of a group`, null, GROUP);
    // The anchor's root is shared by another group, which nothing below it is to get.
    Deno.chownSync(root, null, GROUP + 1);
    Deno.chmodSync(root, 0o2755);
    const own = Deno.lstatSync(`${root}/plain`).gid;
    const disk = openDisk(root);
    const saw = (path: string) => {
      const found = foundAt(disk, relativePath(path));
      assert.ok(found !== undefined);
      return found;
    };
    const fresh = file("new", { mtimeMs: 1_700_000_001_000 });
    const put = (path: string): ClientStep => ({
      do: "put",
      path: relativePath(path),
      entry: entryOf(fresh),
    });
    const over = (path: string): ClientStep => ({
      do: "put",
      path: relativePath(path),
      entry: entryOf(fresh),
      saw: saw(path),
    });
    await apply(root, {
      shared: directory(),
      "shared/new": fresh,
      "shared/replaced": fresh,
      "shared/below": directory(),
      "shared/below/deep": fresh,
      plain: directory(),
      "plain/new": fresh,
      "plain/of a group": fresh,
    }, [
      { do: "makeDirectory", path: relativePath("shared/below") },
      put("shared/new"),
      over("shared/replaced"),
      put("shared/below/deep"),
      put("plain/new"),
      over("plain/of a group"),
      { do: "mode", path: relativePath("shared/below"), mode: 0o755 },
    ]);
    const groupOf = (path: string) => looksAt(`${root}/${path}`).gid;
    assert.deepEqual(looksAt(`${root}/shared/below`), {
      mode: "2755",
      gid: GROUP,
    });
    assert.equal(groupOf("shared/new"), GROUP);
    assert.equal(groupOf("shared/below/deep"), GROUP);
    assert.equal(groupOf("plain/of a group"), GROUP);
    assert.equal(groupOf("plain/new"), own);
  },
);

asRoot(
  "a commit on the server keeps the sticky bit and the group of an administrator's directory",
  async () => {
    await using temp = tempDirectory();
    const root = `${temp.path}/alice`;
    Deno.mkdirSync(root);
    const tree = openServerTree(root, () => Promise.resolve());
    const scope = { prefix: "docs" };
    const live = tree.live(scope);
    makeTree(live, { shared: directory() });
    Deno.chownSync(`${live}/shared`, null, GROUP);
    Deno.chmodSync(`${live}/shared`, 0o3770);
    const stage = await tree.openStage("laptop");
    const fresh = file("new");
    makeTree(stage, { shared: directory(), "shared/new": fresh });
    const steps: ServerStep[] = [
      { do: "place", path: relativePath("shared/new"), entry: entryOf(fresh) },
      {
        do: "mode",
        path: relativePath("shared"),
        mode: 0o750,
        directory: true,
      },
    ];
    const stamp = { date: 20260102, cycle: 7 };
    await tree.apply({ scope, stage, stamp, steps, rows: [] });
    assert.equal(looksAt(`${live}/shared`).mode, "3750");
    assert.equal(looksAt(`${live}/shared/new`).gid, GROUP);
  },
);
