import assert from "node:assert/strict";
import { readPid } from "../../lib/io/pid_file.ts";
import { missingForStrace, Strace, straceOptions } from "../support/strace.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import { BOUND, restartUnder, testFault, waitTold } from "./rig.ts";

const missing = missingForStrace();

/** Waits until an edit of `a` beside the fault has come to `b`: the fault holds up nothing else. */
async function goesOn(world: World, path: string): Promise<void> {
  const to = `${world.client("b").files}/${path}`;
  await waitFor(`'${path}' on b`, () => itemAt(to) !== undefined);
}

/** The client's rsync has its reads of one file fail, as from a bad disk; gives back the wrapper. */
function failReads(world: World, file: string): () => void {
  const wrapper = `${world.directory}/bin/rsync`;
  const before = Deno.readTextFileSync(wrapper);
  const options = straceOptions({
    calls: "read,pread64,mmap",
    inject: "error=EIO",
    paths: [file],
    threads: true,
  }).map((option) => `'${option}'`).join(" ");
  Deno.writeTextFileSync(
    wrapper,
    before.replace(
      "#!/bin/sh\n",
      `#!/bin/sh
case "$*" in
  *--server*--daemon*)
    [ -n "$FAILING" ] || FAILING=1 exec strace -qq -o /dev/null ${options} "$0" "$@" ;;
esac
`,
    ),
  );
  return () => Deno.writeTextFileSync(wrapper, before);
}

testFault(
  "a file that cannot be read during a transfer is named in status, stays as it was elsewhere, and goes when it can",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await restartUnder(a.process, BOUND);
    ledger.write(a, "shut");
    ledger.write(a, "bad sector");
    await ledger.settle();
    const before = treeOf(b.files);

    await a.process.stop();
    ledger.write(a, "shut", { bytes: 1000 });
    Deno.chmodSync(`${a.files}/shut`, 0o000);
    await a.process.start();
    await waitTold(a, /shut .*ermission denied/s);
    ledger.write(a, "beside shut");
    await goesOn(world, "beside shut");
    assert.deepEqual(itemAt(`${b.files}/shut`), before.get("shut"));
    Deno.chmodSync(`${a.files}/shut`, 0o644);
    await ledger.settle({ limitMs: 60_000 });

    const mend = failReads(world, `${a.files}/bad sector`);
    ledger.write(a, "bad sector", { bytes: 200_000 });
    await waitTold(a, /bad sector .*(I\/O|Input\/output)/s);
    ledger.write(a, "beside bad sector");
    await goesOn(world, "beside bad sector");
    assert.deepEqual(itemAt(`${b.files}/bad sector`), before.get("bad sector"));
    mend();
    await ledger.settle({ limitMs: 60_000 });
  },
);

testFault(
  "what cannot be looked at or listed during a scan is no deletion, and is taken up when it can",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    Deno.mkdirSync(`${a.files}/d`);
    for (let i = 0; i < 30; i++) ledger.write(a, `d/${i}`);
    ledger.write(a, "lone");
    await ledger.settle();
    const whole = treeOf(b.files);
    const faults = [
      {
        calls: "statx,lstat,newfstatat",
        paths: [`${a.files}/lone`],
        told: /lone .*(I\/O|Input\/output)/s,
      },
      {
        calls: "openat",
        paths: [`${a.files}/d`],
        told: /files\/d .*(I\/O|Input\/output)/s,
      },
      // Deno drops the rest of a listing that breaks, and says nothing.
      { calls: "getdents64", paths: [`${a.files}/d`] },
      { calls: "getdents64", paths: [a.files] },
    ];
    for (const [round, { told, ...fault }] of faults.entries()) {
      const pid = readPid(a.process.pidFile);
      assert.ok(pid !== undefined);
      await using _failing = await Strace.attach(pid, {
        ...fault,
        inject: "error=EIO",
        threads: true,
      });
      const scanned = await a.sinkd("rescan");
      assert.ok(scanned.code === 0 || told !== undefined, scanned.err);
      if (told !== undefined) await waitTold(a, told);
      ledger.write(a, `beside ${round}`);
      await goesOn(world, `beside ${round}`);
      ledger.write(b, `of b ${round}`);
      await waitFor(
        "the edit of b",
        () => itemAt(`${a.files}/of b ${round}`) !== undefined,
      );
      for (const [path, item] of whole) {
        assert.deepEqual(itemAt(`${b.files}/${path}`), item, path);
      }
    }
    await a.sinkd("rescan");
    await ledger.settle();
  },
);

testFault(
  "what the server cannot read is named, is no deletion, and comes when it can",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await restartUnder(world.server, BOUND);
    Deno.mkdirSync(`${a.files}/d`);
    ledger.write(a, "d/in");
    ledger.write(a, "shut");
    await ledger.settle();
    await b.process.stop();
    ledger.write(a, "d/in");
    ledger.write(a, "shut");
    await world.waitInStep({ clients: [a] });
    const stored = world.stored("alice");
    Deno.chmodSync(`${stored}/shut`, 0o000);
    Deno.chmodSync(`${stored}/d`, 0o000);
    await b.process.start();
    await waitTold(b, /shut/);
    await waitTold(b, /d\/in/);
    ledger.write(a, "beside");
    await goesOn(world, "beside");
    assert.equal(itemAt(`${b.files}/d/in`)?.kind, "file");
    assert.equal(itemAt(`${b.files}/shut`)?.kind, "file");
    Deno.chmodSync(`${stored}/d`, 0o2755);
    Deno.chmodSync(`${stored}/shut`, 0o644);
    await ledger.settle({ limitMs: 60_000 });
  },
);
