import assert from "node:assert/strict";
import { shareWorld, testInWorld } from "../support/shared_world.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

interface Sides {
  readonly first: WorldClient;
  readonly second: WorldClient;
  /** Directories of this test on either machine. */
  readonly one: string;
  readonly other: string;
}

/** Makes `name` with what `make` puts there on both machines, then stops both clients. */
async function apart(
  world: World,
  { name, first, make }: {
    name: string;
    first: string;
    make: (directory: string) => void;
  },
): Promise<Sides> {
  const [one, other] = [first, first === "a" ? "b" : "a"]
    .map((client) => world.client(client));
  assert.ok(one !== undefined && other !== undefined);
  Deno.mkdirSync(`${one.files}/${name}`);
  make(`${one.files}/${name}`);
  await world.waitInStep();
  await Promise.all([one.process.stop(), other.process.stop()]);
  return {
    first: one,
    second: other,
    one: `${one.files}/${name}`,
    other: `${other.files}/${name}`,
  };
}

/** The first comes back, and the second when the first is done. */
async function together(world: World, sides: Sides): Promise<void> {
  await sides.first.process.start();
  await world.waitInStep({ clients: [sides.first] });
  await sides.second.process.start();
  await world.waitInStep();
}

function copiesIn(directory: string): string[] {
  return [...treeOf(directory, { bytes: false }).keys()]
    .filter((path) => path.includes(".sinkd-conflict-")).sort();
}

for (const first of ["a", "b"]) {
  test(`client() keeps the later of two offline edits as a conflict copy when ${first} comes back first`, async (world) => {
    const sides = await apart(world, {
      name: `both-${first}`,
      first,
      make: (directory) => Deno.writeTextFileSync(`${directory}/f.txt`, "old"),
    });
    Deno.writeTextFileSync(`${sides.one}/f.txt`, "of the first");
    Deno.writeTextFileSync(`${sides.other}/f.txt`, "of the second one");
    await together(world, sides);
    for (const directory of [sides.one, sides.other]) {
      assert.equal(Deno.readTextFileSync(`${directory}/f.txt`), "of the first");
      const copies = copiesIn(directory);
      assert.equal(copies.length, 1, `${copies}`);
      assert.match(
        copies[0] ?? "",
        new RegExp(`^f\\.sinkd-conflict-${sides.second.name}-[\\d-]+\\.txt$`),
      );
      assert.equal(
        Deno.readTextFileSync(`${directory}/${copies[0]}`),
        "of the second one",
      );
    }
    const { conflicts } = await sides.first.anchor();
    assert.ok(conflicts.some((path) => path.includes(`both-${first}/`)));
    const status = await sides.first.sinkd("status");
    assert.equal(status.code, 0, status.out);
    Deno.removeSync(`${sides.one}/${copiesIn(sides.one)[0]}`);
    await world.waitInStep();
  });

  test(`client() lets an offline edit win over a deletion when the ${first === "a" ? "editing" : "deleting"} side comes back first`, async (world) => {
    const sides = await apart(world, {
      name: `survives-${first}`,
      first,
      make: (directory) => {
        Deno.writeTextFileSync(`${directory}/file`, "old");
        Deno.mkdirSync(`${directory}/d/e`, { recursive: true });
        Deno.writeTextFileSync(`${directory}/d/e/file`, "old");
      },
    });
    const [editing, deleting] = first === "a"
      ? [sides.one, sides.other]
      : [sides.other, sides.one];
    Deno.writeTextFileSync(`${editing}/file`, "edited");
    Deno.writeTextFileSync(`${editing}/d/e/new`, "new");
    Deno.removeSync(`${deleting}/file`);
    Deno.removeSync(`${deleting}/d`, { recursive: true });
    await together(world, sides);
    for (const directory of [sides.one, sides.other]) {
      assert.equal(Deno.readTextFileSync(`${directory}/file`), "edited");
      assert.equal(Deno.readTextFileSync(`${directory}/d/e/new`), "new");
      assert.equal(itemAt(`${directory}/d/e/file`), undefined);
      assert.deepEqual(copiesIn(directory), []);
    }
  });
}

test("client() makes no conflict when both sides made the same edit", async (world) => {
  const sides = await apart(world, {
    name: "same",
    first: "a",
    make: (directory) => Deno.writeTextFileSync(`${directory}/file`, "old"),
  });
  for (
    const [directory, time] of [[sides.one, 1e9], [sides.other, 1.1e9]] as const
  ) {
    Deno.writeTextFileSync(`${directory}/file`, "the same on both");
    Deno.utimeSync(`${directory}/file`, time, time);
    Deno.writeTextFileSync(`${directory}/new`, "new on both");
  }
  await together(world, sides);
  assert.deepEqual(copiesIn(sides.one), []);
});

