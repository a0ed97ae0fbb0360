import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type ClientStep,
  type Decided,
  planClientCommit,
} from "../../lib/core/client_commit.ts";
import { type Entry, type Found, sameEntry } from "../../lib/core/entry.ts";
import {
  ancestorsOf,
  type RelativePath,
  relativePath,
} from "../../lib/core/path.ts";
import { conflictPath, decide } from "../../lib/core/reconcile.ts";

type Entries = Readonly<Record<string, Entry>>;

const dir: Entry = { kind: "directory", mode: 0o755 };
const text = (size: number): Entry => ({
  kind: "file",
  size,
  mtimeMs: size,
  mode: 0o644,
});
const link = (target: string): Entry => ({ kind: "link", target });

function found(entry: Entry | undefined): Found | undefined {
  return entry === undefined ? undefined : { entry, inode: 1, ctimeS: 1 };
}

/** Decides every path that the server changed, as a turn does. */
function decided(base: Entries, local: Entries, incoming: Entries): Decided[] {
  const paths = [...new Set([...Object.keys(base), ...Object.keys(incoming)])]
    .filter((path) =>
      JSON.stringify(base[path]) !== JSON.stringify(incoming[path])
    );
  return paths.sort().map(relativePath).map((path) => {
    const decision = decide({
      incoming: incoming[path],
      versions: [],
      base: found(base[path]),
      local: found(local[path]),
      sent: undefined,
    });
    return {
      path,
      incoming: incoming[path],
      local: found(local[path]),
      decision: decision.kind === "compare" ? { kind: "conflict" } : decision,
    };
  });
}

function plan(base: Entries, local: Entries, incoming: Entries): ClientStep[] {
  return planClientCommit(decided(base, local, incoming), {
    localKind: (path) => local[path]?.kind,
    copyName: (path) =>
      conflictPath(path, {
        client: "c",
        timeText: "20260102030405",
        taken: (copy) => copy in local,
      }),
  });
}

/** A disk that refuses what a real one refuses. */
class Model {
  readonly entries: Map<string, Entry>;

  constructor(local: Entries) {
    this.entries = new Map(Object.entries(local));
  }

  apply(step: ClientStep): void {
    const here = this.entries.get(step.path);
    switch (step.do) {
      case "remove":
        // What is not as the plan saw it stays.
        if (here !== undefined && sameEntry(here, step.saw.entry)) {
          this.entries.delete(step.path);
        }
        return;
      case "removeDirectory":
        if (here?.kind !== "directory") return;
        if (!this.#hasChildren(step.path)) this.entries.delete(step.path);
        else if (step.copy !== undefined) this.#move(step.path, step.copy);
        return;
      case "moveAside":
        if (here !== undefined && here.kind !== "directory") {
          this.#move(step.path, step.copy);
        }
        return;
      case "makeDirectory":
        if (here === undefined) this.#set(step.path, dir);
        else assert.equal(here.kind, "directory", `in the way: ${step.path}`);
        return;
      case "put":
        assert.notEqual(here?.kind, "directory", `in the way: ${step.path}`);
        if (step.copy !== undefined && here !== undefined) {
          this.#set(step.copy, here);
        } else if (here !== undefined) {
          assert.ok(step.saw !== undefined && sameEntry(step.saw.entry, here));
        }
        this.#set(step.path, step.entry);
        return;
      case "mode":
        if (here !== undefined && here.kind !== "link") {
          this.entries.set(step.path, { ...here, mode: step.mode });
        }
    }
  }

  #set(path: string, entry: Entry): void {
    for (const above of ancestorsOf(relativePath(path))) {
      assert.equal(this.entries.get(above)?.kind, "directory", above);
    }
    this.entries.set(path, entry);
  }

  #hasChildren(path: string): boolean {
    return [...this.entries.keys()].some((other) =>
      other.startsWith(`${path}/`)
    );
  }

  #move(from: string, to: string): void {
    assert.ok(!this.entries.has(to), `${to} is taken`);
    for (const [path, entry] of [...this.entries]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.entries.delete(path);
      this.entries.set(to + path.slice(from.length), entry);
    }
  }
}

function run(local: Entries, steps: readonly ClientStep[]): Model {
  const model = new Model(local);
  for (const step of steps) model.apply(step);
  return model;
}

