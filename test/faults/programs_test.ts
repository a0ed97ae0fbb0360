import assert from "node:assert/strict";
import { assertGuarantees, copiesOf, Ledger } from "../support/guarantees.ts";
import { needing } from "../support/needs.ts";
import { shareWorld } from "../support/shared_world.ts";
import { itemAt } from "../support/tree_view.ts";
import { pause } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const CHECKOUT = new URL("../../", import.meta.url).pathname;
/** One every 100 ms: nine seconds, and up to thirty where the machine is busy. */
const LEAST_SCENES = 90;
const MOST_SCENES = 300;
const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

/** Runs a program in a directory; what it printed. */
async function run(cwd: string, ...args: readonly string[]): Promise<string> {
  const [program = "", ...rest] = args;
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: rest,
    cwd,
    stdin: "null",
    env: {
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_SYSTEM: "/dev/null",
      GIT_AUTHOR_NAME: "t",
      GIT_AUTHOR_EMAIL: "t@localhost",
      GIT_COMMITTER_NAME: "t",
      GIT_COMMITTER_EMAIL: "t@localhost",
    },
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout);
  assert.equal(code, 0, `${args.join(" ")}: ${said}${decoder.decode(stderr)}`);
  return said;
}

/** The directory `name` in both anchors. */
async function onBoth(world: World, name: string): Promise<[string, string]> {
  const [a, b] = [world.client("a").files, world.client("b").files];
  Deno.mkdirSync(`${a}/${name}`);
  await world.waitInStep();
  return [`${a}/${name}`, `${b}/${name}`];
}

/** Ends a test: guarantees 1 and 2, and that nobody was taken for a rival of himself. */
async function assertWhole(world: World, ledger: Ledger): Promise<void> {
  await assertGuarantees(world, ledger, { limitMs: 60_000 });
  assert.deepEqual(copiesOf(world.client("b")), []);
}

test("a file written for nine seconds without being closed is seen elsewhere only as it once was", async (world) => {
  const [a, b] = await onBoth(world, "slow");
  const ledger = new Ledger();
  const seen = new Set<string>();
  let writing = true;
  const reading = (async () => {
    for (; writing; await pause(20)) {
      if (itemAt(`${b}/film`, false) === undefined) continue;
      seen.add(Deno.readTextFileSync(`${b}/film`));
    }
  })();
  const scenes: string[] = [];
  {
    using file = Deno.openSync(`${a}/film`, { write: true, create: true });
    for (let i = 0; i < LEAST_SCENES || seen.size < 3 && i < MOST_SCENES; i++) {
      const scene = `scene ${i} ${"x".repeat(5000)}\n`;
      scenes.push(scene);
      file.writeSync(new TextEncoder().encode(scene));
      await pause(100);
    }
  }
  ledger.note("slow/film", scenes.join(""));
  await assertWhole(world, ledger);
  writing = false;
  await reading;
  const whole = scenes.join("");
  const lengths = new Set([0]);
  for (const scene of scenes) {
    lengths.add(Math.max(...lengths) + scene.length);
  }
  for (const text of seen) {
    assert.ok(whole.startsWith(text) && lengths.has(text.length), "torn");
  }
  assert.ok(seen.size > 2, `seen ${seen.size} times`);
});

test("a log that grows every few milliseconds, and is rotated, is whole on all sides", async (world) => {
  const [a] = await onBoth(world, "log");
  const ledger = new Ledger();
  const texts: string[] = [];
  for (let turn = 0; turn < 3; turn++) {
    let text = "";
    for (let line = 0; line < 250; line++) {
      const more = `turn ${turn} line ${line}\n`;
      Deno.writeTextFileSync(`${a}/log`, more, { append: true });
      text += more;
      await pause(5);
    }
    texts.unshift(text);
    for (let old = turn; old > 0; old--) {
      Deno.renameSync(`${a}/log.${old}`, `${a}/log.${old + 1}`);
    }
    Deno.renameSync(`${a}/log`, `${a}/log.1`);
  }
  for (const [age, text] of texts.entries()) {
    ledger.note(`log/log.${age + 1}`, text);
  }
  await assertWhole(world, ledger);
  assert.equal(itemAt(`${a}/log`), undefined);
});

