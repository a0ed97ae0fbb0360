/** Directories that were deleted elsewhere and hold here what never syncs. */
import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

interface Kept {
  readonly what: string;
  readonly name: string;
  readonly make: (path: string) => Promise<void> | Deno.Listener;
}

async function sh(script: string): Promise<void> {
  const { code } = await new Deno.Command("sh", { args: ["-c", script] })
    .output();
  assert.equal(code, 0, script);
}

/** What stays on machine b, each as the one thing that is left in a directory. */
const KEPT: readonly Kept[] = [
  {
    what: "an excluded file",
    name: "keep.tmp",
    make: (path) => Deno.writeTextFile(path, "mine"),
  },
  {
    what: "an excluded directory",
    name: "cache",
    make: (path) => sh(`mkdir '${path}' && echo x > '${path}/x'`),
  },
  {
    what: "a file over max_size",
    name: "large",
    make: (path) => sh(`head -c 300000 /dev/zero > '${path}'`),
  },
  {
    what: "a socket",
    name: "sock",
    make: (path) => Deno.listen({ transport: "unix", path }),
  },
  {
    what: "a name that is not UTF-8",
    name: "odd",
    make: (path) => sh(`echo x > "$(printf '%s\\377' '${path}')"`),
  },
];

async function open(world: World): Promise<[WorldClient, WorldClient]> {
  const [a, b] = [world.client("a"), world.client("b")];
  // What is deleted here is never all that there is.
  Deno.writeTextFileSync(`${a.files}/stays`, "stays");
  b.configure(
    b.anchorText(
      b.files,
      "files",
      `excludes = ["*.tmp", "cache/"]\nrsync_max_size = "200k"`,
    ),
  );
  const { code, err } = await b.sinkd("client", "reload");
  assert.equal(code, 0, err);
  return [a, b];
}

async function untilGone(path: string): Promise<void> {
  await waitFor(`${path} to be gone`, () => itemAt(path) === undefined);
}

async function untilThere(path: string): Promise<void> {
  await waitFor(`${path} to be there`, () => itemAt(path) !== undefined);
}

/** Waits until the client has nothing to do, agrees with the server, and says so. */
async function untilAgreed(client: WorldClient): Promise<string> {
  let out = "";
  await waitFor(
    `${client.name} to agree with the server`,
    async () => {
      const anchor = await client.anchor();
      const status = await client.sinkd("status");
      out = status.out;
      return anchor.state === "Sinkd" && anchor.pending === 0 &&
        anchor.agreement.state === "agreed" &&
        Date.parse(anchor.agreement.lastAgreed ?? "") > startMs;
    },
    { limitMs: 30_000, tell: () => out },
  );
  return out;
}

let startMs = 0;

for (const { what, name, make } of KEPT) {
  test(`client() lets a deletion stand and keeps the directory here for ${what}`, async (world) => {
    const [a, b] = await open(world);
    const top = `t-${name.replace(".", "-")}`;
    for (const below of ["d", "d/e", "other"]) {
      await Deno.mkdir(`${a.files}/${top}/${below}`, { recursive: true });
      await Deno.writeTextFile(`${a.files}/${top}/${below}/note`, below);
    }
    await untilThere(`${b.files}/${top}/d/e/note`);
    await untilThere(`${b.files}/${top}/other/note`);
    const made = await make(`${b.files}/${top}/d/e/${name}`);
    startMs = Date.now();
    await Deno.remove(`${a.files}/${top}`, { recursive: true });
    await untilGone(`${b.files}/${top}/other`);
    await untilGone(`${b.files}/${top}/d/e/note`);
    assert.equal(itemAt(`${b.files}/${top}/d/e`)?.kind, "directory");

    for (const moment of ["at once", "after a scan", "after a restart"]) {
      if (moment === "after a scan") {
        startMs = Date.now();
        await b.sinkd("rescan");
      }
      if (moment === "after a restart") {
        await b.process.stop();
        startMs = Date.now();
        await b.process.start();
      }
      const out = await untilAgreed(b);
      assert.match(
        out,
        /deleted elsewhere, still here because of what never syncs/,
      );
      assert.match(out, new RegExp(`${top}/d/e \\(keeps .*e/`));
      assert.equal(itemAt(`${a.files}/${top}`), undefined, moment);
      const stored = `${world.root}/alice/files/${top}`;
      assert.equal(itemAt(stored), undefined, moment);
    }

    // A new file in it makes the directories new; what is kept stays here.
    await Deno.writeTextFile(`${b.files}/${top}/d/e/fresh`, "x");
    await untilThere(`${a.files}/${top}/d/e/fresh`);
    assert.deepEqual([...treeOf(`${a.files}/${top}`).keys()].sort(), [
      "d",
      "d/e",
      "d/e/fresh",
    ]);

    // Deleted again, and then the last thing in it goes here, too.
    await Deno.remove(`${a.files}/${top}`, { recursive: true });
    await untilGone(`${b.files}/${top}/d/e/fresh`);
    made?.close();
    await sh(`rm -rf '${b.files}/${top}/d/e/'*`);
    await untilGone(`${b.files}/${top}`);
    startMs = Date.now();
    await b.sinkd("rescan");
    const out = await untilAgreed(b);
    assert.doesNotMatch(out, /deleted elsewhere/);
  });
}

