import assert from "node:assert/strict";
import type { Found } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import { ASIDE_MS, Asides } from "../../lib/io/asides.ts";
import { FileAreas } from "../../lib/io/file_areas.ts";
import { copyName, entryOf } from "../support/client_rig.ts";
import {
  directory,
  eventually,
  file,
  link,
  makeAt,
  makeTree,
  type Planned,
  readTree,
  replaceAt,
  tempDirectory,
} from "../support/temp.ts";

const OLD = file("old");
const PATH = relativePath("d/name.txt");
const COPY = "d/name.sinkd-conflict-rig-20260102-120000.txt";

interface Rig {
  readonly root: string;
  readonly asides: Asides;
  readonly clock: { ms: number };
}

async function withAsides(work: (rig: Rig) => Promise<void>): Promise<void> {
  await using temp = tempDirectory();
  const root = temp.path;
  const clock = { ms: 1_800_000_000_000 };
  const asides = new Asides({
    root,
    areas: new FileAreas(root),
    copyName: (path) => copyName(root, path),
    nowMs: () => clock.ms,
  });
  makeTree(root, { d: directory() });
  await work({ root, asides, clock });
}

/** What a plan saw in the file that is at `full`, or that is to come there. */
function sawAt(full: string, planned: Planned): Found {
  const inode = exists(full) ? Deno.lstatSync(full).ino ?? 0 : 0;
  return { entry: entryOf(planned), inode, ctimeS: 0 };
}

/** Sets aside `OLD` that lies at `PATH`. */
function setAside({ root, asides }: Rig): string | undefined {
  const saw = sawAt(`${root}/${PATH}`, OLD);
  const full = asides.place(PATH, saw);
  Deno.renameSync(`${root}/${PATH}`, full);
  return asides.keep(PATH, full, saw);
}

function exists(path: string): boolean {
  return Deno.statSync(path.slice(0, path.lastIndexOf("/"))).isDirectory &&
    [...Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))].some((
      { name },
    ) => path.endsWith(`/${name}`));
}

Deno.test("release() drops what stayed as it was, and leaves no .sinkd, once it is due", async () => {
  await withAsides(async (rig) => {
    makeAt(`${rig.root}/${PATH}`, OLD);
    assert.equal(setAside(rig), undefined);
    assert.equal(rig.asides.dueMs(), rig.clock.ms + ASIDE_MS);
    rig.clock.ms += ASIDE_MS - 1;
    assert.deepEqual(await rig.asides.release(), []);
    assert.ok(exists(`${rig.root}/.sinkd`), "kept until it is due");
    rig.clock.ms += 1;
    assert.deepEqual(await rig.asides.release(), []);
    assert.equal(rig.asides.dueMs(), undefined);
    assert.ok(!exists(`${rig.root}/.sinkd`));
    assert.deepEqual(readTree(rig.root), { d: directory() });
  });
});

Deno.test("keep() makes a conflict copy of a directory that took the place of a file", async () => {
  await withAsides((rig) => {
    makeTree(`${rig.root}/d`, {
      "name.txt": directory(),
      "name.txt/new": file("new"),
    });
    assert.equal(setAside(rig), COPY);
    assert.deepEqual(readTree(rig.root), {
      d: directory(),
      [COPY]: directory(),
      [`${COPY}/new`]: file("new"),
    });
    assert.ok(!exists(`${rig.root}/.sinkd`));
    return Promise.resolve();
  });
});

Deno.test("release() makes a conflict copy when a program wrote to the old file through its open handle", async () => {
  await withAsides(async (rig) => {
    makeAt(`${rig.root}/${PATH}`, OLD);
    using handle = Deno.openSync(`${rig.root}/${PATH}`, { append: true });
    setAside(rig);
    makeAt(`${rig.root}/${PATH}`, file("incoming"));
    handle.writeSync(new TextEncoder().encode(" and late"));
    rig.clock.ms += ASIDE_MS;
    assert.deepEqual(await rig.asides.release(), [COPY]);
    assert.equal(Deno.readTextFileSync(`${rig.root}/${COPY}`), "old and late");
    assert.equal(Deno.readTextFileSync(`${rig.root}/${PATH}`), "incoming");
    assert.ok(!exists(`${rig.root}/.sinkd`));
  });
});

Deno.test("keep() makes the conflict copy at once when what was set aside is not what the plan saw", async () => {
  await withAsides(async (rig) => {
    const late = file("late", { mtimeMs: 1_700_000_900_000 });
    makeAt(`${rig.root}/${PATH}`, late);
    assert.equal(setAside(rig), COPY);
    await rig.asides.release();
    assert.deepEqual(readTree(rig.root), { d: directory(), [COPY]: late });
  });
});

