import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Entry } from "../../lib/core/entry.ts";
import { NO_EXCLUDES } from "../../lib/core/excludes.ts";
import { relativePath } from "../../lib/core/path.ts";
import { UserChecks } from "../../lib/daemon/user_checks.ts";
import { openJournal } from "../../lib/io/journal.ts";
import type { JournalRow } from "../../lib/core/server_commit.ts";
import { eventually, tempDirectory } from "../support/temp.ts";

const DOCS = { prefix: "docs" };
const CHOSEN = {
  scope: DOCS,
  selection: {
    rules: NO_EXCLUDES,
    only: undefined,
    minSize: undefined,
    maxSize: undefined,
  },
};
const MONTH_MS = 30 * 86_400_000;
const mtimeMs = 1_700_000_000_000;

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function fileOf(text: string): Entry {
  return { kind: "file", size: text.length, mtimeMs, mode: 0o644 };
}

function claim(path: string, text: string) {
  const digest = digestOf(text);
  return { path: relativePath(path), size: text.length, mtimeMs, digest };
}

/** A user's tree with files, as if a client had handed them in. */
function openUser(directory: string, files: Readonly<Record<string, string>>) {
  Deno.mkdirSync(`${directory}/.sinkd`, { recursive: true });
  Deno.mkdirSync(`${directory}/docs`, { recursive: true });
  const journal = openJournal(
    `${directory}/.sinkd/state.db`,
    () => "00000000000000aa",
  );
  let cycle = 0;
  const write = (name: string, text: string) => {
    const full = `${directory}/docs/${name}`;
    Deno.writeTextFileSync(full, text);
    Deno.utimeSync(full, mtimeMs / 1000, mtimeMs / 1000);
  };
  const intentOf = (rows: readonly JournalRow[]) => ({
    scope: DOCS,
    stage: "",
    stamp: { date: 20260102, cycle: ++cycle },
    steps: [],
    rows,
  });
  const rowsOf = (named: Readonly<Record<string, string>>) =>
    Object.entries(named).map(([name, text]): JournalRow => ({
      path: relativePath(name),
      entry: fileOf(text),
      before: undefined,
    }));
  for (const [name, text] of Object.entries(files)) write(name, text);
  journal.finish(intentOf(rowsOf(files)));
  return {
    user: { directory, journal },
    write,
    prepare: (named: Readonly<Record<string, string>>) => {
      const intent = intentOf(rowsOf(named));
      journal.prepare(intent);
      return () => journal.finish(intent);
    },
    [Symbol.dispose]: () => journal[Symbol.dispose](),
  };
}

function openChecks(user: ReturnType<typeof openUser>["user"]): UserChecks {
  return new UserChecks(user, { intervalMs: MONTH_MS, usable: () => true });
}

async function untilChecked(checks: UserChecks): Promise<void> {
  await eventually(() => {
    const { files, checked } = checks.report();
    return files > 0 && files === checked;
  }, { what: "every file to be read" });
}

Deno.test("judge() knows a file once it was read, and tells other bytes", async () => {
  await using directory = tempDirectory();
  using rig = openUser(directory.path, { a: "one", b: "two" });
  await using checks = openChecks(rig.user);
  assert.equal(checks.judge(DOCS, claim("a", "one")), "unknown");
  await untilChecked(checks);
  assert.equal(checks.judge(DOCS, claim("a", "one")), "same");
  assert.equal(checks.judge(DOCS, claim("a", "eno")), "different");
  assert.equal(checks.judge(DOCS, claim("a", "longer")), "unknown");
  assert.equal(checks.judge(DOCS, claim("none", "one")), "unknown");
  assert.deepEqual(checks.report(), {
    files: 1,
    checked: 1,
    damaged: [],
    mended: [],
  });
});

