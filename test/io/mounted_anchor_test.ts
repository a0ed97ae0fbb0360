import assert from "node:assert/strict";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import { ClientStore } from "../../lib/io/base_store.ts";
import { finishClientIntent } from "../../lib/turn/take_turn.ts";
import {
  type DyingDisk,
  entryOf,
  EPOCH,
  foundAt,
  NO_EDITS,
  openDisk,
  type Update,
  updateAnchor,
} from "../support/client_rig.ts";
import {
  directory,
  file,
  link,
  makeTree,
  readTree,
  tempDirectory,
  type Tree,
} from "../support/temp.ts";
import {
  bindMount,
  DiskImage,
  missingForImages,
  missingForMounts,
  Tmpfs,
} from "../support/mounts.ts";
import { lacking } from "../support/needs.ts";

const KINDS: Readonly<
  Record<
    string,
    {
      missing: string | undefined;
      mount: (on: string, aside: string) => Promise<AsyncDisposable>;
    }
  >
> = {
  "a tmpfs": {
    missing: missingForMounts(),
    mount: (on) => Tmpfs.mount(on, "size=8m,mode=755"),
  },
  "a bind mount of the same disk": {
    missing: missingForMounts(),
    mount: (on, aside) => bindMount(`${aside}/bound`, on),
  },
  "an ext4": {
    missing: missingForImages(),
    mount: async (on, aside) => {
      const disk = await DiskImage.make(`${aside}/image`, on);
      await Deno.remove(`${on}/lost+found`);
      return disk;
    },
  },
};

interface Rig {
  readonly root: string;
  /** A disk as a start of the client opens it. */
  readonly open: () => DyingDisk;
  /** What a start does before anything else. */
  readonly recover: (disk: DyingDisk) => Promise<void>;
  /** Brings the anchor from what it has to `incoming`; gives what was left and how much was asked for. */
  readonly update: (
    disk: DyingDisk,
    incoming: Tree,
    more?: Partial<Update>,
  ) => Promise<
    { left: readonly { reason: string; fix?: string | undefined }[] }
  >;
}

/** Runs `work` on an anchor with `base`, where `m` is a file system of its own. */
async function onMount(
  mount: (on: string, aside: string) => Promise<AsyncDisposable>,
  base: Tree,
  work: (rig: Rig) => Promise<void>,
): Promise<void> {
  await using temp = tempDirectory();
  const root = `${temp.path}/anchor`;
  Deno.mkdirSync(root);
  Deno.mkdirSync(`${root}/m`);
  Deno.mkdirSync(`${temp.path}/bound`);
  await using _mounted = await mount(`${root}/m`, temp.path);
  makeTree(root, base);
  using client = new ClientStore(":memory:");
  const store = client.anchor("/anchor");
  const clean = openDisk(root);
  const all: Tree = { m: directory(), ...base };
  store.agree(
    Object.keys(all).map((path) => ({
      path: relativePath(path),
      base: foundAt(clean, relativePath(path)),
    })),
    { epoch: EPOCH, stamp: { date: 20260101, cycle: 0 } },
  );
  await work({
    root,
    open: () => openDisk(root),
    recover: async (disk) => {
      assert.deepEqual(await disk.asides.recover(), []);
      await finishClientIntent(store, disk, NO_EDITS);
      await disk.closeStage();
    },
    update: async (disk, incoming, more = {}) => {
      const known = store.bases();
      const paths = [...new Set([...known.keys(), ...Object.keys(incoming)])]
        .sort() as RelativePath[];
      const changes = paths.flatMap((path) => {
        const planned = incoming[path];
        if (planned === undefined) {
          return path === "m" ? [] : [{ path }];
        }
        return [{ path, entry: entryOf(planned) }];
      });
      return await updateAnchor({ root, store, disk }, {
        changes,
        content: incoming,
        ...more,
      });
    },
  });
}

const NEW = file("new", { mtimeMs: 1_700_000_001_000 });
const MINE = file("mine", { mtimeMs: 1_700_000_002_000 });
const BASE: Tree = {
  "m/changed": file("old"),
  "m/conflicting": file("old"),
  "m/d": directory(),
  "m/d/gone": file("gone"),
  "m/d/link": link("old"),
  "m/blocked": file("a file"),
};
const INCOMING: Tree = {
  "m/changed": NEW,
  "m/conflicting": file("theirs", { mtimeMs: 1_700_000_001_000 }),
  "m/blocked": directory(),
  "m/blocked/below": file("below", { mode: 0o600 }),
  "m/link": link("new"),
  "m/new": file("brand new"),
};
const COPY = "m/conflicting.sinkd-conflict-rig-20260102-120000";

function makeConflict(root: string): void {
  Deno.writeTextFileSync(`${root}/m/conflicting`, "mine");
  Deno.utimeSync(`${root}/m/conflicting`, 1_700_000_002, 1_700_000_002);
}

const AFTER: Tree = {
  m: directory(),
  ...INCOMING,
  [COPY]: MINE,
};

