import assert from "node:assert/strict";
import { assertGuarantees, copiesOf, Ledger } from "../support/guarantees.ts";
import { lacking, LACKS_ROOT } from "../support/needs.ts";
import { shareWorld } from "../support/shared_world.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { WorldClient } from "../support/world_client.ts";

/** Root, but bound by the modes of files. */
const BOUND_BY_MODES = [
  "setpriv",
  "--bounding-set=-dac_override,-dac_read_search",
];
/** A named pipe stops the watcher until the canary, which sings every 30 s, has missed it. */
const WATCHER_LIMIT_MS = 50_000;

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });
const isRoot = Deno.uid() === 0;

/** Starts a client anew, under another program. */
async function restart(
  client: WorldClient,
  under: readonly string[],
): Promise<void> {
  await client.process.stop();
  client.process.under = under;
  await client.process.start();
}

async function run(command: string, ...args: string[]): Promise<Disposable> {
  const { code, stderr } = await new Deno.Command(command, { args }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return { [Symbol.dispose]: () => {} };
}

/** Waits until status names `path`, with a cause and something to do. */
async function untilNamed(client: WorldClient, path: string): Promise<string> {
  const fault = await waitFor(
    `${path} in status`,
    async () =>
      (await client.anchor()).errors.find((error) => error.path === path),
    { limitMs: WATCHER_LIMIT_MS },
  );
  assert.ok(fault.fix.length > 0, path);
  return fault.cause;
}

async function untilNoFault(client: WorldClient): Promise<void> {
  await waitFor(
    "no fault in status",
    async () => (await client.anchor()).errors.length === 0,
    { limitMs: WATCHER_LIMIT_MS },
  );
}

interface Kind {
  readonly what: string;
  /** Whether only root can make it. */
  readonly asRoot?: boolean;
  readonly cause: RegExp;
  readonly make: (path: string) => Disposable | Promise<Disposable>;
}

const KINDS: readonly Kind[] = [
  {
    what: "a named pipe",
    cause: /named pipe/,
    make: (path) => run("mkfifo", path),
  },
  {
    what: "a socket",
    cause: /socket/,
    make: (path) => Deno.listen({ transport: "unix", path }),
  },
  {
    what: "a device",
    asRoot: true,
    cause: /device/,
    make: (path) => run("mknod", path, "c", "1", "3"),
  },
];

for (const { what, asRoot = false, cause, make } of KINDS) {
  lacking(test, asRoot ? LACKS_ROOT : undefined)(
    `${what} in the place of a file is named in status, and the file lives on elsewhere`,
    async (world) => {
      const ledger = new Ledger();
      const [a, b] = [world.client("a"), world.client("b")];
      const name = what.replaceAll(" ", "-");
      ledger.write(a, name, `was a file before ${what}`);
      await world.waitInStep();
      await a.process.stop();
      Deno.removeSync(`${a.files}/${name}`);
      using _open = await make(`${a.files}/${name}`);
      await a.process.start();
      assert.match(await untilNamed(a, `${a.files}/${name}`), cause);
      ledger.write(a, `${name}-beside`, "goes on");
      await waitFor(
        "the edit beside it",
        () => itemAt(`${b.files}/${name}-beside`) !== undefined,
        { limitMs: WATCHER_LIMIT_MS },
      );
      ledger.write(b, name, `edited on b beside ${what}`);
      await world.waitInStep({ clients: [b] });
      assert.equal(itemAt(`${a.files}/${name}`)?.kind, "other");
      Deno.removeSync(`${a.files}/${name}`);
      await untilNoFault(a);
      await assertGuarantees(world, ledger, { limitMs: WATCHER_LIMIT_MS });
      assert.deepEqual(copiesOf(b), []);
    },
  );
}

test(
  "a subdirectory without permission is named in status, is no deletion, and is taken up when it opens",
  async (world) => {
    const ledger = new Ledger();
    const [a, b] = [world.client("a"), world.client("b")];
    await restart(a, isRoot ? BOUND_BY_MODES : []);
    Deno.mkdirSync(`${a.files}/shut/deep`, { recursive: true });
    for (let i = 0; i < 20; i++) ledger.write(a, `shut/deep/${i}`, `file ${i}`);
    await world.waitInStep();
    const whole = treeOf(b.files);
    await a.process.stop();
    Deno.chmodSync(`${a.files}/shut/deep`, 0o000);
    await a.process.start();
    await untilNamed(a, `${a.files}/shut/deep`);
    ledger.write(a, "beside-shut", "goes on");
    await waitFor(
      "the edit beside it",
      () => itemAt(`${b.files}/beside-shut`) !== undefined,
    );
    // The mode is carried, too; only root sees into the directory then.
    if (isRoot) {
      for (const [path, item] of whole) {
        assert.equal(itemAt(`${b.files}/${path}`)?.kind, item.kind, path);
      }
      ledger.write(b, "shut/deep/3", "edited on b");
      Deno.removeSync(`${b.files}/shut/deep/4`);
      await world.waitInStep({ clients: [b] });
    } else await untilNamed(b, `${b.files}/shut/deep`);
    Deno.chmodSync(`${a.files}/shut/deep`, 0o755);
    for (const client of [a, b]) await untilNoFault(client);
    await assertGuarantees(world, ledger, { limitMs: WATCHER_LIMIT_MS });
    assert.equal(itemAt(`${a.files}/shut/deep/4`) === undefined, isRoot);
    assert.equal(treeOf(a.files).size, whole.size + (isRoot ? 0 : 1));
    assert.deepEqual(copiesOf(b), []);
    await restart(a, []);
  },
);

test("File and file in one directory are two files, also after they changed names", async (world) => {
  const ledger = new Ledger();
  const [a, b] = [world.client("a"), world.client("b")];
  Deno.mkdirSync(`${a.files}/Case`);
  Deno.mkdirSync(`${a.files}/case`);
  for (const directory of ["Case", "case"]) {
    for (const name of ["File", "file", "FILE"]) {
      ledger.write(a, `${directory}/${name}`, `${directory} ${name}`);
    }
  }
  await world.waitInStep();
  await a.process.stop();
  ledger.write(a, "Case/File", "edited away from the others");
  ledger.write(b, "Case/file", "edited on b");
  Deno.renameSync(`${b.files}/case/FILE`, `${b.files}/case/fILE`);
  Deno.renameSync(`${b.files}/case/File`, `${b.files}/case/exchange`);
  Deno.renameSync(`${b.files}/case/file`, `${b.files}/case/File`);
  Deno.renameSync(`${b.files}/case/exchange`, `${b.files}/case/file`);
  await a.process.start();
  await assertGuarantees(world, ledger);
  const textAt = (path: string) => Deno.readTextFileSync(`${a.files}/${path}`);
  assert.equal(textAt("case/File"), "case file");
  assert.equal(textAt("case/file"), "case File");
  assert.equal(textAt("case/fILE"), "case FILE");
  assert.equal(textAt("Case/file"), "edited on b");
  assert.deepEqual(copiesOf(b), []);
});

test("a path that is excluded here and not there stays as it is here, whatever happens to it there", async (world) => {
  const ledger = new Ledger();
  const [a, b] = [world.client("a"), world.client("b")];
  const configure = async (more: string) => {
    a.configure(a.anchorText(a.files, "files", more));
    const { code, err } = await a.sinkd("client", "reload");
    assert.equal(code, 0, err);
    await waitFor(
      "the client to be back",
      async () => (await a.process.report()) !== undefined,
    );
  };
  Deno.mkdirSync(`${a.files}/build/out`, { recursive: true });
  ledger.write(a, "build/before.o", "of a, on all sides");
  ledger.write(a, "build/main.c", "source");
  await world.waitInStep();
  await configure(`excludes = ["*.o", "/build/out/"]`);
  const local = {
    "build/before.o": "edited on a, for a alone",
    "build/new.o": "of a, for a alone",
    "build/out/x": "of a, for a alone",
  };
  for (const [path, text] of Object.entries(local)) {
    Deno.writeTextFileSync(`${a.files}/${path}`, text);
  }
  ledger.write(b, "build/before.o", "edited on b");
  ledger.write(b, "build/new.o", "of b");
  ledger.write(b, "build/out/x", "of b");
  ledger.write(b, "build/out/y", "of b");
  ledger.write(b, "build/main.c", "source, edited on b");
  await world.waitInStep({ clients: [b] });
  await waitFor(
    "what is not excluded",
    () => Deno.readTextFileSync(`${a.files}/build/main.c`).endsWith("on b"),
  );
  ledger.write(a, "build/main.c", "source, edited on a");
  await waitFor(
    "the edit of a",
    () => Deno.readTextFileSync(`${b.files}/build/main.c`).endsWith("on a"),
  );
  for (const [path, text] of Object.entries(local)) {
    assert.equal(Deno.readTextFileSync(`${a.files}/${path}`), text);
  }
  assert.equal(itemAt(`${a.files}/build/out/y`), undefined);
  // Wanted again: what is only here goes, and of two versions none is lost.
  await configure("");
  for (const [path, text] of Object.entries(local)) ledger.note(path, text);
  await assertGuarantees(world, ledger, { limitMs: WATCHER_LIMIT_MS });
});
