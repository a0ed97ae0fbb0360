import assert from "node:assert/strict";
import { Faults } from "../../lib/daemon/faults.ts";

const words = { path: "/a", cause: "it broke", fix: "fix it" };

Deno.test("Faults keeps every kind, however many there are of another, and counts the rest", () => {
  const faults = new Faults();
  faults.note("first", { ...words, kind: "disk", path: "/disk" });
  const many = Array.from({ length: 1204 }, (_, at) => `f${at}`);
  faults.restate(
    "left",
    new Map(many.map((path) => [path, { ...words, path }])),
  );
  faults.note("last", { ...words, kind: "link", path: "/link" });
  const list = faults.list();
  assert.deepEqual(
    [...new Set(list.map(({ kind }) => kind))],
    ["disk", "left", "link"],
  );
  assert.ok(list.length < 150, `${list.length} faults`);
  const rest = list.find(({ cause }) => cause.includes("of this kind"));
  assert.match(rest?.cause ?? "", /^1,104 more problems of this kind/);
  assert.equal(faults.count("problem"), 1206);
});

Deno.test("Faults.restate() lets go of what is not named any more, and of nothing else", () => {
  const faults = new Faults();
  faults.note("other", words);
  const of = (...paths: string[]) =>
    new Map(paths.map((path) => [path, { ...words, path }]));
  faults.restate("left", of("a", "b"));
  const [, a] = faults.list();
  faults.restate("left", of("a", "c"));
  assert.deepEqual(faults.list().map(({ path }) => path), ["/a", "a", "c"]);
  assert.equal(faults.list()[1]?.since, a?.since);
  faults.restate("left", of());
  assert.deepEqual(faults.list().map(({ path }) => path), ["/a"]);
});

Deno.test("Faults has one fault at a key, of the kind and level that were stated last", () => {
  const faults = new Faults();
  faults.note("link", { ...words, kind: "link" });
  faults.note("link", { ...words, kind: "revoked", level: "decision" });
  assert.deepEqual(
    faults.list().map(({ kind, level }) => [kind, level]),
    [["revoked", "decision"]],
  );
  faults.clear("link");
  assert.deepEqual([faults.list(), faults.has("link")], [[], false]);
});

Deno.test("Faults lets an event go some time after it was stated last, and a state never by itself", () => {
  let nowMs = 0;
  const faults = new Faults(() => nowMs);
  faults.note("event", { ...words, path: "/event", lastsMs: 100 });
  faults.note("state", { ...words, path: "/state" });
  nowMs = 90;
  faults.note("event", { ...words, path: "/event", lastsMs: 100 });
  nowMs = 180;
  assert.deepEqual(
    faults.list().map(({ path }) => path).sort(),
    ["/event", "/state"],
  );
  nowMs = 190;
  assert.equal(faults.count("problem"), 1);
  assert.deepEqual(faults.list().map(({ path }) => path), ["/state"]);
});
