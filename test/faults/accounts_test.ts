import assert from "node:assert/strict";
import { readPid } from "../../lib/io/pid_file.ts";
import type { DaemonProcess } from "../support/daemon_process.ts";
import type { Ledger } from "../support/ledger.ts";
import { Tmpfs } from "../support/mounts.ts";
import { missingForStrace, Strace } from "../support/strace.ts";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import { BOUND, restartUnder, testFault, TRUST, waitTold } from "./rig.ts";

const missing = missingForStrace();
const ANOTHER = 1234;

testFault(
  "an account that cannot write to a part of its anchor says so, and brings in all the rest",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    Deno.mkdirSync(`${a.files}/theirs`);
    ledger.write(a, "theirs/file");
    ledger.write(a, "theirs/going");
    await ledger.settle();
    b.configure(b.anchorText(b.files, "files", TRUST));
    await restartUnder(b.process, BOUND);
    // A directory of somebody else, which may be read.
    Deno.chmodSync(`${b.files}/theirs`, 0o755);
    Deno.chownSync(`${b.files}/theirs`, ANOTHER, ANOTHER);
    ledger.write(a, "theirs/file");
    ledger.write(a, "theirs/new");
    ledger.remove(a, "theirs/going");
    ledger.write(a, "ours");
    await waitTold(b, /theirs\/new .*ermission denied/s);
    await waitTold(b, /theirs\/file .*ermission denied/s);
    await waitFor("the rest", () => itemAt(`${b.files}/ours`) !== undefined);
    ledger.write(b, "of b");
    await waitFor("b's edit", () => itemAt(`${a.files}/of b`) !== undefined);
    Deno.chownSync(`${b.files}/theirs`, 0, 0);
    await ledger.settle({ limitMs: 60_000 });
  },
);

testFault(
  "an anchor on a disk that went read-only says so, and takes what is new when it can be written again",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await b.process.stop();
    await using disk = await Tmpfs.mount(b.files, "size=8m");
    await b.process.start();
    ledger.write(a, "file");
    ledger.write(a, "going");
    await ledger.settle();
    await waitFor("no stage", () => itemAt(`${b.files}/.sinkd`) === undefined);
    await disk.remount("ro");
    ledger.write(a, "file");
    ledger.remove(a, "going");
    ledger.write(a, "new");
    await waitTold(b, /[Rr]ead-only file ?system/);
    assert.equal(itemAt(`${b.files}/going`)?.kind, "file");
    await disk.remount("rw");
    await ledger.settle({ limitMs: 60_000 });
  },
);

interface Over {
  readonly who: string;
  readonly victim: (world: World) => DaemonProcess;
  readonly calls: string;
}

/** Where a quota can run out: at the record, at a name, at a second name. */
const QUOTAS: readonly Over[] = [
  { who: "server", victim: (world) => world.server, calls: "pwrite64" },
  { who: "server", victim: (world) => world.server, calls: "rename" },
  {
    who: "client",
    victim: (world) => world.client("b").process,
    calls: "linkat",
  },
];

testFault(
  "a quota that runs out at the record or at a name holds the commit, and all goes on after that",
  { missing },
  async (world, ledger) => {
    const a = world.client("a");
    ledger.write(a, "file");
    await ledger.settle();
    for (const [round, over] of QUOTAS.entries()) {
      await exceed(world, ledger, { ...over, round });
    }
  },
);

async function exceed(
  world: World,
  ledger: Ledger,
  { victim, calls, who, round }: Over & { readonly round: number },
): Promise<void> {
  const [a, b] = [world.client("a"), world.client("b")];
  const pid = readPid(victim(world).pidFile);
  assert.ok(pid !== undefined);
  {
    await using _failing = await Strace.attach(pid, {
      calls,
      inject: "error=EDQUOT",
    });
    ledger.write(a, "file");
    ledger.write(b, `of b ${round}`);
    Deno.mkdirSync(`${a.files}/d${round}`);
    ledger.write(a, `d${round}/new`);
    // SQLite tells an I/O error of a quota.
    const told = /quota|I\/O error/i;
    await waitTold(who === "client" ? b : a, told);
  }
  await ledger.settle({ limitMs: 60_000 });
}
