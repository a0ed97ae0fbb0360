import assert from "node:assert/strict";
import { assertGuarantees, copiesOf, Ledger } from "../support/guarantees.ts";
import { lacking } from "../support/needs.ts";
import { testInWorld } from "../support/shared_world.ts";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const WATCHES = 100;
/** Where watching is not possible, a scan comes every 15 s. */
const SCAN_LIMIT_MS = 40_000;
/** Waits for more words on its input, in a name space of users. */
const HOLD = ["unshare", "--user", "cat"];

/** A name space of users, with the same ones, in which there are few watches for each of them. */
class FewWatches implements AsyncDisposable {
  readonly #holder: Deno.ChildProcess;

  private constructor(holder: Deno.ChildProcess) {
    this.#holder = holder;
  }

  static async open(): Promise<FewWatches> {
    const [command = "", ...args] = HOLD;
    const holder = new Deno.Command(command, { args, stdin: "piped" }).spawn();
    const userSpace = (pid: number | string) =>
      Deno.readLinkSync(`/proc/${pid}/ns/user`);
    await waitFor(
      "a name space of users",
      () => userSpace(holder.pid) !== userSpace("self"),
    );
    for (const map of ["uid_map", "gid_map"]) {
      Deno.writeTextFileSync(`/proc/${holder.pid}/${map}`, "0 0 65536\n");
    }
    return new FewWatches(holder);
  }

  /** What a process is started under. */
  under(): string[] {
    const limit = `echo ${WATCHES} >/proc/sys/user/max_inotify_watches`;
    return [
      ...["nsenter", "--user", `--target=${this.#holder.pid}`],
      ...["sh", "-euc", `${limit}; exec "$@"`, "sh"],
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.close();
    await this.#holder.status;
  }
}

type Run = (world: World) => Promise<void>;

const test = lacking(
  (name: string, run: Run) =>
    testInWorld(name, { clients: { alice: ["a", "b"] } }, run),
  Deno.uid() === 0 ? undefined : "root",
);

test("a limit of 100 watches is told in status with what to raise, and edits go on by scanning", async (world) => {
  const ledger = new Ledger();
  const [a, b] = [world.client("a"), world.client("b")];
  await using few = await FewWatches.open();
  await b.process.stop();
  b.process.under = few.under();
  await b.process.start();
  for (let i = 0; i < 3 * WATCHES; i++) {
    Deno.mkdirSync(`${a.files}/${i}`);
    ledger.write(a, `${i}/file`, `in directory ${i}`);
  }
  await waitFor(
    "the last of them",
    () => itemAt(`${b.files}/${3 * WATCHES - 1}/file`) !== undefined,
    { limitMs: SCAN_LIMIT_MS },
  );
  await untilScanning(world);
  const deep = [0, 1, 150, 299];
  for (const i of deep) ledger.write(b, `${i}/file`, `edited on b in ${i}`);
  ledger.write(b, "299/new", "made on b");
  Deno.removeSync(`${b.files}/298`, { recursive: true });
  await assertGuarantees(world, ledger, { limitMs: SCAN_LIMIT_MS });
  assert.equal(itemAt(`${a.files}/298`), undefined);

  // From the start, too: all watches are gone before the last directory is watched.
  await b.process.stop();
  ledger.write(b, "200/while-away", "made on b");
  await b.process.start();
  await untilScanning(world);
  ledger.write(b, "250/file", "edited on b by scanning");
  ledger.write(a, "251/file", "edited on a meanwhile");
  await assertGuarantees(world, ledger, { limitMs: SCAN_LIMIT_MS });
  assert.deepEqual(copiesOf(a), []);
});

/** Waits until b says that it scans, and what a person can raise. */
async function untilScanning(world: World): Promise<void> {
  const b = world.client("b");
  const watcher = await waitFor("scanning in status", async () => {
    const { watcher } = await b.report();
    return watcher.mode === "scanning" && watcher;
  }, { limitMs: SCAN_LIMIT_MS });
  assert.match(watcher.detail, /fs\.inotify\.max_user_watches/);
  const { out } = await b.sinkd("status");
  assert.match(out, /fs\.inotify\.max_user_watches/);
}
