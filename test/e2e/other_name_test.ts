/** Single files whose name on the server differs from their own. */
import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

/** The file's own names, and the server's; each is a neighbour's name elsewhere. */
const NAMES: readonly {
  readonly a: string;
  readonly b: string;
  readonly server: string;
}[] = [
  { a: ".bashrc", b: "rc", server: "bashrc" },
  { a: "bashrc", b: ".bashrc", server: ".bashrc" },
  { a: "a[1]*?.txt", b: "b\\[c\\", server: "s[1]*?" },
  { a: " a 'b' \"c\" ", b: "-x", server: "two  words" },
  { a: "new\nline\t", b: "#%HOME%", server: "!{}~;&" },
  { a: "é".repeat(127), b: "漢🎈", server: "..x" },
];

interface Anchored {
  readonly client: WorldClient;
  readonly path: string;
}

/** Puts both files in step under the server's name, in a directory of their own. */
async function start(
  world: World,
  names: (typeof NAMES)[number],
  texts: { readonly a?: string; readonly b?: string },
): Promise<{ a: Anchored; b: Anchored; stored: string }> {
  const place = async (name: "a" | "b"): Promise<Anchored> => {
    const client = world.client(name);
    const directory = Deno.makeTempDirSync({ dir: client.home });
    const path = `${directory}/${names[name]}`;
    // What has the server's name here is another file, if it is not the file itself.
    Deno.writeTextFileSync(`${directory}/${names.server}`, `neighbour ${name}`);
    Deno.writeTextFileSync(path, texts[name] ?? `of ${name}`);
    const { code, err } = await client.anchors(
      // A pattern is about the name here.
      ...["add", path, "--name", names.server, "--exclude", "linked"],
    );
    assert.equal(code, 0, err);
    return { client, path };
  };
  const a = await place("a");
  await waitFor(
    `${names.server} on the server`,
    () => itemAt(`${world.root}/alice/${names.server}`) !== undefined,
  );
  const b = await place("b");
  for (const { client, path } of [a, b]) {
    await waitFor(`${client.name} to have joined`, async () => {
      const { state, lastSync } = await client.anchor(path);
      return state === "Sinkd" && lastSync !== null;
    });
  }
  return { a, b, stored: `${world.root}/alice/${names.server}` };
}