const ORDERS: [string, Entries, Entries, string[]][] = [
  ["a tree comes", {}, { d: dir, "d/e": dir, "d/e/f": text(1) }, [
    "makeDirectory d",
    "makeDirectory d/e",
    "put d/e/f",
    "mode d/e",
    "mode d",
  ]],
  ["a tree goes", { d: dir, "d/e": dir, "d/e/f": text(1) }, {}, [
    "remove d/e/f",
    "removeDirectory d/e",
    "removeDirectory d",
  ]],
  ["a file becomes a tree", { p: text(1) }, { p: dir, "p/f": text(1) }, [
    "remove p",
    "makeDirectory p",
    "put p/f",
    "mode p",
  ]],
  ["a tree becomes a file", { p: dir, "p/f": text(1) }, { p: text(2) }, [
    "remove p/f",
    "removeDirectory p",
    "put p",
  ]],
  ["only a mode changes", { f: text(1) }, {
    f: { ...text(1), mode: 0o600 } as Entry,
  }, ["mode f"]],
  ["a link changes", { l: link("a") }, { l: link("b") }, ["put l"]],
];
for (const [what, before, incoming, expected] of ORDERS) {
  Deno.test(`planClientCommit() orders its steps so that each can be done when ${what}`, () => {
    const steps = plan(before, before, incoming);
    assert.deepEqual(steps.map((step) => `${step.do} ${step.path}`), expected);
    assert.deepEqual(
      Object.fromEntries(run(before, steps).entries),
      { ...incoming },
    );
  });
}

Deno.test("planClientCommit() does nothing for what is ignored, adopted, kept or rebased", () => {
  const kinds = [
    { kind: "ignore" },
    { kind: "adopt", verify: true },
    { kind: "keep" },
    { kind: "rebase" },
  ] as const;
  const items = kinds.map((decision, index): Decided => ({
    path: relativePath(`f${index}`),
    incoming: text(2),
    local: found(text(1)),
    decision,
  }));
  const around = { localKind: () => "file" as const, copyName: () => "copy" };
  assert.deepEqual(planClientCommit(items, around), []);
});

Deno.test("planClientCommit() opens the way through a local file that stands above an incoming one", () => {
  const base = { p: dir, "p/f": text(1) };
  const local = { p: text(5) };
  const { entries } = run(
    local,
    plan(base, local, { p: dir, "p/f": text(2) }),
  );
  assert.deepEqual(entries.get("p/f"), text(2));
  assert.ok(
    [...entries].some(([path, entry]) =>
      path.includes("conflict") && entry.kind === "file" && entry.size === 5
    ),
  );
});

const NAMES = ["a", "b", "a/a", "a/b", "a/a/a", "b/a"];
const entries: fc.Arbitrary<Entries> = fc.dictionary(
  fc.constantFrom(...NAMES),
  fc.constantFrom(
    text(1),
    text(2),
    text(3),
    dir,
    { kind: "directory", mode: 0o500 } as Entry,
    link("a"),
    link("b"),
  ),
).map((some) => {
  const whole: Record<string, Entry> = { ...some };
  for (const path of Object.keys(some)) {
    for (const above of ancestorsOf(relativePath(path))) {
      if (whole[above]?.kind !== "directory") whole[above] = dir;
    }
  }
  return whole;
});

Deno.test("planClientCommit() makes of a clean tree exactly the incoming one", () => {
  fc.assert(
    fc.property(entries, entries, (base, incoming) => {
      const steps = plan(base, base, incoming);
      assert.deepEqual(
        Object.fromEntries(run(base, steps).entries),
        { ...incoming },
      );
      assert.ok(
        steps.every((step) => step.do !== "put" || step.copy === undefined),
      );
    }),
    { numRuns: 2000 },
  );
});

Deno.test("planClientCommit() loses no local version, and puts in every incoming one, whatever the trees are", () => {
  fc.assert(
    fc.property(entries, entries, entries, (base, local, incoming) => {
      const after = run(local, plan(base, local, incoming)).entries;
      const content = (entry: Entry) =>
        entry.kind === "file"
          ? `${entry.size}`
          : entry.kind === "link"
          ? entry.target
          : "";
      const kept = new Set([...after.values()].map(content));
      for (const [path, entry] of Object.entries(local)) {
        if (entry.kind === "directory") continue;
        const clean = base[path] !== undefined && sameEntry(base[path], entry);
        assert.ok(clean || kept.has(content(entry)), `${path} is lost`);
      }
      const changed = (path: RelativePath) =>
        JSON.stringify(base[path]) !== JSON.stringify(incoming[path]);
      for (const [path, entry] of Object.entries(incoming)) {
        if (!changed(relativePath(path))) continue;
        const here = after.get(path);
        assert.ok(
          here !== undefined && sameEntry(here, entry),
          `${path} is not in`,
        );
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("planClientCommit() gets to the same when it is done again from any step on", () => {
  fc.assert(
    fc.property(entries, entries, fc.nat(), (base, incoming, many) => {
      const steps = plan(base, base, incoming);
      const done = steps.slice(0, many % (steps.length + 1));
      const model = run(base, done);
      // Where something was done already, a put finds it done: its staged version is gone.
      for (const step of steps) {
        if (step.do === "put" && done.includes(step)) continue;
        model.apply(step);
      }
      assert.deepEqual(Object.fromEntries(model.entries), { ...incoming });
    }),
    { numRuns: 1000 },
  );
});