Deno.test("UserChecks finds bytes that changed without a commit, and that they came back", async () => {
  await using directory = tempDirectory();
  using rig = openUser(directory.path, { a: "one", b: "two" });
  await using checks = openChecks(rig.user);
  await checks.sums(CHOSEN);
  await untilChecked(checks);
  rig.write("a", "eno");
  checks.recheck(DOCS);
  await eventually(() => checks.report().damaged.length > 0);
  assert.deepEqual(checks.damaged(DOCS), ["a"]);
  assert.deepEqual(checks.damaged({ prefix: "docs", only: "b" }), []);
  assert.deepEqual(checks.damaged({ prefix: "other" }), []);
  assert.equal(checks.judge(DOCS, claim("a", "one")), "same");
  const finish = rig.prepare({ a: "one" });
  rig.write("a", "one");
  finish();
  checks.onCommit();
  await eventually(() => checks.report().mended.length > 0);
  assert.deepEqual(checks.report().mended, ["docs/a"]);
  assert.deepEqual(checks.report().damaged, []);
});

Deno.test("UserChecks takes new bytes of a commit for what came here, in its middle too", async () => {
  await using directory = tempDirectory();
  using rig = openUser(directory.path, { a: "one", b: "two" });
  let looks = 0;
  await using checks = new UserChecks(rig.user, {
    intervalMs: MONTH_MS,
    usable: () => ++looks > 0,
  });
  await checks.sums(CHOSEN);
  await untilChecked(checks);
  const finish = rig.prepare({ a: "eno" });
  rig.write("a", "eno");
  const before = looks;
  checks.recheck(DOCS);
  await eventually(() => looks > before);
  finish();
  assert.equal(checks.judge(DOCS, claim("a", "one")), "unknown");
  await eventually(
    () => checks.judge(DOCS, claim("a", "eno")) === "same",
    { limitMs: 15_000 },
  );
  assert.deepEqual([checks.report().damaged, checks.report().mended], [[], []]);
});

Deno.test("judge() does not know a file that was committed anew since it was read", async () => {
  await using directory = tempDirectory();
  using rig = openUser(directory.path, { a: "one" });
  await using checks = openChecks(rig.user);
  await checks.sums(CHOSEN);
  await untilChecked(checks);
  const finish = rig.prepare({ a: "eno" });
  rig.write("a", "eno");
  finish();
  assert.equal(checks.judge(DOCS, claim("a", "one")), "unknown");
});

Deno.test("UserChecks finds a file that is gone from its disk", async () => {
  await using directory = tempDirectory();
  using rig = openUser(directory.path, { a: "one" });
  await using checks = openChecks(rig.user);
  await checks.sums(CHOSEN);
  await untilChecked(checks);
  Deno.removeSync(`${directory.path}/docs/a`);
  checks.hurry();
  await eventually(
    () => checks.report().damaged.length > 0,
    { limitMs: 15_000, what: "the damage to be certain" },
  );
  assert.deepEqual(checks.damaged(DOCS), ["a"]);
});

Deno.test("UserChecks goes on after a restart with what it knew", async () => {
  await using directory = tempDirectory();
  using rig = openUser(directory.path, { a: "one" });
  {
    await using checks = openChecks(rig.user);
    await checks.sums(CHOSEN);
    await untilChecked(checks);
  }
  rig.write("a", "eno");
  await using checks = openChecks(rig.user);
  checks.start();
  assert.equal(checks.judge(DOCS, claim("a", "one")), "same");
  checks.recheck(DOCS);
  await eventually(() => checks.report().damaged.length > 0);
});

Deno.test("sums() and listed() are of the scope, and sums() leaves out what is passed over", async () => {
  await using directory = tempDirectory();
  using rig = openUser(directory.path, { a: "one", b: "three" });
  using other = openUser(`${directory.path}/other`, { a: "one" });
  await using checks = openChecks(rig.user);
  await using few = openChecks(other.user);
  const selection = { ...CHOSEN.selection, maxSize: 3 };
  assert.deepEqual(
    await checks.sums({ scope: DOCS, selection }),
    await few.sums(CHOSEN),
  );
  assert.notDeepEqual(await checks.sums(CHOSEN), await few.sums(CHOSEN));
  const all = new Set(Array.from({ length: 256 }, (_, bucket) => bucket));
  const listed = async (limit: number) =>
    (await checks.listed(CHOSEN, all, limit)).map(({ path }) => path);
  assert.deepEqual(await listed(10), ["a", "b"]);
  assert.deepEqual(await listed(1), ["a"]);
  assert.deepEqual(await checks.listed(CHOSEN, new Set(), 10), []);
});
