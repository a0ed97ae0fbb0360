import assert from "node:assert/strict";
import fc from "fast-check";
import { groupHeld } from "../../lib/core/held_groups.ts";

Deno.test("groupHeld() tells the deepest directories when they are few, else the ones above", () => {
  const few = new Map([["photos/2019/a/1", 3], ["photos/2019/b/2", 2]]);
  assert.deepEqual(groupHeld(few), [
    { directory: "photos/2019/a", paths: 1, sinceMs: 3 },
    { directory: "photos/2019/b", paths: 1, sinceMs: 2 },
  ]);
  const many = new Map(
    Array.from({ length: 300 }, (_, at) => [`photos/2019/${at}/x`, at + 1]),
  );
  assert.deepEqual(groupHeld(many.set("top", 7)), [
    { directory: "photos/2019", paths: 300, sinceMs: 1 },
    { directory: "", paths: 1, sinceMs: 7 },
  ]);
});

Deno.test("groupHeld() counts a directory that is gone among what was in it", () => {
  const held = new Map(
    ["photos", "photos/2019", "photos/2019/1", "photos/2019/2"].map((
      path,
    ) => [path, 1]),
  );
  assert.deepEqual(
    groupHeld(held).map(({ directory, paths }) => [directory, paths]),
    [["photos/2019", 3], ["photos", 1]],
  );
});

Deno.test("groupHeld() tells one sum when not even the topmost directories are few", () => {
  const held = new Map(
    Array.from({ length: 5000 }, (_, at) => [`d${at}/x`, at]),
  );
  assert.deepEqual(groupHeld(held), [{
    directory: "",
    paths: 5000,
    sinceMs: 0,
  }]);
});

Deno.test("groupHeld() counts every path once, whatever the tree", () => {
  const name = fc.constantFrom("a", "b", "c", "d");
  const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((parts) =>
    parts.join("/")
  );
  fc.assert(fc.property(fc.array(path), (paths) => {
    const held = new Map(paths.map((each, at) => [each, at]));
    const groups = groupHeld(held);
    const sum = groups.reduce((total, { paths }) => total + paths, 0);
    assert.equal(sum, held.size);
    const directories = new Set(groups.map(({ directory }) => directory));
    assert.equal(directories.size, groups.length);
    assert.ok(groups.length <= 12, `${groups.length} groups`);
  }));
});
