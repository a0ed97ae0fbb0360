/** A changed configuration is never a deletion: what leaves an anchor and comes back is joined as at first. */
import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

/** An anchor of a client beside `files`. */
interface Extra {
  /** Its directory, below the client's home. */
  readonly at: string;
  readonly name: string;
  readonly more?: string;
}

/** How a client gets to know another configuration. */
type Way = "running" | "stopped";
const WAYS: readonly Way[] = ["running", "stopped"];

const path = (client: WorldClient, { at }: Extra) => `${client.home}/${at}`;

async function configure(
  client: WorldClient,
  extras: readonly Extra[],
): Promise<void> {
  const texts = extras.map((extra) =>
    client.anchorText(path(client, extra), extra.name, extra.more)
  );
  client.configure(client.anchorText(client.files, "files") + texts.join(""));
  if (await client.process.report() === undefined) return;
  const { code, err } = await client.sinkd("client", "reload");
  assert.equal(code, 0, err);
}

function write(client: WorldClient, extra: Extra, files: readonly string[]) {
  for (const file of files) {
    const full = `${path(client, extra)}/${file}`;
    Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(full, `${file} of ${client.name}`);
  }
}

function has(client: WorldClient, extra: Extra, file: string): boolean {
  return itemAt(`${path(client, extra)}/${file}`) !== undefined;
}

async function untilThere(
  client: WorldClient,
  extra: Extra,
  ...files: string[]
): Promise<void> {
  for (const file of files) {
    await waitFor(
      `${file} on ${client.name}`,
      () => has(client, extra, file),
    );
  }
}

/** An edit each way in an anchor, and then nothing left to do anywhere. */
async function untilSynced(
  world: World,
  extra: Extra,
  clients: readonly WorldClient[] = world.clients(),
): Promise<void> {
  const mark = `mark-${crypto.randomUUID()}`;
  for (const client of clients) {
    write(client, extra, [`${mark}.${client.name}`]);
  }
  for (const client of clients) {
    for (const other of clients) {
      await untilThere(client, extra, `${mark}.${other.name}`);
    }
  }
  await world.waitInStep();
}

/** Makes an anchor on both with what `a` has. */
async function begin(
  world: World,
  extra: Extra,
  files: readonly string[],
): Promise<[WorldClient, WorldClient]> {
  const [a, b] = [world.client("a"), world.client("b")];
  for (const client of [a, b]) {
    Deno.mkdirSync(path(client, extra), { recursive: true });
  }
  write(a, extra, files);
  for (const client of [a, b]) await configure(client, [extra]);
  await untilThere(b, extra, ...files);
  await untilSynced(world, extra);
  return [a, b];
}

/** Runs with the client stopped, or not, and has it read its configuration. */
async function while_(
  way: Way,
  client: WorldClient,
  work: () => Promise<void> | void,
): Promise<void> {
  if (way === "stopped") await client.process.stop();
  await work();
  if (way === "stopped") await client.process.start();
}

const LEAVING: readonly {
  how: string;
  more: string;
  gone: readonly string[];
}[] = [
  {
    how: "a pattern for names",
    more: `excludes = ["*.o"]`,
    gone: ["x.o", "d/y.o"],
  },
  {
    how: "a pattern for directories",
    more: `excludes = ["build/"]`,
    gone: ["build/x", "build/y/z"],
  },
  {
    how: "a list that keeps some",
    more: `excludes = ["+ *.c", "*"]`,
    gone: ["x.o"],
  },
  { how: "max_size", more: `rsync_max_size = 1000`, gone: ["large"] },
  { how: "min_size", more: `rsync_min_size = 5`, gone: ["e"] },
];