/** How editors put a new version in the place of the old one. */
const SAVES: readonly {
  readonly editor: string;
  readonly needs?: string;
  readonly save: (directory: string, text: string) => Promise<void> | void;
}[] = [
  ...["no", "yes"].map((copy) => ({
    editor: `vim with backupcopy=${copy}`,
    needs: "vim",
    save: async (directory: string, text: string) => {
      const set = `set backup backupcopy=${copy} swapfile fsync`;
      const put = `call setline(1, ${JSON.stringify(text)})`;
      const options = ["-u", "NONE", "-es", "-c", set];
      await run(directory, "vim", ...options, "-c", put, "-c", "wq", "text");
    },
  })),
  {
    editor: "emacs, with a lock link and a backup by renaming",
    save(directory, text) {
      Deno.symlinkSync("me@host.4711:1", `${directory}/.#text`);
      Deno.writeTextFileSync(`${directory}/#text#`, `${text} half`);
      Deno.renameSync(`${directory}/text`, `${directory}/text~`);
      Deno.writeTextFileSync(`${directory}/text`, `${text}\n`);
      Deno.removeSync(`${directory}/#text#`);
      Deno.removeSync(`${directory}/.#text`);
    },
  },
  {
    editor: "an office suite, with an owner file and two renames",
    save(directory, text) {
      Deno.writeTextFileSync(`${directory}/.~lock.text#`, "me,host");
      Deno.writeTextFileSync(`${directory}/~WRD0001.tmp`, `${text}\n`);
      Deno.renameSync(`${directory}/text`, `${directory}/~WRL0002.tmp`);
      Deno.renameSync(`${directory}/~WRD0001.tmp`, `${directory}/text`);
      Deno.removeSync(`${directory}/~WRL0002.tmp`);
      Deno.removeSync(`${directory}/.~lock.text#`);
    },
  },
];

for (const [index, { editor, needs, save }] of SAVES.entries()) {
  needing(test, needs ?? "sh")(
    `what ${editor} saves is the next version of the same file, on either side`,
    async (world) => {
      const sides = await onBoth(world, `editor-${index}`);
      const ledger = new Ledger();
      Deno.writeTextFileSync(`${sides[0]}/text`, "first\n");
      await world.waitInStep();
      for (let turn = 0; turn < 4; turn++) {
        for (let again = 0; again < 3; again++) {
          await save(sides[turn % 2 ? 1 : 0], `turn ${turn} save ${again}`);
        }
        ledger.note(`editor-${index}/text`, `turn ${turn} save 2\n`);
        await world.waitInStep();
        for (const side of sides) {
          const text = Deno.readTextFileSync(`${side}/text`);
          assert.equal(text, `turn ${turn} save 2\n`);
        }
      }
      await assertWhole(world, ledger);
      const left = [...Deno.readDirSync(sides[1])].map(({ name }) => name)
        .sort();
      const backup = itemAt(`${sides[0]}/text~`) === undefined ? [] : ["text~"];
      assert.deepEqual(left, ["text", ...backup]);
    },
  );
}

needing(test, "git")(
  "a git clone is a sound repository elsewhere, and so are its checkout, commit, rebase and gc",
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    const [here, there] = [`${a.files}/repo`, `${b.files}/repo`];
    await run(
      world.directory,
      "git",
      "clone",
      "-q",
      "--bare",
      CHECKOUT,
      "origin",
    );
    const origin = `${world.directory}/origin`;
    await run(a.files, "git", "clone", "-q", "--no-local", origin, "repo");
    await assertSound(world, there);
    const commits =
      (await run(here, "git", "rev-list", "--max-count=60", "HEAD"))
        .trim().split("\n");
    await run(here, "git", "checkout", "-q", commits.at(-1) ?? "HEAD");
    await assertSound(world, there);
    await run(there, "git", "checkout", "-q", "-b", "topic", commits[0] ?? "");
    Deno.writeTextFileSync(`${there}/of-b`, "made on b\n");
    await run(there, "git", "add", "of-b");
    await run(there, "git", "commit", "-q", "-m", "of b");
    await assertSound(world, here);
    await run(here, "git", "gc", "-q", "--prune=now");
    await assertSound(world, there);
    assert.equal(
      (await run(there, "git", "log", "-1", "--format=%s", "topic")).trim(),
      "of b",
    );
  },
);

/** Both guarantees, and what git itself says of the repository on the other side. */
async function assertSound(world: World, repository: string): Promise<void> {
  const ledger = new Ledger();
  ledger.noteTree(world.client("a"), "repo");
  ledger.noteTree(world.client("b"), "repo");
  await world.waitInStep({ limitMs: 60_000 });
  await run(repository, "git", "fsck", "--full", "--strict");
  const status = ["-c", "core.fileMode=true", "status", "--porcelain"];
  assert.equal(await run(repository, "git", ...status), "");
  await assertWhole(world, ledger);
}
