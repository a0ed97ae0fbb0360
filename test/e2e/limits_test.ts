/** Versions that are larger or smaller than one machine takes. */
import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

interface Limit {
  readonly what: string;
  readonly setting: string;
  /** Contents that machine b takes, another such, and one beyond the limit. */
  readonly within: string;
  readonly edited: string;
  readonly beyond: string;
  readonly again: string;
}

const LIMITS: readonly Limit[] = [
  {
    what: "max_size",
    setting: "rsync_max_size = 1000",
    within: "first",
    edited: "edited here",
    beyond: "x".repeat(5000),
    again: "small again",
  },
  {
    what: "min_size",
    setting: "rsync_min_size = 1000",
    within: "a".repeat(1200),
    edited: "b".repeat(1300),
    beyond: "tiny",
    again: "c".repeat(1400),
  },
];

async function open(
  world: World,
  { setting }: Limit,
): Promise<[WorldClient, WorldClient]> {
  const [a, b] = [world.client("a"), world.client("b")];
  b.configure(b.anchorText(b.files, "files", setting));
  const { code, err } = await b.sinkd("client", "reload");
  assert.equal(code, 0, err);
  return [a, b];
}

function textAt(path: string): string | undefined {
  return itemAt(path)?.kind === "file"
    ? Deno.readTextFileSync(path)
    : undefined;
}

async function untilText(path: string, text: string | undefined) {
  await waitFor(
    `${path} to be ${text?.slice(0, 20)}`,
    () => textAt(path) === text,
    { tell: () => `it is ${textAt(path)?.slice(0, 40)}` },
  );
}

async function untilToldOf(client: WorldClient, name: string): Promise<void> {
  await waitFor(`${name} in status`, async () => {
    const { leftOut } = await client.anchor();
    return leftOut.some(({ cause, paths }) =>
      /not synced, (larger|smaller) than m.._size/.test(cause) &&
      paths.includes(`${client.files}/${name}`)
    );
  });
}

function copiesOf({ files }: WorldClient, name: string): string[] {
  return [...treeOf(files).keys()].filter((path) =>
    path.startsWith(`${name}.sinkd-conflict`)
  );
}

async function untilAgreed(client: WorldClient): Promise<void> {
  const startMs = Date.now();
  await client.sinkd("rescan");
  await waitFor(`${client.name} to agree`, async () => {
    const { agreement } = await client.anchor();
    return agreement.state === "agreed" &&
      Date.parse(agreement.lastAgreed ?? "") >= startMs;
  }, { limitMs: 30_000 });
  const { code, out } = await client.sinkd("status");
  assert.equal(code, 0, out);
}

for (const limit of LIMITS) {
  const { what, within, edited, beyond, again } = limit;

  test(`client() takes an edit of a copy whose next version is beyond ${what} for a conflict`, async (world) => {
    const [a, b] = await open(world, limit);
    const name = `conflict-${what}`;
    Deno.writeTextFileSync(`${a.files}/${name}`, within);
    await untilText(`${b.files}/${name}`, within);
    Deno.writeTextFileSync(`${a.files}/${name}`, beyond);
    await untilToldOf(b, name);
    await untilAgreed(b);
    assert.equal(textAt(`${b.files}/${name}`), within);

    await b.process.stop();
    Deno.writeTextFileSync(`${b.files}/${name}`, edited);
    await b.process.start();
    const copy = await waitFor("the copy", () => copiesOf(a, name)[0]);
    await untilText(`${a.files}/${copy}`, edited);
    assert.equal(textAt(`${a.files}/${name}`), beyond);
    assert.equal(textAt(`${b.files}/${copy}`), edited);
    assert.equal(textAt(`${b.files}/${name}`), undefined);
    await untilAgreed(b);

    Deno.writeTextFileSync(`${a.files}/${name}`, again);
    await untilText(`${b.files}/${name}`, again);
    // From here on it is a file like any.
    Deno.writeTextFileSync(`${b.files}/${name}`, edited);
    await untilText(`${a.files}/${name}`, edited);
    assert.equal(copiesOf(a, name).length, 1);
    await untilAgreed(b);
  });

  test(`client() makes no deletion of the loss of a copy whose next version is beyond ${what}`, async (world) => {
    const [a, b] = await open(world, limit);
    const name = `deleted-${what}`;
    Deno.writeTextFileSync(`${a.files}/${name}`, within);
    await untilText(`${b.files}/${name}`, within);
    Deno.writeTextFileSync(`${a.files}/${name}`, beyond);
    await untilToldOf(b, name);
    Deno.removeSync(`${b.files}/${name}`);
    await untilAgreed(b);
    assert.equal(textAt(`${a.files}/${name}`), beyond);
    // Something new of that name is no version of it.
    Deno.writeTextFileSync(`${b.files}/${name}`, edited);
    const copy = await waitFor("the copy", () => copiesOf(a, name)[0]);
    await untilText(`${a.files}/${copy}`, edited);
    assert.equal(textAt(`${a.files}/${name}`), beyond);
    // A deletion there is one of a file that is not here.
    Deno.removeSync(`${a.files}/${name}`);
    await waitFor("status to drop it", async () => {
      const { leftOut } = await b.anchor();
      return !leftOut.some(({ paths }) => paths.includes(`${b.files}/${name}`));
    });
    Deno.writeTextFileSync(`${b.files}/${name}`, again);
    await untilText(`${a.files}/${name}`, again);
    await untilAgreed(b);
  });

  test(`client() keeps both when a file beyond ${what} here is edited elsewhere`, async (world) => {
    const [a, b] = await open(world, limit);
    const name = `grown-${what}`;
    Deno.writeTextFileSync(`${a.files}/${name}`, within);
    await untilText(`${b.files}/${name}`, within);
    Deno.writeTextFileSync(`${b.files}/${name}`, beyond);
    await untilToldOf(b, name);
    await untilAgreed(b);
    assert.equal(textAt(`${a.files}/${name}`), within);
    Deno.writeTextFileSync(`${a.files}/${name}`, edited);
    await untilText(`${b.files}/${name}`, edited);
    const [copy] = copiesOf(b, name);
    assert.equal(textAt(`${b.files}/${copy}`), beyond);
    assert.deepEqual(copiesOf(a, name), []);
    await untilToldOf(b, copy ?? "");
    await untilAgreed(b);
    Deno.removeSync(`${b.files}/${copy}`);
  });
}
