import assert from "node:assert/strict";
import type { Entry } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import { ClientStore } from "../../lib/io/base_store.ts";
import { openJournal } from "../../lib/io/journal.ts";
import {
  EntryLookup,
  readBases,
  readEntries,
} from "../../lib/io/record_pages.ts";
import type { Scope } from "../../lib/ports.ts";
import { tempDirectory } from "../support/temp.ts";

const EPOCH = "00000000000000aa";
const stamp = { date: 20260102, cycle: 3 };
const link: Entry = { kind: "link", target: "x" };
const { signal } = new AbortController();

function names(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `n${9999 - at}`);
}

Deno.test("readBases() reads one anchor in the order of paths, as it was at the start", async () => {
  await using directory = tempDirectory();
  const file = `${directory.path}/client.db`;
  using client = new ClientStore(file);
  const store = client.anchor("/docs");
  const paths = names(1203).map(relativePath);
  const base = { entry: link, inode: 7, ctimeS: 8 };
  store.agree(paths.map((path) => ({ path, base })), { epoch: EPOCH, stamp });
  client.anchor("/other").agree([{ path: relativePath("o"), base }], {
    epoch: EPOCH,
    stamp,
  });
  const seen: string[] = [];
  const position = await readBases(
    { file, anchorPath: "/docs" },
    (page) => {
      if (seen.length === 0) store.forget();
      for (const { path, found } of page) {
        assert.deepEqual(found, base);
        seen.push(path);
      }
    },
    signal,
  );
  assert.deepEqual(seen, [...paths].sort());
  assert.deepEqual(position, { epoch: EPOCH, stamp });
});

const SCOPES: [string, Scope, string[]][] = [
  ["a directory", { prefix: "docs" }, ["a", "a/b", "é"]],
  ["a file", { prefix: "docs", only: "a" }, ["a"]],
  ["a file that is not there", { prefix: "docs", only: "x" }, []],
  ["everything", { prefix: "" }, ["docs-x/a", "docs/a", "docs/a/b", "docs/é"]],
];

for (const [what, scope, expected] of SCOPES) {
  Deno.test(`readEntries() reads what lives in ${what}`, async () => {
    await using directory = tempDirectory();
    const file = `${directory.path}/state.db`;
    using journal = openJournal(file, () => EPOCH);
    const commit = (cycle: number, rows: Record<string, Entry | undefined>) =>
      journal.finish({
        scope: { prefix: "" },
        stage: "",
        stamp: { date: 20260102, cycle },
        steps: [],
        rows: Object.entries(rows).map(([path, entry]) => ({
          path: relativePath(path),
          entry,
          before: undefined,
        })),
      });
    commit(1, { "docs/a": link, "docs/a/b": link, "docs/gone": link });
    commit(2, { "docs/gone": undefined, "docs-x/a": link, "docs/é": link });
    const seen: string[] = [];
    await readEntries({ file, scope }, (page) => {
      seen.push(...page.map(({ path }) => path));
    }, signal);
    assert.deepEqual(seen, expected);
    using lookup = new EntryLookup(file);
    assert.equal(lookup.at("docs/gone"), undefined);
    assert.equal(lookup.at("nothing"), undefined);
    assert.deepEqual(lookup.at("docs/a")?.entry, link);
    assert.ok(
      (lookup.at("docs/a")?.stamp ?? 0) < (lookup.at("docs/é")?.stamp ?? 0),
    );
  });
}

Deno.test("readEntries() reads many pages", async () => {
  await using directory = tempDirectory();
  const file = `${directory.path}/state.db`;
  using journal = openJournal(file, () => EPOCH);
  journal.finish({
    scope: { prefix: "docs" },
    stage: "",
    stamp,
    steps: [],
    rows: names(1001).map((path) => ({
      path: relativePath(path),
      entry: link,
      before: undefined,
    })),
  });
  const seen: string[] = [];
  const from = { file, scope: { prefix: "docs" } };
  await readEntries(from, (page) => {
    seen.push(...page.map(({ path }) => path));
  }, signal);
  assert.deepEqual(seen, names(1001).sort());
});
