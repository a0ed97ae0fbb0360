import assert from "node:assert/strict";
import type { ClientStep } from "../../lib/core/client_commit.ts";
import { relativePath } from "../../lib/core/path.ts";
import type { ClientCommitResult } from "../../lib/ports.ts";
import {
  type DyingDisk,
  entryOf,
  foundAt,
  openDisk,
} from "../support/client_rig.ts";
import { lacking } from "../support/needs.ts";
import {
  file,
  makeAt,
  makeTree,
  readTree,
  tempDirectory,
} from "../support/temp.ts";
import { asNobody } from "../support/unprivileged.ts";

const P = relativePath("p");
const COPY = "p.sinkd-conflict-rig-20260102-120000";
const OLD = file("old");
const NEW = file("new", { mtimeMs: 1_700_000_001_000 });
const EDIT = file("an edit", { mtimeMs: 1_700_000_002_000 });

const protects = isProtected() && Deno.uid() === 0
  ? undefined
  : "root and fs.protected_hardlinks=1";
const test = lacking(
  (name: string, run: () => Promise<void>) => Deno.test(name, run),
  protects,
);

function isProtected(): boolean {
  try {
    return Deno.readTextFileSync("/proc/sys/fs/protected_hardlinks").trim() ===
      "1";
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

interface Rig {
  readonly root: string;
  readonly disk: DyingDisk;
  readonly clock: { ms: number };
  /** Puts the new version over what was seen, or with a copy of it. */
  readonly put: (more?: Partial<Extract<ClientStep, { do: "put" }>>) => Promise<
    ClientCommitResult
  >;
}

/** A file of root's in a directory of nobody's, who runs the client. */
async function withTheirs(
  work: (rig: Rig) => Promise<void>,
  { mode = 0o755 } = {},
): Promise<void> {
  await using temp = tempDirectory();
  const root = `${temp.path}/anchor`;
  Deno.mkdirSync(root);
  makeTree(root, { p: OLD });
  const isSticky = (mode & 0o1000) !== 0;
  if (Deno.uid() === 0) {
    Deno.chownSync(temp.path, 65534, 65534);
    if (!isSticky) Deno.chownSync(root, 65534, 65534);
  }
  Deno.chmodSync(root, mode);
  const clock = { ms: 0 };
  await asNobody(async () => {
    const disk = openDisk(root, { nowMs: () => clock.ms });
    const saw = foundAt(disk, P);
    assert.ok(saw !== undefined);
    await work({
      root,
      disk,
      clock,
      put: async (more = {}) => {
        const stage = await disk.openStage();
        makeAt(`${root}/${stage}/p`, NEW);
        const step: ClientStep = {
          do: "put",
          path: P,
          entry: entryOf(NEW),
          saw,
          ...more,
        };
        const result = await disk.apply({
          stage,
          steps: [step],
          agreements: [],
          position: { epoch: "", stamp: { date: 20260101, cycle: 0 } },
        });
        await disk.closeStage();
        return result;
      },
    });
  });
}

async function passed({ disk, clock }: Rig): Promise<string[]> {
  clock.ms += 60_000;
  return await disk.asides.release();
}

test("a file of another owner is replaced in a directory of this account, though it may have no second name", async () => {
  await withTheirs(async (rig) => {
    assert.throws(() => Deno.linkSync(`${rig.root}/p`, `${rig.root}/link`));
    const { left, copies } = await rig.put();
    assert.deepEqual({ left, copies }, { left: [], copies: [] });
    assert.deepEqual(await passed(rig), []);
    assert.deepEqual(readTree(rig.root), { p: NEW });
  });
});

test("a file of another owner that conflicts is kept under its conflict name", async () => {
  await withTheirs(async (rig) => {
    const { left, copies } = await rig.put({ copy: COPY });
    assert.deepEqual({ left, copies }, { left: [], copies: [COPY] });
    assert.deepEqual(readTree(rig.root), { p: NEW, [COPY]: OLD });
  });
});

test("a file of another owner that is written through an open handle while it is replaced becomes a conflict copy", async () => {
  await withTheirs(async (rig) => {
    using handle = Deno.openSync(`${rig.root}/p`, { read: true });
    void handle;
    await rig.put();
    const aside = findFile(`${rig.root}/.sinkd/aside`);
    assert.ok(aside !== undefined);
    // As its owner would: this account may not even write to it.
    await asOwner(() => Deno.writeTextFileSync(aside, "late"));
    assert.deepEqual(await passed(rig), [COPY]);
    assert.equal(Deno.readTextFileSync(`${rig.root}/${COPY}`), "late");
    assert.deepEqual(readTree(rig.root)["p"], NEW);
  });
});

for (const when of ["before", "after"] as const) {
  test(`a file of another owner that is replaced the instant ${when} it moves aside is an edit and kept`, async () => {
    await withTheirs(async (rig) => {
      const rename = Deno.renameSync;
      const full = `${rig.root}/p`;
      let edited = false;
      Deno.renameSync = (from, to) => {
        const isAside = from === full && String(to).includes("/aside/");
        if (isAside && when === "before" && !edited) edit();
        rename(from, to);
        if (isAside && when === "after" && !edited) edit();
      };
      const edit = () => {
        edited = true;
        makeAt(`${rig.root}/tmp`, EDIT);
        rename(`${rig.root}/tmp`, full);
      };
      let copies: readonly string[];
      try {
        ({ copies } = await rig.put());
      } finally {
        Deno.renameSync = rename;
      }
      assert.deepEqual(copies, [COPY]);
      await passed(rig);
      assert.deepEqual(readTree(rig.root), { p: NEW, [COPY]: EDIT });
    });
  });
}

test("a file of another owner in a sticky directory stays, is told with its fix, and is tried again when it may be replaced", async () => {
  await withTheirs(async ({ root, disk, put }) => {
    await asOwner(() => {
      Deno.mkdirSync(`${root}/.sinkd`);
      Deno.chownSync(`${root}/.sinkd`, 65534, 65534);
    });
    const { left } = await put();
    assert.equal(left.length, 1);
    assert.match(left[0]?.fix ?? "", /sticky/);
    assert.deepEqual(disk.obstacle(P), left[0]);
    assert.deepEqual(readTree(root), { p: OLD });
    await asOwner(() => Deno.chmodSync(root, 0o777));
    assert.equal(disk.obstacle(P), undefined);
    assert.deepEqual((await put()).left, []);
    assert.deepEqual(readTree(root), { p: NEW });
  }, { mode: 0o1777 });
});

Deno.test("on a file system without second names every kind of put keeps what was there", async () => {
  const link = Deno.linkSync;
  Deno.linkSync = (from) => {
    throw Object.assign(
      new Deno.errors.PermissionDenied(`Operation not permitted: ${from}`),
      { code: "EPERM" },
    );
  };
  try {
    await withTheirs(async (rig) => {
      await rig.put();
      assert.deepEqual(readTree(rig.root), { p: NEW });
    });
    await withTheirs(async (rig) => {
      await rig.put({ copy: COPY });
      assert.deepEqual(readTree(rig.root), { p: NEW, [COPY]: OLD });
    });
    await withTheirs(async (rig) => {
      Deno.removeSync(`${rig.root}/p`);
      await rig.put();
      assert.deepEqual(readTree(rig.root), { p: NEW });
    });
  } finally {
    Deno.linkSync = link;
  }
});

async function asOwner(work: () => void): Promise<void> {
  const { default: process } = await import("node:process");
  process.seteuid?.(0);
  try {
    work();
  } finally {
    process.seteuid?.(65534);
  }
}

function findFile(directory: string): string | undefined {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const full = `${directory}/${name}`;
    const found = isDirectory ? findFile(full) : full;
    if (found !== undefined) return found;
  }
  return undefined;
}
