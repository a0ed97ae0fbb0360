/**
 * What people do to files, each on one machine and seen on the other: for both brokers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { shareWorld } from "../support/shared_world.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import type { BrokerKind, World } from "../support/world.ts";
import { LACKS_ROOT } from "../support/needs.ts";
import { waitFor } from "../support/waiting.ts";

/** Names that some program or other stumbles over. */
const HOSTILE_NAMES: readonly string[] = [
  "new\nline",
  "-dash",
  "--delete",
  "#comment",
  ";comment",
  "trailing space ",
  " leading space",
  "n".repeat(255),
  `${"ü".repeat(127)}x`,
  "caf\u00e9",
  "cafe\u0301",
  "%41",
  "A",
  "back\\slash",
  "\\#012",
  'it\'s "quoted"',
  "*?[a]{b}",
  "$HOME `id` $(id) & | ;",
  "tab\there",
  "carriage\rreturn",
  "~",
  "...",
  ".hidden",
  "name: colon",
  "日本語 🚀",
  "\u200b",
  ".~tmp~",
  "x.sinkd",
];

/** Registers the tests. */
export function testChanges(broker: BrokerKind): void {
  const { test } = shareWorld({ broker, clients: { alice: ["a", "b"] } });

  /** The directory `name` on both machines, made on the first and seen on the second. */
  async function onBoth(world: World, name: string): Promise<[string, string]> {
    const [one, other] = world.clients();
    assert.ok(one !== undefined && other !== undefined);
    Deno.mkdirSync(`${one.files}/${name}`);
    await world.waitInStep();
    return [`${one.files}/${name}`, `${other.files}/${name}`];
  }

  test(`client() carries an edit both ways over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "edit");
    Deno.writeTextFileSync(`${a}/file`, "from a");
    await world.waitInStep();
    assert.equal(Deno.readTextFileSync(`${b}/file`), "from a");
    Deno.writeTextFileSync(`${b}/file`, "from b, longer");
    await world.waitInStep();
    assert.equal(Deno.readTextFileSync(`${a}/file`), "from b, longer");
    Deno.writeTextFileSync(`${a}/file`, "");
    await world.waitInStep();
    assert.equal(Deno.readTextFileSync(`${b}/file`), "");
  });

  test(`client() carries an edit of equal size within one second over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "same-size");
    for (const text of ["one", "two", "six", "ten"]) {
      Deno.writeTextFileSync(`${a}/file`, text);
      await waitFor(
        `'${text}' on the other side`,
        () =>
          itemAt(`${b}/file`) !== undefined &&
          Deno.readTextFileSync(`${b}/file`) === text,
      );
    }
    await world.waitInStep();
  });

  test(`client() carries a save by temporary file and rename over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "save");
    for (const text of ["first", "second", "third"]) {
      Deno.writeTextFileSync(`${a}/.file.tmp`, text);
      Deno.renameSync(`${a}/.file.tmp`, `${a}/file`);
    }
    await world.waitInStep();
    assert.equal(Deno.readTextFileSync(`${b}/file`), "third");
    assert.deepEqual([...treeOf(b).keys()], ["file"]);
  });

  test(`client() carries deletions of a file and of a directory over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "delete");
    Deno.writeTextFileSync(`${a}/file`, "1");
    Deno.mkdirSync(`${a}/deep/er`, { recursive: true });
    Deno.writeTextFileSync(`${a}/deep/er/file`, "2");
    await world.waitInStep();
    Deno.removeSync(`${b}/file`);
    await world.waitInStep();
    assert.equal(itemAt(`${a}/file`), undefined);
    Deno.removeSync(`${a}/deep`, { recursive: true });
    await world.waitInStep();
    assert.equal(itemAt(`${b}/deep`), undefined);
  });

  test(`client() carries modes of files and directories over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "modes");
    Deno.writeTextFileSync(`${a}/file`, "x");
    Deno.mkdirSync(`${a}/directory`);
    await world.waitInStep();
    // What its own account may not read waits until it may.
    const unreadable = LACKS_ROOT === undefined ? [0o000] : [];
    for (const mode of [0o755, 0o600, 0o444, ...unreadable, 0o644]) {
      Deno.chmodSync(`${a}/file`, mode);
      await world.waitInStep();
      assert.equal(
        Deno.statSync(`${b}/file`).mode,
        0o100000 | mode,
      );
    }
    for (const mode of [0o700, 0o500, 0o755]) {
      Deno.chmodSync(`${b}/directory`, mode);
      await world.waitInStep();
      assert.equal(Deno.statSync(`${a}/directory`).mode, 0o040000 | mode);
    }
  });

  test(`client() carries a new time of a file alone over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "times");
    Deno.writeTextFileSync(`${a}/file`, "x");
    await world.waitInStep();
    Deno.utimeSync(
      `${a}/file`,
      new Date(),
      new Date("2001-02-03T04:05:06.789Z"),
    );
    await world.waitInStep();
    assert.equal(
      Deno.statSync(`${b}/file`).mtime?.toISOString(),
      "2001-02-03T04:05:06.789Z",
    );
  });

  test(`client() carries links as they are over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "links");
    Deno.writeTextFileSync(`${a}/file`, "x");
    Deno.mkdirSync(`${a}/directory`);
    const targets: Record<string, string> = {
      relative: "file",
      up: "../links/file",
      outside: "../../../../../etc/passwd",
      absolute: "/etc/passwd",
      dangling: "no such thing",
      directory_link: "directory",
      self: "self",
      newline: "a\nb",
      "-dash link": "-target",
    };
    for (const [name, target] of Object.entries(targets)) {
      Deno.symlinkSync(target, `${a}/${name}`);
    }
    await world.waitInStep();
    for (const [name, target] of Object.entries(targets)) {
      assert.equal(Deno.readLinkSync(`${b}/${name}`), target);
    }
    Deno.removeSync(`${b}/relative`);
    Deno.symlinkSync("directory", `${b}/relative`);
    await world.waitInStep();
    assert.equal(Deno.readLinkSync(`${a}/relative`), "directory");
    assert.equal(Deno.readTextFileSync("/etc/passwd").includes("root"), true);
  });

  test(`client() carries empty directories over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "empty");
    Deno.mkdirSync(`${a}/one/two/three`, { recursive: true });
    await world.waitInStep();
    assert.equal(itemAt(`${b}/one/two/three`)?.kind, "directory");
    Deno.removeSync(`${b}/one/two/three`);
    await world.waitInStep();
    assert.equal(itemAt(`${a}/one/two/three`), undefined);
    assert.equal(itemAt(`${a}/one/two`)?.kind, "directory");
  });

  test(`client() carries hostile names over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "names");
    // Enough beside them that what is deleted below is no mass deletion, which would be held.
    for (let i = 0; i < 100; i++) Deno.writeTextFileSync(`${b}/kept${i}`, "");
    for (const name of HOSTILE_NAMES) {
      Deno.writeTextFileSync(`${a}/${name}`, `file ${name}`);
    }
    Deno.mkdirSync(`${a}/directories`);
    for (const name of HOSTILE_NAMES) {
      Deno.mkdirSync(`${a}/directories/${name}`);
      Deno.writeTextFileSync(`${a}/directories/${name}/${name}`, name);
    }
    await world.waitInStep();
    assert.deepEqual(
      [...Deno.readDirSync(b)].map(({ name }) => name).sort(),
      [
        ...HOSTILE_NAMES,
        ...Array.from({ length: 100 }, (_, i) => `kept${i}`),
        "directories",
      ].sort(),
    );
    for (const name of HOSTILE_NAMES) {
      Deno.writeTextFileSync(`${b}/${name}`, `changed ${name}`);
      Deno.removeSync(`${b}/directories/${name}`, { recursive: true });
    }
    await world.waitInStep();
    for (const name of HOSTILE_NAMES) {
      assert.equal(Deno.readTextFileSync(`${a}/${name}`), `changed ${name}`);
    }
    assert.deepEqual([...Deno.readDirSync(`${a}/directories`)], []);
  });

  test(`client() carries one kind of thing in place of another over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "kinds");
    const make: Record<string, (path: string) => void> = {
      file: (path) => Deno.writeTextFileSync(path, "a file"),
      directory: (path) => {
        Deno.mkdirSync(path);
        Deno.writeTextFileSync(`${path}/inside`, "inside");
      },
      link: (path) => Deno.symlinkSync("somewhere", path),
    };
    const kinds = Object.keys(make);
    const pairs = kinds.flatMap((from) =>
      kinds.filter((to) => to !== from).map((to) => ({ from, to }))
    );
    for (const { from, to } of pairs) make[from]?.(`${a}/${from}-${to}`);
    await world.waitInStep();
    for (const { from, to } of pairs) {
      Deno.removeSync(`${b}/${from}-${to}`, { recursive: true });
      make[to]?.(`${b}/${from}-${to}`);
    }
    await world.waitInStep();
    for (const { from, to } of pairs) {
      assert.equal(itemAt(`${a}/${from}-${to}`)?.kind, to);
    }
  });

  test(`client() carries a rename of a directory with 300 files, unasked, over ${broker}`, async (world) => {
    const [a, b] = await onBoth(world, "rename");
    Deno.mkdirSync(`${a}/before`);
    for (let i = 0; i < 300; i++) {
      Deno.writeTextFileSync(`${a}/before/${i}`, `${i}`);
    }
    await world.waitInStep();
    Deno.renameSync(`${a}/before`, `${a}/after`);
    await world.waitInStep();
    assert.equal(itemAt(`${b}/before`), undefined);
    assert.equal([...Deno.readDirSync(`${b}/after`)].length, 300);
    Deno.renameSync(`${b}/after`, `${b}/../renamed-out`);
    await world.waitInStep();
    assert.equal([...Deno.readDirSync(`${a}/../renamed-out`)].length, 300);
  });

  test(`client() leaves nothing of its own in the anchors over ${broker}`, async (world) => {
    await world.waitInStep();
    await world.waitTidy();
    for (const { files } of world.clients()) {
      const conflicts = [...treeOf(files, { bytes: false }).keys()]
        .filter((path) => path.includes("sinkd-conflict"));
      assert.deepEqual(conflicts, []);
    }
  });
}