function text(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

async function becomes(
  { client, path }: Anchored,
  wanted: string | undefined,
): Promise<void> {
  await waitFor(
    `${JSON.stringify(wanted)} in ${path}`,
    () => text(path) === wanted,
    { tell: () => `${text(path)}\n${client.process.logTail()}` },
  );
}

function neighbours(path: string): string[] {
  const directory = path.slice(0, path.lastIndexOf("/"));
  const own = path.slice(directory.length + 1);
  return [...Deno.readDirSync(directory)].map(({ name }) => name)
    .filter((name) => name !== ".sinkd" && name !== own).sort();
}

/** A comparison that was asked for reads the file's bytes and finds nothing. */
async function assertAgreed({ client, path }: Anchored): Promise<void> {
  const sinceMs = Date.now();
  const { code, err } = await client.sinkd("rescan", path);
  assert.equal(code, 0, err);
  await waitFor("a comparison that says agreed", async () => {
    const { agreement: { state, lastAgreed, checked, files } } = await client
      .anchor(path);
    return state === "agreed" && checked === files &&
      Date.parse(lastAgreed ?? "") > sinceMs;
  }, { tell: () => client.process.logTail() });
}

for (const names of NAMES) {
  const shown = JSON.stringify(names);
  test(`a single file syncs under other names: ${shown}`, async (world) => {
    const { a, b, stored } = await start(world, names, { a: "1", b: "1" });
    Deno.writeTextFileSync(a.path, "second, of a");
    await becomes(b, "second, of a");
    assert.equal(text(stored), "second, of a");
    Deno.writeTextFileSync(`${b.path}.new`, "third, by rename");
    Deno.renameSync(`${b.path}.new`, b.path);
    await becomes(a, "third, by rename");
    const neighbour = `${a.path.slice(0, -names.a.length)}${names.server}`;
    Deno.writeTextFileSync(neighbour, "another file, edited");
    const large = "x".repeat(3_000_000);
    Deno.writeTextFileSync(a.path, large);
    await becomes(b, large);
    Deno.writeTextFileSync(b.path, `${large}y`);
    await becomes(a, `${large}y`);
    await assertAgreed(a);
    await assertAgreed(b);
    Deno.removeSync(a.path);
    await becomes(b, undefined);
    assert.equal(itemAt(stored), undefined);
    Deno.writeTextFileSync(b.path, "made anew");
    await becomes(a, "made anew");
    for (const each of [a, b]) {
      const other = each.path.endsWith(`/${names.server}`);
      assert.deepEqual(neighbours(each.path), other ? [] : [names.server]);
      assert.deepEqual(await each.client.faults(), []);
    }
  });
}

const dotfile = (server: string) => ({ a: ".bashrc", b: "rc", server });

test("a conflict of a file with other names keeps both versions, each beside its file", async (world) => {
  const { a, b, stored } = await start(world, dotfile("conflicting"), {
    a: "first, of a",
    b: "first, of b",
  });
  const versions = () =>
    [a, b].flatMap(({ path }) =>
      neighbours(path).filter((name) => name !== "conflicting")
        .map((
          name,
        ) => [name, text(`${path.slice(0, path.lastIndexOf("/"))}/${name}`)])
    );
  assert.deepEqual([text(a.path), text(b.path)], [
    "first, of a",
    "first, of a",
  ]);
  assert.equal(text(stored), "first, of a");
  const [[name, kept] = []] = versions();
  assert.match(name ?? "", /^rc\.sinkd-conflict-b-/);
  assert.equal(kept, "first, of b");
  for (const { client } of [a, b]) {
    assert.equal((await client.process.stop()).code, 0);
  }
  Deno.writeTextFileSync(a.path, "while off, of a");
  Deno.writeTextFileSync(b.path, "while off, also of b");
  await a.client.process.start();
  await waitFor("a's edit", () => text(stored) === "while off, of a");
  await b.client.process.start();
  await becomes(b, "while off, of a");
  assert.deepEqual(versions().map(([, kept]) => kept).sort(), [
    "first, of b",
    "while off, also of b",
  ]);
  Deno.writeTextFileSync(b.path, "after all");
  await becomes(a, "after all");
  await assertAgreed(a);
  await assertAgreed(b);
});

test("a file with other names becomes a link, and a file again", async (world) => {
  const { a, b, stored } = await start(world, dotfile("linked"), {
    a: "1",
    b: "1",
  });
  const linked = ({ path }: Anchored) =>
    itemAt(path) !== undefined && Deno.lstatSync(path).isSymlink
      ? Deno.readLinkSync(path)
      : undefined;
  for (
    const [from, to, target] of [[a, b, "/nowhere/at all"], [
      b,
      a,
      "rc",
    ]] as const
  ) {
    Deno.symlinkSync(target, `${from.path}.new`);
    Deno.renameSync(`${from.path}.new`, from.path);
    await waitFor(`the link to ${target}`, () => linked(to) === target, {
      tell: () => to.client.process.logTail(),
    });
    assert.match(Deno.readLinkSync(stored), /munged/);
    await assertAgreed(from);
  }
  Deno.writeTextFileSync(`${a.path}.new`, "a file again");
  Deno.renameSync(`${a.path}.new`, a.path);
  await becomes(b, "a file again");
  assert.deepEqual(await b.client.faults(), []);
});

test("a file with other names that is written to all the time gets to the others", async (world) => {
  const { a, b } = await start(world, dotfile("busy"), { a: "1", b: "1" });
  let count = 0;
  const writer = setInterval(() => {
    Deno.writeTextFileSync(a.path, `${count++}\n`, { append: true });
  }, 5);
  try {
    await waitFor("some of it", () => (text(b.path)?.length ?? 0) > 100, {
      tell: () => a.client.process.logTail(),
    });
  } finally {
    clearInterval(writer);
  }
  await becomes(b, text(a.path));
  await assertAgreed(b);
});

test("a machine that has neither file nor record of it gets the file, and no directory of its name", async (world) => {
  const a = world.client("a");
  const b = world.client("b");
  const at = (client: WorldClient, name: string) => `${client.home}/${name}`;
  const more = (client: WorldClient, mine: (name: string) => string) =>
    client.configure(
      Deno.readTextFileSync(client.config) +
        ["first-rc", "first-link", "first-dir"].map((name) =>
          client.anchorText(at(client, mine(name)), name)
        ).join(""),
    );
  Deno.writeTextFileSync(at(a, "first-rc"), "of a");
  Deno.writeTextFileSync(at(a, "first-link"), "soon a link");
  Deno.mkdirSync(at(a, "first-dir"));
  Deno.writeTextFileSync(at(a, "first-dir/x"), "in a directory");
  more(a, (name) => name);
  assert.equal((await a.sinkd("client", "reload")).code, 0);
  const stored = (name: string) => itemAt(`${world.root}/alice/${name}`);
  await waitFor(
    "all on the server",
    () =>
      ["first-rc", "first-link", "first-dir/x"].every((name) =>
        stored(name) !== undefined
      ),
  );
  Deno.symlinkSync("/nowhere", at(a, "new-link"));
  Deno.renameSync(at(a, "new-link"), at(a, "first-link"));
  await waitFor(
    "the link on the server",
    () => Deno.lstatSync(`${world.root}/alice/first-link`).isSymlink,
  );
  await b.process.stop();
  more(b, (name) => `.${name}`);
  await b.process.start();
  await becomes({ client: b, path: at(b, ".first-rc") }, "of a");
  await becomes(
    { client: b, path: at(b, ".first-dir/x") },
    "in a directory",
  );
  await waitFor(
    "the link",
    () => itemAt(at(b, ".first-link")) !== undefined,
    { tell: () => b.process.logTail() },
  );
  assert.equal(Deno.readLinkSync(at(b, ".first-link")), "/nowhere");
  Deno.writeTextFileSync(at(b, ".first-rc"), "edited on b");
  await becomes({ client: a, path: at(a, "first-rc") }, "edited on b");
  assert.deepEqual(await b.faults(), []);
});