Deno.test("keep() makes the conflict copy at once when another file of the same size and time was set aside", async () => {
  await withAsides((rig) => {
    makeAt(`${rig.root}/${PATH}`, OLD);
    const saw = sawAt(`${rig.root}/${PATH}`, OLD);
    replaceAt(rig.root, { path: PATH, planned: file("new") });
    const full = rig.asides.place(PATH, saw);
    Deno.renameSync(`${rig.root}/${PATH}`, full);
    assert.equal(rig.asides.keep(PATH, full, saw), COPY);
    assert.equal(Deno.readTextFileSync(`${rig.root}/${COPY}`), "new");
    return Promise.resolve();
  });
});

Deno.test("release() makes a conflict copy of what was touched, though its size and time were put back", async () => {
  await withAsides(async (rig) => {
    makeAt(`${rig.root}/${PATH}`, OLD);
    using handle = Deno.openSync(`${rig.root}/${PATH}`, { write: true });
    setAside(rig);
    const changed = () => handle.statSync().ctime?.getTime() ?? 0;
    const before = changed();
    // A change time is known in whole seconds.
    await eventually(() => {
      handle.seekSync(0, Deno.SeekMode.Start);
      handle.writeSync(new TextEncoder().encode("new"));
      handle.utimeSync(1_700_000_000, 1_700_000_000);
      return changed() > before;
    });
    rig.clock.ms += ASIDE_MS;
    assert.deepEqual(await rig.asides.release(), [COPY]);
  });
});

Deno.test("keep() and release() keep every version when a path is set aside several times", async () => {
  await withAsides(async (rig) => {
    for (const text of ["1", "2", "3"]) {
      makeAt(`${rig.root}/${PATH}`, file(text));
      const saw = sawAt(`${rig.root}/${PATH}`, file(text));
      const full = rig.asides.place(PATH, saw);
      Deno.renameSync(`${rig.root}/${PATH}`, full);
      rig.asides.keep(PATH, full, saw);
      Deno.writeTextFileSync(full, `${text} written late`);
    }
    rig.clock.ms += ASIDE_MS;
    const copies = await rig.asides.release();
    assert.deepEqual(
      copies.map((copy) => Deno.readTextFileSync(`${rig.root}/${copy}`)).sort(),
      ["1 written late", "2 written late", "3 written late"],
    );
  });
});

const BLOCKED: [string, (root: string) => void][] = [
  ["gone", () => {}],
  ["a file now", (root) => makeTree(root, { d: file("in the way") })],
];
for (const [what, block] of BLOCKED) {
  Deno.test(`release() still makes a conflict copy when the directory of the path is ${what}`, async () => {
    await withAsides(async (rig) => {
      makeAt(`${rig.root}/${PATH}`, OLD);
      using handle = Deno.openSync(`${rig.root}/${PATH}`, { append: true });
      setAside(rig);
      Deno.removeSync(`${rig.root}/d`);
      block(rig.root);
      handle.writeSync(new TextEncoder().encode(" and late"));
      rig.clock.ms += ASIDE_MS;
      const [copy] = await rig.asides.release();
      assert.equal(
        Deno.readTextFileSync(`${rig.root}/${copy}`),
        "old and late",
      );
      assert.ok(!exists(`${rig.root}/.sinkd`));
    });
  });
}

Deno.test("release() does not follow a link that took the directory's place", async () => {
  await using outside = tempDirectory();
  await withAsides(async (rig) => {
    makeAt(`${rig.root}/${PATH}`, OLD);
    using handle = Deno.openSync(`${rig.root}/${PATH}`, { append: true });
    setAside(rig);
    Deno.removeSync(`${rig.root}/d`);
    makeTree(rig.root, { d: link(outside.path) });
    handle.writeSync(new TextEncoder().encode(" and late"));
    rig.clock.ms += ASIDE_MS;
    const copies = await rig.asides.release();
    assert.equal(copies.length, 1);
    assert.deepEqual(readTree(outside.path), {});
    assert.equal(
      Deno.readTextFileSync(`${rig.root}/${copies[0]}`),
      "old and late",
    );
  });
});