for (const way of WAYS) {
  for (const { how, more, gone } of LEAVING) {
    test(`client(), ${way}: what ${how} left out and was deleted then is deleted nowhere, and comes back`, async (world) => {
      const name = `left-${way}-${how.replaceAll(/\W/g, "-")}`;
      const extra = { at: name, name };
      const [a, b] = await begin(world, extra, ["keep.c", ...gone]);
      if (gone.includes("large")) {
        Deno.writeTextFileSync(`${path(a, extra)}/large`, "l".repeat(2000));
      }
      if (gone.includes("e")) {
        Deno.writeTextFileSync(`${path(a, extra)}/e`, "e");
      }
      await untilSynced(world, extra);

      await while_(way, a, async () => {
        await configure(a, [{ ...extra, more }]);
        if (way === "running") return;
        for (const file of gone) Deno.removeSync(`${path(a, extra)}/${file}`);
      });
      if (way === "running") {
        for (const file of gone) Deno.removeSync(`${path(a, extra)}/${file}`);
        if (gone.includes("build/x")) {
          Deno.removeSync(`${path(a, extra)}/build`, { recursive: true });
        }
      }
      write(b, extra, ["later.c"]);
      await untilThere(a, extra, "later.c");
      await world.waitInStep();
      for (const file of gone) assert.ok(has(b, extra, file), file);

      await while_(way, a, () => configure(a, [extra]));
      await untilThere(a, extra, ...gone);
      await untilSynced(world, extra);
      for (const file of ["keep.c", ...gone]) {
        assert.ok(has(b, extra, file), file);
      }
      // From now on it is synced as before: a deletion is one.
      Deno.removeSync(`${path(a, extra)}/${gone[0]}`);
      await waitFor("the deletion", () => !has(b, extra, gone[0] ?? ""));
    });
  }

  test(`rm(), ${way}: what was deleted before add() is deleted nowhere, and nothing here`, async (world) => {
    const extra = { at: `again-${way}`, name: `again-${way}` };
    const [a, b] = await begin(world, extra, ["mine", "d/mine", "theirs"]);
    await while_(way, a, async () => {
      assert.equal((await a.anchors("rm", path(a, extra))).code, 0);
      Deno.removeSync(`${path(a, extra)}/mine`);
      Deno.removeSync(`${path(a, extra)}/d`, { recursive: true });
      Deno.removeSync(`${path(b, extra)}/theirs`);
      const added = ["add", path(a, extra), "--name", extra.name];
      assert.equal((await a.anchors(...added)).code, 0);
    });
    await untilThere(a, extra, "mine", "d/mine");
    await untilThere(b, extra, "mine", "d/mine", "theirs");
    await untilSynced(world, extra);
    assert.ok(has(a, extra, "theirs"));
  });

  test(`client(), ${way}: an anchor that was not configured for a while is a first join`, async (world) => {
    const extra = { at: `away-${way}`, name: `away-${way}` };
    const [a, b] = await begin(world, extra, ["mine", "theirs"]);
    await while_(way, a, () => configure(a, []));
    Deno.removeSync(`${path(a, extra)}/mine`);
    Deno.removeSync(`${path(b, extra)}/theirs`);
    await world.waitInStep();
    await while_(way, a, () => configure(a, [extra]));
    await untilThere(a, extra, "mine", "theirs");
    await untilThere(b, extra, "mine", "theirs");
    await untilSynced(world, extra);
  });

  test(`client(), ${way}: another name and another exclude in one step delete nothing`, async (world) => {
    const extra = { at: `named-${way}`, name: `named-${way}` };
    const files = Array.from({ length: 30 }, (_, index) => `file${index}`);
    const [a, b] = await begin(world, extra, files);
    const next = {
      ...extra,
      name: `renamed-${way}`,
      more: `excludes = ["*.tmp"]\nrsync_max_size = 100000`,
    };
    await while_(way, a, () => configure(a, [next]));
    await waitFor(
      "all of it on the server under its new name",
      () => itemAt(`${world.root}/alice/${next.name}/file29`) !== undefined,
    );
    await world.waitInStep();
    for (const file of files) {
      assert.ok(has(a, next, file) && has(b, extra, file), file);
      assert.ok(itemAt(`${world.root}/alice/${extra.name}/${file}`), file);
    }
  });
}

test("client(): two anchors that change names delete nothing", async (world) => {
  const one = { at: "swap/one", name: "swap-one" };
  const two = { at: "swap/two", name: "swap-two" };
  const [a, b] = [world.client("a"), world.client("b")];
  for (const client of [a, b]) {
    for (const extra of [one, two]) {
      Deno.mkdirSync(path(client, extra), { recursive: true });
    }
  }
  write(a, one, ["in-one"]);
  write(a, two, ["in-two"]);
  for (const client of [a, b]) await configure(client, [one, two]);
  await untilThere(b, one, "in-one");
  await untilThere(b, two, "in-two");
  await world.waitInStep();
  await configure(a, [{ ...one, name: two.name }, { ...two, name: one.name }]);
  await untilThere(a, one, "in-one", "in-two");
  await untilThere(a, two, "in-one", "in-two");
  await untilThere(b, one, "in-one", "in-two");
  await untilThere(b, two, "in-one", "in-two");
  await world.waitInStep();
});

test("client(): a directory that was moved together with its configuration is the same anchor", async (world) => {
  for (const way of WAYS) {
    const extra = { at: `here-${way}`, name: `moved-${way}` };
    const [a, b] = await begin(world, extra, [
      "edited",
      "mine",
      "theirs",
      "same",
    ]);
    const next = { ...extra, at: `elsewhere-${way}/there` };
    await a.process.stop();
    Deno.removeSync(`${path(b, extra)}/theirs`);
    Deno.writeTextFileSync(`${path(b, extra)}/edited`, "by b");
    if (way === "running") await a.process.start();
    Deno.mkdirSync(`${a.home}/elsewhere-${way}`);
    if (way === "running") {
      await waitFor("the deletion", () => !has(a, extra, "theirs"));
    }
    Deno.renameSync(path(a, extra), path(a, next));
    Deno.removeSync(`${path(a, next)}/mine`);
    await configure(a, [next]);
    if (way === "stopped") await a.process.start();
    await waitFor("its deletion there", () => !has(b, extra, "mine"));
    await untilSynced(world, next, [a]);
    await untilThere(b, extra, "edited", "same");
    assert.ok(!has(a, next, "theirs") && !has(b, extra, "theirs"));
    assert.equal(Deno.readTextFileSync(`${path(a, next)}/edited`), "by b");
    const names = [...Deno.readDirSync(path(a, next))].map(({ name }) => name);
    assert.ok(!names.some((name) => name.includes("conflict")), names.join());
  }
});