for (const [kind, { missing, mount }] of Object.entries(KINDS)) {
  const test = lacking(
    (name: string, run: () => Promise<void>) => Deno.test(name, run),
    missing,
  );

  test(`an update is carried out below ${kind} in the anchor: files, links, directories, conflicts, deletions`, async () => {
    await onMount(mount, BASE, async ({ root, update }) => {
      let now = 0;
      const disk = openDisk(root, { nowMs: () => now });
      makeConflict(root);
      // Twice: a link below a bind mount is made in the turn that follows the one that finds it.
      await update(disk, INCOMING);
      const { left } = await update(disk, {
        ...INCOMING,
        [COPY]: MINE,
      });
      assert.deepEqual(left, []);
      assert.deepEqual(readTree(root), AFTER);
      now += 60_000;
      assert.deepEqual(await disk.asides.release(), []);
      assert.equal(exists(`${root}/m/.sinkd`), false);
      assert.equal(exists(`${root}/.sinkd`), false);
    });
  });

  test(`a program that still writes to what an update replaced below ${kind} gets its conflict copy`, async () => {
    await onMount(mount, BASE, async ({ root, update }) => {
      let now = 0;
      const disk = openDisk(root, { nowMs: () => now });
      using handle = Deno.openSync(`${root}/m/changed`, { append: true });
      await update(disk, { ...BASE, "m/changed": NEW });
      handle.writeSync(new TextEncoder().encode(" and late"));
      now += 60_000;
      const [copy] = await disk.asides.release();
      assert.equal(Deno.readTextFileSync(`${root}/${copy}`), "old and late");
      assert.equal(Deno.readTextFileSync(`${root}/m/changed`), "new");
      assert.equal(exists(`${root}/m/.sinkd`), false);
    });
  });

  test(`a commit below ${kind} that dies after any step is finished by the next start`, async () => {
    for (let steps = 0; steps < 12; steps++) {
      await onMount(mount, BASE, async ({ root, open, recover, update }) => {
        makeConflict(root);
        const dying = open();
        dying.areas.addOwned(relativePath("m"), []);
        dying.steps = steps;
        await update(dying, INCOMING).catch((error) =>
          assert.match(String(error), /died/)
        );
        let now = 0;
        const disk = openDisk(root, { nowMs: () => now });
        disk.areas.addOwned(relativePath("m"), []);
        await recover(disk);
        const { left } = await update(disk, {
          ...INCOMING,
          ...(exists(`${root}/${COPY}`) ? { [COPY]: MINE } : {}),
        });
        assert.deepEqual(left, [], `after ${steps} steps`);
        assert.deepEqual(readTree(root), AFTER, `after ${steps} steps`);
        now += 60_000;
        await disk.asides.release();
        assert.equal(exists(`${root}/m/.sinkd`), false);
      });
    }
  });
}

const test = lacking(
  (name: string, run: () => Promise<void>) => Deno.test(name, run),
  missingForMounts(),
);

test("an update below a read-only mount is left with cause and fix, moves no bytes again, and goes in when it is writable", async () => {
  let tmpfs: Tmpfs | undefined;
  const mount = async (on: string) => tmpfs = await Tmpfs.mount(on, "size=8m");
  await onMount(mount, BASE, async ({ root, open, update }) => {
    await tmpfs?.remount("ro");
    const disk = open();
    const incoming = { ...BASE, "m/changed": NEW };
    const asked: number[] = [];
    const onWant = (count: number) => asked.push(count);
    const first = await update(disk, incoming, { onWant });
    const second = await update(disk, incoming, { onWant });
    assert.deepEqual(second.left, first.left);
    assert.match(first.left[0]?.reason ?? "", /read-only/);
    assert.match(first.left[0]?.fix ?? "", /mount it for writing/);
    assert.equal(asked.at(-1), 0);
    assert.equal(disk.obstacles.lifted(), false);
    await tmpfs?.remount("rw");
    assert.equal(disk.obstacles.lifted(), true);
    assert.deepEqual((await update(disk, incoming)).left, []);
    assert.equal(Deno.readTextFileSync(`${root}/m/changed`), "new");
  });
});

test("an update of a file that is itself a mount point is left, and asks for no bytes again until it is unmounted", async () => {
  const mount = (on: string) => Tmpfs.mount(on, "size=8m");
  const base = { single: file("old"), source: file("old") };
  await onMount(mount, base, async ({ root, open, update }) => {
    const disk = open();
    const incoming = {
      ...base,
      single: file("new", { mtimeMs: 1_700_000_001_000 }),
    };
    const asked: number[] = [];
    const onWant = (count: number) => asked.push(count);
    {
      await using _bound = await bindMount(`${root}/source`, `${root}/single`);
      const first = await update(disk, incoming, { onWant });
      assert.match(first.left[0]?.fix ?? "", /unmount|exclude/);
      await update(disk, incoming, { onWant });
      assert.equal(asked.at(-1), 0);
      assert.equal(Deno.readTextFileSync(`${root}/single`), "old");
      assert.equal(Deno.readTextFileSync(`${root}/source`), "old");
    }
    assert.equal(disk.obstacles.lifted(), true);
    assert.deepEqual((await update(disk, incoming)).left, []);
    assert.equal(Deno.readTextFileSync(`${root}/single`), "new");
  });
});

test("a directory that is deleted elsewhere and is a mount point here stays, with cause and fix", async () => {
  const mount = (on: string) => Tmpfs.mount(on, "size=8m");
  await onMount(mount, { f: file("f") }, async ({ root, open, update }) => {
    const disk = open();
    const changes = [{ path: relativePath("m") }];
    const { left } = await update(disk, { f: file("f") }, { changes });
    assert.match(left[0]?.reason ?? "", /mounted/);
    assert.equal(exists(`${root}/m`), true);
  });
});

function exists(full: string): boolean {
  try {
    Deno.lstatSync(full);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
