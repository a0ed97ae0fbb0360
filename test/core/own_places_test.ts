import assert from "node:assert/strict";
import type { Entry } from "../../lib/core/entry.ts";
import { parseExcludes } from "../../lib/core/excludes.ts";
import {
  ownPathsIn,
  placeAround,
  usualPlaces,
  withOwnPaths,
} from "../../lib/core/own_places.ts";
import { relativePath } from "../../lib/core/path.ts";
import { passesOver, type Selection } from "../../lib/core/selection.ts";

const HOME = "/home/alice";
const FILE: Entry = { kind: "file", size: 1, mtimeMs: 0, mode: 0o600 };
const DIRECTORY: Entry = { kind: "directory", mode: 0o755 };
const LINK: Entry = { kind: "link", target: "/mnt" };
const KINDS = [FILE, DIRECTORY, LINK, undefined];

function selectionOf(
  roots: readonly string[],
  more: { places?: readonly string[]; excludes?: readonly string[] } = {},
): Selection {
  const parsed = parseExcludes(more.excludes ?? []);
  assert.ok(parsed.ok);
  const places = [...usualPlaces(HOME), ...more.places ?? []];
  const own = ownPathsIn(roots, places);
  const rules = withOwnPaths(parsed.rules, own);
  return {
    rules,
    only: undefined,
    minSize: undefined,
    maxSize: undefined,
    own,
  };
}

/** Anchor, its own places by path in it, and what is beside them. */
const TABLE: readonly {
  roots: readonly string[];
  places?: readonly string[];
  own: readonly string[];
  others: readonly string[];
}[] = [
  {
    roots: [HOME],
    own: [".local/state/sinkd", ".config/sinkd.conf", ".cache/sinkd"],
    others: [
      ".local/state",
      ".local/state/sinkd2",
      "sinkd",
      "state/sinkd",
      ".config",
      ".config/sinkd.conf.d",
    ],
  },
  {
    roots: ["/home"],
    own: [
      "alice/.local/state/sinkd",
      "bob/.local/state/sinkd",
      "bob/.config/sinkd.conf",
    ],
    others: ["alice", "bob/.local/state", "bob/.local/state/other"],
  },
  {
    roots: [`${HOME}/.local`],
    own: ["state/sinkd"],
    others: ["state", "share/sinkd"],
  },
  {
    roots: [`${HOME}/.config`],
    own: ["sinkd.conf"],
    others: ["other/sinkd.conf"],
  },
  { roots: ["/var"], own: ["lib/sinkd", "cache/sinkd"], others: ["lib"] },
  { roots: ["/"], own: ["srv/sinkd", "var/lib/sinkd"], others: ["srv"] },
  {
    roots: ["/data", "/mnt/disk"],
    places: ["/mnt/disk/s, [x]*%#\n/state", "/data/run/c.sock"],
    own: ["s, [x]*%#\n/state", "run/c.sock"],
    others: ["s, [x]*%#\n", "run", "run/c.sock2"],
  },
  {
    // Another machine's home, under any path.
    roots: ["/data/home-of-alice"],
    own: [".local/state/sinkd", "deep/er/.local/state/sinkd"],
    others: [".local/state"],
  },
];

for (const { roots, places = [], own, others } of TABLE) {
  Deno.test(`passesOver() keeps sinkd's own places in ${roots} out, whatever is configured`, () => {
    for (const excludes of [[], ["+ **"], ["+ /**", "+ sinkd/", "- *"]]) {
      const selection = selectionOf(roots, { places, excludes });
      for (const path of own) {
        for (const below of ["", "/credentials.json", "/a/b"]) {
          for (const kind of KINDS) {
            const out = passesOver(selection, relativePath(path + below), kind);
            assert.ok(out, `${path}${below} as ${kind?.kind}`);
          }
        }
      }
    }
    const selection = selectionOf(roots, { places });
    for (const path of others) {
      assert.ok(!passesOver(selection, relativePath(path), DIRECTORY), path);
      assert.ok(!passesOver(selection, relativePath(path), undefined), path);
    }
  });
}

Deno.test("passesOver() takes what leads to an own place as a directory and as nothing else", () => {
  const selection = selectionOf([HOME]);
  for (const way of [".local", ".local/state", ".config", ".cache"]) {
    const path = relativePath(way);
    assert.equal(passesOver(selection, path, DIRECTORY), false);
    assert.equal(passesOver(selection, path, LINK), true);
    assert.equal(passesOver(selection, path, FILE), true);
  }
});

Deno.test("placeAround() finds the own place that an anchor is or lies in", () => {
  const places = usualPlaces(HOME);
  const around = (...roots: string[]) => placeAround(roots, places);
  assert.equal(around("/srv/sinkd/alice/docs"), "/srv/sinkd");
  assert.equal(around("/srv/sinkd"), "/srv/sinkd");
  assert.equal(around("/a", "/var/lib/sinkd/x"), "/var/lib/sinkd");
  assert.equal(
    around(`${HOME}/.config/sinkd.conf`),
    `${HOME}/.config/sinkd.conf`,
  );
  assert.equal(around(HOME, "/srv", "/srv/sinkd-files"), undefined);
});