Deno.test("release() loses nothing when making a copy fails: the next one makes it", async () => {
  await withAsides(async (rig) => {
    let fails = true;
    const asides = new Asides({
      root: rig.root,
      areas: new FileAreas(rig.root),
      nowMs: () => rig.clock.ms,
      copyName: (path) => {
        if (fails) throw new Error("no name today");
        return copyName(rig.root, path);
      },
    });
    makeAt(`${rig.root}/${PATH}`, OLD);
    using handle = Deno.openSync(`${rig.root}/${PATH}`, { append: true });
    setAside({ ...rig, asides });
    handle.writeSync(new TextEncoder().encode(" and late"));
    rig.clock.ms += ASIDE_MS;
    await assert.rejects(asides.release(), /no name today/);
    fails = false;
    assert.deepEqual(await asides.release(), [COPY]);
    assert.equal(Deno.readTextFileSync(`${rig.root}/${COPY}`), "old and late");
  });
});

/** What was seen, and what lies aside when the client starts again; `true`: another file of that kind. */
const LEFT: [string, Planned, Planned, boolean?][] = [
  ["another", OLD, OLD, true],
  ["quiet", OLD, OLD],
  ["written", OLD, file("new", { mtimeMs: 1_700_000_000_004 })],
  ["put-back", OLD, file("new", { mtimeMs: 1_600_000_000_000 })],
  ["longer", OLD, file("longer")],
  ["pointing", link("x"), link("x")],
  ["replaced", link("x"), file("new")],
];
Deno.test("recover() drops what a crash left, but for what is not as it was seen, whatever the clock says", async () => {
  await withAsides(async (rig) => {
    for (const [name, planned, left, another] of LEFT) {
      const path = relativePath(`d/${name}`);
      makeAt(`${rig.root}/${path}`, left);
      const { inode, ...saw } = sawAt(`${rig.root}/${path}`, planned);
      const seen = { ...saw, inode: another === true ? inode + 1 : inode };
      const full = rig.asides.place(path, seen);
      Deno.renameSync(`${rig.root}/${path}`, full);
      if (name === "quiet") rig.asides.keep(path, full, seen);
    }
    const again = new Asides({
      root: rig.root,
      areas: new FileAreas(rig.root),
      nowMs: () => rig.clock.ms,
      copyName: (path) => copyName(rig.root, path),
    });
    const copyOf = (name: string) =>
      `d/${name}.sinkd-conflict-rig-20260102-120000`;
    const kept = ["another", "longer", "put-back", "replaced", "written"];
    assert.deepEqual((await again.recover()).sort(), kept.map(copyOf));
    assert.deepEqual(
      Object.keys(readTree(rig.root)).sort(),
      ["d", ...kept.map(copyOf)],
    );
    assert.ok(!exists(`${rig.root}/.sinkd`));
    assert.deepEqual(await again.recover(), []);
  });
});

Deno.test("place() finds a place when a file of the same size and time was set aside where a directory must be", async () => {
  await withAsides((rig) => {
    const place = (path: string) =>
      rig.asides.place(relativePath(path), {
        entry: entryOf(OLD),
        inode: 1,
        ctimeS: 0,
      });
    Deno.writeTextFileSync(place("x"), "file");
    const full = place("x/y");
    Deno.writeTextFileSync(full, "below");
    assert.equal(Deno.readTextFileSync(full), "below");
    return Promise.resolve();
  });
});

Deno.test("recover() makes no second name of a copy that was made just before the crash", async () => {
  await withAsides(async (rig) => {
    makeAt(`${rig.root}/${PATH}`, OLD);
    const saw = sawAt(`${rig.root}/${PATH}`, OLD);
    const full = rig.asides.place(PATH, saw);
    Deno.renameSync(`${rig.root}/${PATH}`, full);
    Deno.writeTextFileSync(full, "edited");
    const copy = `${PATH}.sinkd-conflict-rig-20260101-000000`;
    Deno.linkSync(full, `${rig.root}/${copy}`);
    assert.deepEqual(await rig.asides.recover(), [copy]);
    assert.deepEqual(Object.keys(readTree(rig.root)).sort(), ["d", copy]);
    assert.equal(Deno.readTextFileSync(`${rig.root}/${copy}`), "edited");
  });
});

Deno.test("recover() makes no copy of what still lies at its path, written to or not", async () => {
  await withAsides(async (rig) => {
    makeAt(`${rig.root}/${PATH}`, OLD);
    const saw = sawAt(`${rig.root}/${PATH}`, OLD);
    Deno.linkSync(`${rig.root}/${PATH}`, rig.asides.place(PATH, saw));
    Deno.writeTextFileSync(`${rig.root}/${PATH}`, "edited");
    assert.deepEqual(await rig.asides.recover(), []);
    assert.deepEqual(Object.keys(readTree(rig.root)), ["d", PATH]);
    assert.equal(Deno.readTextFileSync(`${rig.root}/${PATH}`), "edited");
  });
});