/** Writes other bytes of one length and time on both sides; both are there afterwards. */
async function assertTwinsKept(
  world: World,
  sides: Sides,
  timeS: number,
): Promise<void> {
  for (
    const [directory, text] of [[sides.one, "one"], [
      sides.other,
      "two",
    ]] as const
  ) {
    Deno.writeTextFileSync(`${directory}/file`, `${text} of equal length`);
    Deno.utimeSync(`${directory}/file`, timeS, timeS);
  }
  await together(world, sides);
  const texts = ["file", ...copiesIn(sides.other)].map((name) =>
    Deno.readTextFileSync(`${sides.other}/${name}`)
  );
  assert.deepEqual(texts, ["one of equal length", "two of equal length"]);
}

test("client() keeps both when two edits have the same size and time, but other bytes", async (world) => {
  const sides = await apart(world, {
    name: "twins",
    first: "a",
    make: (directory) => Deno.writeTextFileSync(`${directory}/file`, "old"),
  });
  await assertTwinsKept(world, sides, 1.7e9);
});

test("client() keeps both when two new files were written in one millisecond, of one size", async (world) => {
  const sides = await apart(world, {
    name: "new twins",
    first: "a",
    make: () => {},
  });
  await assertTwinsKept(world, sides, Date.now() / 1000);
});

test("client() loses nothing when a file here is a directory there", async (world) => {
  const sides = await apart(world, {
    name: "kinds",
    first: "a",
    make: (directory) => Deno.writeTextFileSync(`${directory}/x`, "old"),
  });
  Deno.removeSync(`${sides.one}/x`);
  Deno.mkdirSync(`${sides.one}/x`);
  Deno.writeTextFileSync(`${sides.one}/x/inside`, "inside");
  Deno.writeTextFileSync(`${sides.other}/x`, "edited");
  await together(world, sides);
  assert.equal(Deno.readTextFileSync(`${sides.other}/x/inside`), "inside");
  const copies = copiesIn(sides.one);
  assert.equal(copies.length, 1, `${copies}`);
  assert.equal(Deno.readTextFileSync(`${sides.one}/${copies[0]}`), "edited");
});

test("client() hands in what was done while the server was stopped", async (world) => {
  const [a, b] = [world.client("a"), world.client("b")];
  const [one, other] = [`${a.files}/offline`, `${b.files}/offline`];
  Deno.mkdirSync(one);
  for (const name of ["edit", "delete", "rename", "clash"]) {
    Deno.writeTextFileSync(`${one}/${name}`, "old");
  }
  await world.waitInStep();
  await world.server.stop();
  await waitFor(
    "the clients to notice",
    async () =>
      (await a.report()).state === "Offline" &&
      (await b.report()).state === "Offline",
  );
  assert.equal((await a.sinkd("status")).code, 1);
  Deno.writeTextFileSync(`${one}/edit`, "edited");
  Deno.removeSync(`${one}/delete`);
  Deno.renameSync(`${other}/rename`, `${other}/renamed`);
  Deno.mkdirSync(`${other}/new/directory`, { recursive: true });
  Deno.writeTextFileSync(`${one}/clash`, "clash of a");
  Deno.writeTextFileSync(`${other}/clash`, "the clash of b");
  await world.server.start();
  await world.waitInStep();
  const tree = treeOf(one);
  assert.equal(Deno.readTextFileSync(`${other}/edit`), "edited");
  assert.deepEqual(
    [...tree.keys()].filter((path) => !path.includes("sinkd-conflict")).sort(),
    ["clash", "edit", "new", "new/directory", "renamed"],
  );
  const copies = copiesIn(one);
  assert.equal(copies.length, 1, `${copies}`);
  assert.deepEqual(
    ["clash", ...copies].map((name) => Deno.readTextFileSync(`${one}/${name}`))
      .sort(),
    ["clash of a", "the clash of b"],
  );
});

testInWorld(
  "client() joins what both sides have when it joins with content",
  { clients: { alice: ["a"] } },
  async (world) => {
    const a = world.client("a");
    const b = world.addMachine("alice", "b");
    const write = (client: WorldClient, files: Record<string, string>) => {
      for (const [path, text] of Object.entries(files)) {
        const full = `${client.files}/${path}`;
        Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), {
          recursive: true,
        });
        Deno.writeTextFileSync(full, text);
      }
    };
    write(a, { "only a": "1", "d/both": "same", "d/clash.txt": "of a" });
    Deno.utimeSync(`${a.files}/d/both`, 1e9, 1e9);
    write(b, {
      "only b": "2",
      "d/both": "same",
      "d/clash.txt": "of b, longer",
    });
    await world.waitInStep({ clients: [a] });
    await world.join(b);
    await b.process.start();
    await world.waitInStep();
    const copies = copiesIn(a.files);
    assert.equal(copies.length, 1, `${copies}`);
    const copy = copies[0] ?? "";
    assert.match(copy, /^d\/clash\.sinkd-conflict-b-.*\.txt$/);
    const texts = [...treeOf(b.files).keys()].sort()
      .filter((path) => path !== "d")
      .map((path) => [path, Deno.readTextFileSync(`${b.files}/${path}`)]);
    assert.deepEqual(texts, [
      ["d/both", "same"],
      [copy, "of b, longer"],
      ["d/clash.txt", "of a"],
      ["only a", "1"],
      ["only b", "2"],
    ]);
  },
);