test("client() takes the directory in again when it is made anew elsewhere", async (world) => {
  const [a, b] = await open(world);
  await Deno.mkdir(`${a.files}/again`);
  await Deno.writeTextFile(`${a.files}/again/note`, "1");
  await untilThere(`${b.files}/again/note`);
  await Deno.writeTextFile(`${b.files}/again/x.tmp`, "mine");
  await Deno.remove(`${a.files}/again`, { recursive: true });
  await untilGone(`${b.files}/again/note`);
  await Deno.mkdir(`${a.files}/again`);
  await Deno.writeTextFile(`${a.files}/again/note`, "2");
  await untilThere(`${b.files}/again/note`);
  startMs = Date.now();
  await b.sinkd("rescan");
  assert.doesNotMatch(await untilAgreed(b), /deleted elsewhere/);
  assert.deepEqual(names(a, "again"), ["note"]);
  assert.deepEqual(names(b, "again"), ["note", "x.tmp"]);
  await Deno.remove(`${b.files}/again/x.tmp`);
});

test("client() moves nothing that never syncs when a file takes the directory's place elsewhere", async (world) => {
  const [a, b] = await open(world);
  await Deno.mkdir(`${a.files}/place/in`, { recursive: true });
  await Deno.writeTextFile(`${a.files}/place/in/note`, "1");
  await untilThere(`${b.files}/place/in/note`);
  await Deno.writeTextFile(`${b.files}/place/in/x.tmp`, "mine");
  await Deno.remove(`${a.files}/place`, { recursive: true });
  await Deno.writeTextFile(`${a.files}/place`, "now a file");
  await untilGone(`${b.files}/place/in/note`);
  startMs = Date.now();
  await b.sinkd("rescan");
  const out = await untilAgreed(b);
  assert.match(out, /cannot come in: what is here in its place never syncs/);
  assert.equal(Deno.readTextFileSync(`${b.files}/place/in/x.tmp`), "mine");
  assert.equal(Deno.readTextFileSync(`${a.files}/place`), "now a file");
  // Others go on.
  await Deno.writeTextFile(`${b.files}/beside`, "x");
  await untilThere(`${a.files}/beside`);

  await Deno.remove(`${b.files}/place/in/x.tmp`);
  await waitFor(
    "the file to come in",
    () => itemAt(`${b.files}/place`)?.kind === "file",
  );
  assert.equal(Deno.readTextFileSync(`${b.files}/place`), "now a file");
  const copies = [...treeOf(a.files).keys()].filter((path) =>
    path.includes("conflict")
  );
  assert.deepEqual(copies, []);
});

function names({ files }: WorldClient, directory: string): string[] {
  return [...treeOf(`${files}/${directory}`).keys()].sort();
}
