import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { assertGuarantees, copiesOf, Ledger } from "../support/guarantees.ts";
import { needing } from "../support/needs.ts";
import { shareWorld } from "../support/shared_world.ts";
import { hashOf, itemAt, treeOf } from "../support/tree_view.ts";
import { pause, waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const CHECKOUT = new URL("../../", import.meta.url).pathname;
const PACKAGES = ["smol-toml", "pure-rand", "@logtape/logtape"];
const WRITING_MS = 8000;

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

/** Runs a script of the shell in a directory; what it printed. */
async function shell(
  cwd: string,
  script: string,
  ...args: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-euc", script, "sh", ...args],
    cwd,
    stdin: "null",
    env: {
      // Not in an anchor: npm deletes most of it again, which is held.
      npm_config_cache: `${CHECKOUT}.deno/npm-cache`,
      npm_config_offline: "true",
    },
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout);
  assert.equal(code, 0, `${script}: ${said}${decoder.decode(stderr)}`);
  return said;
}

/** Where Deno keeps a package of deno.lock, unpacked as its registry has it. */
function packageDirectory(name: string): string {
  const cache = Deno.env.get("DENO_DIR") ?? `${CHECKOUT}.deno/cache`;
  for (const { name: registry } of Deno.readDirSync(`${cache}/npm`)) {
    const versions = `${cache}/npm/${registry}/${name}`;
    if (itemAt(versions) === undefined) continue;
    for (const version of Deno.readDirSync(versions)) {
      if (version.isDirectory) return `${versions}/${version.name}`;
    }
  }
  throw new Error(`Cannot find '${name}' in ${cache}: run scripts/setup`);
}

/** All that is in the anchor of a came to b, as it is, and no copy was made of anything. */
async function assertCarried(world: World, below: string): Promise<void> {
  // Trees may be equal before what was done meanwhile, and undone, has gone through.
  const mark = `${below} ${crypto.randomUUID()}`;
  Deno.writeTextFileSync(`${world.client("a").files}/${mark}`, mark);
  await waitFor(
    "what was done last",
    () => itemAt(`${world.client("b").files}/${mark}`) !== undefined,
  );
  const ledger = new Ledger();
  ledger.noteTree(world.client("a"), below);
  await assertGuarantees(world, ledger, { limitMs: 90_000 });
  assert.deepEqual(copiesOf(world.client("b")), []);
}

needing(test, "npm")(
  "npm install, and npm uninstall after it, are on all sides as npm left them",
  async (world) => {
    const [a, b] = [world.client("a").files, world.client("b").files];
    const packed = `${world.directory}/packed`;
    Deno.mkdirSync(packed);
    Deno.mkdirSync(`${a}/app`);
    Deno.writeTextFileSync(`${a}/app/package.json`, `{"name":"app"}\n`);
    const directories = PACKAGES.map(packageDirectory);
    const pack = `npm pack --silent --ignore-scripts "$@"`;
    await shell(packed, pack, ...directories);
    const install =
      "npm install --silent --ignore-scripts ../../../packed/*.tgz";
    await shell(`${a}/app`, install);
    await assertCarried(world, "app");
    assert.ok(treeOf(`${b}/app/node_modules`, { bytes: false }).size > 150);
    const script =
      `import("smol-toml").then(({ parse }) => console.log(parse("a = 1").a))`;
    assert.equal(await shell(`${b}/app`, `node -e "$1"`, script), "1\n");
    await shell(
      `${b}/app`,
      "npm uninstall --silent --ignore-scripts pure-rand",
    );
    await assertCarried(world, "app");
    assert.equal(itemAt(`${a}/app/node_modules/pure-rand`), undefined);
  },
);

test("tar x of a source tree, and of another version over it, is on all sides as tar left it", async (world) => {
  const [a, b] = [world.client("a").files, world.client("b").files];
  const archives = `${world.directory}/archives`;
  Deno.mkdirSync(archives);
  const pack = `tar -C "$1" -cf new.tar lib scripts test README.md
    mkdir old && tar -C old -xf new.tar
    find old -name '*_test.ts' -delete
    find old -name '*.ts' -exec sed -i '1i // an older one' {} +
    tar -C old -cf old.tar lib scripts test README.md`;
  await shell(archives, pack, CHECKOUT);
  Deno.mkdirSync(`${a}/source`);
  for (const version of ["old", "new", "old", "new"]) {
    await shell(`${a}/source`, `tar -xf "$1"`, `${archives}/${version}.tar`);
    if (version === "new") await assertCarried(world, "source");
  }
  const compare = `tar --compare -f "$1"`;
  await shell(`${b}/source`, compare, `${archives}/new.tar`);
});

test("a SQLite database written for eight seconds is sound elsewhere once it rests, open or closed", async (world) => {
  const [a, b] = [world.client("a").files, world.client("b").files];
  Deno.mkdirSync(`${a}/sqlite`);
  const rows = await writeDatabase(`${a}/sqlite/app.db`, async () => {
    // SQLite writes app.db-shm through memory, which changes no time, and makes it anew from the WAL.
    for (const name of ["app.db", "app.db-wal"]) {
      await waitFor(
        `${name} elsewhere`,
        () =>
          itemAt(`${b}/sqlite/${name}`) !== undefined &&
          hashOf(`${a}/sqlite/${name}`) === hashOf(`${b}/sqlite/${name}`),
      );
    }
    return readDatabase(b, `${world.directory}/open`);
  });
  assert.deepEqual(rows.seen, { check: "ok", count: rows.count });
  await assertCarried(world, "sqlite");
  assert.equal(itemAt(`${b}/sqlite/app.db-wal`), undefined);
  const closed = readDatabase(b, `${world.directory}/closed`);
  assert.deepEqual(closed, { check: "ok", count: rows.count });
});

interface Seen {
  readonly check: unknown;
  readonly count: unknown;
}

/** Fills a database in WAL mode, and asks `whileOpen` before it is closed. */
async function writeDatabase(
  path: string,
  whileOpen: () => Promise<Seen>,
): Promise<{ count: number; seen: Seen }> {
  using database = new DatabaseSync(path);
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 100; CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)",
  );
  const insert = database.prepare("INSERT INTO rows (text) VALUES (?)");
  const update = database.prepare("UPDATE rows SET text = ? WHERE id = ?");
  let count = 0;
  for (
    const endMs = performance.now() + WRITING_MS;
    performance.now() < endMs;
    await pause(10)
  ) {
    database.exec("BEGIN");
    for (let i = 0; i < 5; i++) {
      insert.run(`${++count} ${"x".repeat(count % 3000)}`);
    }
    update.run("changed", 1 + count % 50);
    database.exec("COMMIT");
  }
  return { count, seen: await whileOpen() };
}

/** What SQLite says of a copy of the database, for reading it makes files beside it. */
function readDatabase(files: string, copy: string): Seen {
  Deno.mkdirSync(copy);
  for (const { name } of Deno.readDirSync(`${files}/sqlite`)) {
    Deno.copyFileSync(`${files}/sqlite/${name}`, `${copy}/${name}`);
  }
  using database = new DatabaseSync(`${copy}/app.db`);
  return {
    check: database.prepare("PRAGMA integrity_check").get()
      ?.["integrity_check"],
    count: database.prepare("SELECT count(*) AS n FROM rows").get()?.["n"],
  };
}
