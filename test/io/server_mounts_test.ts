import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import type { ServerStep } from "../../lib/core/server_commit.ts";
import { makeLinks } from "../../lib/io/rsync_serve.ts";
import { openServerTree } from "../../lib/io/server_tree.ts";
import type { ServerTree } from "../../lib/ports.ts";
import { entryOf } from "../support/client_rig.ts";
import { bindMount, missingForMounts, Tmpfs } from "../support/mounts.ts";
import { lacking } from "../support/needs.ts";
import {
  directory,
  file,
  link,
  makeTree,
  readTree,
  tempDirectory,
  type Tree,
} from "../support/temp.ts";

const MUNGED = "/rsyncd-munged/";
const SCOPE = { prefix: "docs" };
const OLD = file("old", { mode: 0o600 });
const NEW = file("new version", { mtimeMs: 1_700_000_060_000, mode: 0o600 });

const test = lacking(
  (name: string, run: () => Promise<void>) => Deno.test(name, run),
  missingForMounts(),
);

const KINDS: Readonly<
  Record<string, (on: string, from: string) => Promise<AsyncDisposable>>
> = {
  "a tmpfs": (on) => Tmpfs.mount(on, "size=4m,mode=2770"),
  "a bind mount of the same disk": (on, from) => bindMount(from, on),
};

const BEFORE: Tree = {
  "m/replaced": OLD,
  "m/gone": OLD,
  "m/link": link(MUNGED + "old"),
  "m/d": directory(0o2770),
  "m/d/below": OLD,
  "m/blocks": OLD,
};
const STAGED: Tree = {
  m: directory(0o700),
  "m/replaced": NEW,
  "m/new": NEW,
  "m/link": link(MUNGED + "new"),
  "m/blocks": directory(0o700),
  "m/blocks/below": NEW,
};
const STEPS: ServerStep[] = [
  { do: "archive", path: relativePath("m/gone"), entry: entryOf(OLD) },
  { do: "archive", path: relativePath("m/d/below"), entry: entryOf(OLD) },
  { do: "removeDirectory", path: relativePath("m/d") },
  { do: "archive", path: relativePath("m/blocks"), entry: entryOf(OLD) },
  { do: "makeDirectory", path: relativePath("m/blocks"), mode: 0o755 },
  ...["m/blocks/below", "m/new", "m/replaced"].map((path): ServerStep => ({
    do: "place",
    path: relativePath(path),
    entry: entryOf(NEW),
  })),
  {
    do: "place",
    path: relativePath("m/link"),
    entry: { kind: "link", target: "new" },
    replaces: { kind: "link", target: "old" },
  },
];
const AFTER: Tree = {
  "m/replaced": NEW,
  "m/new": NEW,
  "m/link": link(MUNGED + "new"),
  "m/blocks": directory(0o755),
  "m/blocks/below": NEW,
};
const HISTORY = ["m/gone", "m/d/below", "m/blocks", "m/replaced", "m/link"];

async function onMount(
  mount: (on: string, from: string) => Promise<AsyncDisposable>,
  work: (rig: {
    root: string;
    open: () => ServerTree;
    stage: string;
  }) => Promise<void>,
): Promise<void> {
  await using temp = tempDirectory();
  const root = `${temp.path}/alice`;
  Deno.mkdirSync(`${root}/docs/m`, { recursive: true });
  Deno.mkdirSync(`${temp.path}/from`);
  await using _mounted = await mount(`${root}/docs/m`, `${temp.path}/from`);
  makeTree(`${root}/docs`, BEFORE);
  const open = () =>
    openServerTree(
      root,
      (places, paths) =>
        makeLinks(
          { ...places, runDirectory: `${temp.path}/run`, munged: true },
          paths,
        ),
    );
  const stage = await open().openStage("laptop");
  makeTree(stage, STAGED);
  await work({ root, open, stage });
}

function treeBelow(root: string): Tree {
  const { m: _mount, ...rest } = readTree(root);
  return rest;
}

for (const [kind, mount] of Object.entries(KINDS)) {
  test(`apply() commits below ${kind} in the server's tree, with every old version in history, however often it dies`, async () => {
    for (let died = 0; died <= STEPS.length; died++) {
      await onMount(mount, async ({ root, open, stage }) => {
        const intent = (steps: readonly ServerStep[]) => ({
          scope: SCOPE,
          stage,
          stamp: { date: 20260102, cycle: 7 },
          steps,
          rows: [],
        });
        await open().apply(intent(STEPS.slice(0, died)));
        const tree = open();
        await tree.apply(intent(STEPS));
        await tree.closeStage(stage);
        assert.deepEqual(treeBelow(`${root}/docs`), AFTER);
        const history = readTree(`${root}/.sinkd/history/20260102.7/docs`);
        for (const path of HISTORY) {
          assert.deepEqual(history[path], BEFORE[path], path);
        }
        assert.deepEqual(
          [...Deno.readDirSync(`${root}/docs/m`)].map(({ name }) => name)
            .filter((name) => name === ".sinkd"),
          [],
        );
      });
    }
  });
}

test("obstacle() tells of a read-only mount, and of a mount point that must go, before anything moves", async () => {
  let tmpfs: Tmpfs | undefined;
  const mount = async (on: string) => tmpfs = await Tmpfs.mount(on, "size=4m");
  await onMount(mount, async ({ open }) => {
    const tree = open();
    const at = (path: string, planned: Tree[string] | undefined) =>
      tree.obstacle(
        SCOPE,
        relativePath(path),
        planned === undefined ? undefined : entryOf(planned),
      );
    assert.equal(at("m/new", NEW), undefined);
    assert.equal(at("m", directory()), undefined);
    assert.match(at("m", undefined) ?? "", /mounted/);
    assert.match(at("m", NEW) ?? "", /mounted/);
    await tmpfs?.remount("ro");
    assert.match(at("m/new", NEW) ?? "", /read-only/);
    assert.match(at("m/not/there", NEW) ?? "", /read-only/);
    assert.equal(at("beside", NEW), undefined);
  });
});
